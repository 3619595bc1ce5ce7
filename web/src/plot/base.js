// What every picture is made of: a focusable box that holds one uPlot, made anew when the theme
// changes and fitted when the box does, its colours, its y range, its axes. A kind of picture adds
// uplotOptions(), emptyData(), request() and what gestures ask for (gestures.js).
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import uPlot from 'uplot';
import { gestures } from './gestures.js';
import { AutoRange } from './range.js';

const WIDTH_MIN_PX = 200;

/** An axis number without noise digits: 1000, 0.25, 2.5e6. */
export const yLabel = (v) => (Math.abs(v) >= 1e6 ? v.toExponential(1).replace('e+', 'e') : String(+v.toPrecision(6)));

/** Events: "resize" when the plot area is new or has another size, "cursor" when it moved. */
export class Plot extends EventTarget {
	/**
	 * @param options
	 *   id      id of the canvas
	 *   label   what a screen reader calls it
	 *   height  (width) => pixels
	 * @param className of the box
	 */
	constructor(options, className) {
		super();
		this.options = options;
		this.auto = new AutoRange();
		this.yNow = [0, 1];
		this.el = document.createElement('div');
		this.el.className = className;
		this.el.tabIndex = 0;
		this.el.setAttribute('role', 'group');
		this.el.setAttribute('aria-label', options.label);
		this.resizer = new ResizeObserver(() => this.resize());
		this.resizer.observe(this.el);
		this.onTheme = () => this.rebuild();
		window.addEventListener('themechange', this.onTheme);
	}

	destroy() {
		this.resizer.disconnect();
		window.removeEventListener('themechange', this.onTheme);
		this.u?.destroy();
		this.u = null;
	}

	color(name) {
		return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || name;
	}

	/** The same, remembered until the theme changes; for what is drawn in every frame. */
	ink(name) {
		let ink = this.inks.get(name);
		if (!ink)
			this.inks.set(name, ink = this.color(name));
		return ink;
	}

	size() {
		const width = Math.max(WIDTH_MIN_PX, Math.floor(this.el.clientWidth));
		return { width, height: Math.round(this.options.height(width)) };
	}

	resize() {
		if (!this.el.clientWidth)
			return;
		if (!this.u)
			return this.rebuild();
		const size = this.size();
		if (size.width !== this.u.width || size.height !== this.u.height)
			this.u.setSize(size);
		this.fitted();
	}

	rebuild() {
		if (!this.el.clientWidth)
			return;
		this.inks = new Map();
		this.u?.destroy();
		this.u = new uPlot(this.uplotOptions(), this.emptyData(), this.el);
		this.u.ctx.canvas.id = this.options.id;
		this.u.ctx.canvas.setAttribute('aria-hidden', 'true');
		gestures(this);
		this.fitted();
	}

	fitted() {
		this.dispatchEvent(new Event('resize'));
		this.request();
	}

	/** What both kinds ask of uPlot; x and y are what is special about an axis. */
	frameOptions(xRange, x, y) {
		const grid = { stroke: this.color('--grid'), width: 1 };
		const axis = { stroke: this.color('--muted'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif', gap: 6 };
		return {
			...this.size(),
			legend: { show: false },
			padding: [10, 12, 0, 0],
			scales: {
				x: { time: false, auto: false, range: xRange },
				y: { auto: false, range: () => this.yNow },
			},
			axes: [{ ...axis, ...x }, { ...axis, space: 34, values: (u, at) => at.map(yLabel), ...y }],
		};
	}

	cursorMoved() {
		this.dispatchEvent(new Event('cursor'));
	}
}
