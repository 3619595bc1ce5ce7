// Pictures of history on one span of time: the view, what is fetched for it, when it is drawn, and which
// point is meant. Who extends it makes el, stage (in el), spans (a choice() of lengths) and lines, and says
// draw(), readCursor(plot) and isHeard(): whether there is somebody to ask.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Tiles } from '../data/tiles.js';
import { Governor } from '../plot/governor.js';
import { TimeView } from '../plot/timeview.js';
import { setAttr } from './dom.js';

const WANT_MS = 80; // while the picture moves, history is asked for at most this often
const NEAREST_PX = 6;

export class SpanPanel extends EventTarget {
	/** @param load of Tiles
	 * @param nowMs () => wall clock of what is shown
	 * @param lengths [[ms, text], ...] */
	constructor(load, nowMs, lengths, spanMs) {
		super();
		Object.assign(this, { lengths, plots: [], off: new AbortController() });
		this.view = new TimeView(nowMs, spanMs);
		this.tiles = new Tiles(load, nowMs);
		this.governor = new Governor(() => this.draw());
		this.on(this.view, 'view', () => this.viewChanged());
		this.on(this.view, 'settled', () => this.settled());
		this.on(this.tiles, 'change', () => this.arrived());
	}

	/** Until destroy(). */
	on(target, type, fn) {
		target.addEventListener(type, fn, { signal: this.off.signal });
	}

	destroy() {
		clearTimeout(this.wanting);
		this.off.abort();
		this.governor.stop();
		this.tiles.clear();
		this.view.destroy();
		this.closePlots();
	}

	closePlots() {
		for (const plot of this.plots)
			plot.destroy();
		this.plots = [];
		this.stage.replaceChildren();
	}

	adopt(plot, keyHelp) {
		plot.el.setAttribute('aria-description', keyHelp);
		plot.addEventListener('cursor', () => this.readCursor(plot));
		plot.addEventListener('resize', () => this.want());
		this.plots.push(plot);
	}

	viewChanged() {
		const near = this.lengths.find(([ms]) => Math.abs(ms - this.view.span) < ms * 1e-6);
		this.spans.choose(near?.[0] ?? '');
		this.wanting ??= setTimeout(() => this.want(), WANT_MS);
		this.governor.request();
	}

	arrived() {
		if (!this.view.moving)
			for (const plot of this.plots)
				plot.auto.reset();
		this.want();
		this.governor.request();
	}

	settled() {
		this.arrived();
	}

	/** How many points of a span are worth asking for. */
	pointsOf() {
		return this.plots[0].columns();
	}

	/** Sees to it that what is on screen is here, or comes; false: there is nobody to ask. */
	want() {
		clearTimeout(this.wanting);
		this.wanting = undefined;
		if (!this.plots.length || document.hidden || !this.isHeard())
			return false;
		const span = this.view.range();
		this.tiles.want(span, this.pointsOf(span), this.lines.fields);
		setAttr(this.el, 'aria-busy', String(this.tiles.loading));
		return true;
	}

	/** The point under a time, or within a few pixels of it; -1: none. */
	nearest(t) {
		const { lines } = this, i = lines.at(t), slack = NEAREST_PX * this.view.span / this.plots[0].columns();
		const away = (p) => (p < 0 || p >= lines.n ? Infinity : Math.max(0, lines.x[p] - t, t - lines.end[p]));
		const best = away(i) <= away(i - 1) ? i : i - 1;
		return away(best) <= slack ? best : -1;
	}
}
