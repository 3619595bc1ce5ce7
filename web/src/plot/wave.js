// A rolling waveform of one ring: uPlot for axes, scales and cursor; our own decimation, window,
// gestures and overlays. Live, the right edge follows the server's clock, a little behind the
// newest record so that it moves evenly; frozen, it shows a fixed span that can be zoomed and
// panned. All times are boot-clock nanoseconds of the server; x on screen is seconds before the
// right edge of the live view (or of the moment it was frozen).
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Points, decimate } from '../data/decimate.js';
import { Plot } from './base.js';
import { Governor } from './governor.js';

const STALL_MS = 400; // without news for this long the picture stops where the data ends
const SPAN_MIN_S = 0.02;
const SPAN_MAX_S = 60;

const X_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

/** Seconds before the edge, with the digits the step between labels needs; minutes for long spans. */
function xLabel(v, all) {
	const step = all.length > 1 ? all[1] - all[0] : 1;
	if (Math.abs(v) < 1e-9)
		return '0';
	if (step >= 60)
		return `\u2212${Math.round(-v / 60)} min`;
	const digits = step >= 0.999 ? 0 : Math.min(3, Math.ceil(-Math.log10(step * 1.001)));
	return `${v.toFixed(digits).replace('-', '\u2212')} s`;
}

export class WavePlot extends Plot {
	/**
	 * @param options of Plot, and
	 *   series   [{field, label, color (a CSS custom property), width}]
	 *   yRange   [lo, hi] fixed, or null for automatic
	 *   events   true: single records, drawn as dots instead of a line
	 *   spanMax  longest window in seconds (60)
	 *   ySpace   least pixels between two y labels
	 *   clock    the link's server clock
	 *   under(plot, ctx), over(plot, ctx): draw beneath and above the lines
	 */
	constructor(options) {
		super(options, 'wave');
		this.ring = null;
		this.seconds = 10;
		this.frozen = null; // {fromNs, toNs, originNs} or null when live
		this.points = new Points(options.series.map((s) => s.field));
		this.hiddenFields = new Set();
		this.yRange = options.yRange ?? null;
		this.xNow = [-this.seconds, 0];
		this.yNow = this.yRange ?? [0, 1];
		this.governor = new Governor((now) => this.draw(now));
	}

	destroy() {
		this.governor.stop();
		super.destroy();
	}

	/* ---- making ----------------------------------------------------------------------- */

	emptyData() {
		return [new Float64Array(0), ...this.options.series.map(() => new Float32Array(0))];
	}

	uplotOptions() {
		return {
			...this.frameOptions(() => this.xNow,
				{ size: 28, space: 50, incrs: X_STEPS, values: (u, at) => at.map((v) => xLabel(v, at)) },
				{ size: 46, space: this.options.ySpace ?? 34 }),
			cursor: { drag: { x: true, y: false, setScale: false }, y: false, points: { show: false } },
			series: [{}, ...this.options.series.map((s) => this.uplotSeries(s))],
			hooks: {
				drawAxes: [(u) => this.drawn && this.options.under?.(this, u.ctx)],
				draw: [(u) => this.drawn && this.options.over?.(this, u.ctx)],
				setCursor: [() => this.cursorMoved()],
				setSelect: [(u) => this.selected(u)],
			},
		};
	}

	/** A line; or, for events, dots: between two of them there is nothing to connect. */
	uplotSeries({ field, label, color, width }) {
		const stroke = this.color(color), { events } = this.options;
		return {
			scale: 'y', label, stroke,
			width: width ?? 1.25,
			show: !this.hiddenFields.has(field),
			points: { show: !!events, size: 7, fill: stroke },
			...(events ? { paths: () => null } : {}),
			gaps: (u, i, i0, i1) => this.pixelGaps(u, i0, i1),
		};
	}

	pixelGaps(u, i0, i1) {
		const x = this.points.x, gaps = [];
		for (const i of this.points.gaps)
			if (i > i0 && i <= i1)
				gaps.push([u.valToPos(x[i - 1], 'x', true), u.valToPos(x[i], 'x', true)]);
		return gaps;
	}

	/* ---- what is shown ---------------------------------------------------------------- */

	setRing(ring) {
		this.ring = ring;
		this.request();
	}

	setSeconds(seconds) {
		this.seconds = Math.min(this.spanMax(), Math.max(SPAN_MIN_S, seconds));
		this.changed();
	}

	/** Stops at what is on screen now. */
	freeze() {
		if (this.frozen)
			return;
		const { fromNs, toNs } = this.span();
		this.frozen = { fromNs, toNs, originNs: toNs };
		this.changed();
	}

	/** The longest span: a minute, or for slow topics all that the ring may hold. */
	spanMax() {
		return this.options.spanMax ?? SPAN_MAX_S;
	}

	/** Freezes on a span, kept within what the ring holds. */
	show(fromNs, toNs) {
		const originNs = this.frozen?.originNs ?? this.span().toNs;
		const { ring } = this;
		const oldest = ring?.end ? ring.bootNs[ring.start & ring.mask] : originNs;
		const width = Math.min(this.spanMax(), Math.max(SPAN_MIN_S, (toNs - fromNs) * 1e-9)) * 1e9;
		let from = (fromNs + toNs) / 2 - width / 2;
		from = Math.min(Math.max(from, Math.min(oldest, originNs - width)), originNs - width);
		this.frozen = { fromNs: from, toNs: from + width, originNs };
		this.changed();
	}

	goLive() {
		this.frozen = null;
		this.changed();
	}

	/** What gestures ask for. Zooms by factor (< 1: closer) around a fraction of the width; a live
	 * picture changes its length. */
	zoomBy(factor, at = 0.5) {
		if (!this.frozen)
			return this.setSeconds(this.seconds * factor);
		const { fromNs, toNs } = this.frozen, centre = fromNs + at * (toNs - fromNs);
		this.show(centre - (centre - fromNs) * factor, centre + (toNs - centre) * factor);
	}

	/** Moves the picture by a fraction of its width; freezes it. */
	panBy(fraction) {
		this.freeze();
		const { fromNs, toNs } = this.frozen, by = fraction * (toNs - fromNs);
		this.show(fromNs + by, toNs + by);
	}

	home() {
		this.panBy(-1e6);
	}

	back() {
		this.goLive();
	}

	setField(field, visible) {
		this.hiddenFields[visible ? 'delete' : 'add'](field);
		const i = this.options.series.findIndex((s) => s.field === field);
		if (this.u && i >= 0)
			this.u.setSeries(i + 1, { show: visible });
		this.auto.reset();
		this.request();
	}

	setYRange(range) {
		this.yRange = range;
		this.auto.reset();
		this.request();
	}

	changed() {
		this.auto.reset();
		this.dispatchEvent(new Event('view'));
		this.request();
	}

	/** The time span on screen. */
	span() {
		if (this.frozen)
			return this.frozen;
		const toNs = this.edgeNs();
		return { fromNs: toNs - this.seconds * 1e9, toNs, originNs: toNs };
	}

	/** The right edge of the live view: the server's now, less what delivery takes. */
	edgeNs() {
		const newest = this.ring?.lastBootNs() ?? 0;
		const delay = this.options.delayMs?.() ?? 60;
		const wanted = this.options.clock.nowNs() - delay * 1e6;
		if (!newest || wanted - newest > this.stallMs() * 1e6)
			return newest || wanted;
		return wanted;
	}

	/** Positions in the ring that are on screen, one more at each side so that lines reach it. */
	visible() {
		const { ring } = this;
		if (!ring?.end)
			return [0, 0];
		const { fromNs, toNs } = this.span();
		const p0 = Math.max(ring.start, ring.lowerBound(ring.bootNs, fromNs) - 1);
		return [p0, Math.min(ring.end, ring.lowerBound(ring.bootNs, toNs) + 1)];
	}

	/** The position whose record is nearest to the cursor, or -1. */
	cursorPosition() {
		const left = this.u?.cursor.left ?? -1;
		if (left < 0 || !this.ring?.end)
			return -1;
		const ns = this.nsAt(left);
		const p = this.ring.lowerBound(this.ring.bootNs, ns);
		if (p >= this.ring.end)
			return ns - this.ring.lastBootNs() < 5e7 ? this.ring.end - 1 : -1;
		return p === this.ring.start && this.ring.bootNs[p & this.ring.mask] - ns > 5e7 ? -1 : p;
	}

	/** Time at so many CSS pixels from the left of the plot area. */
	nsAt(left) {
		const { fromNs, toNs } = this.span();
		return fromNs + (left / this.u.over.clientWidth) * (toNs - fromNs);
	}

	/** Canvas pixel of a time; for overlays. */
	xOf(ns) {
		return this.u.valToPos((ns - this.drawnOriginNs) * 1e-9, 'x', true);
	}

	yOf(value) {
		return this.u.valToPos(value, 'y', true);
	}

	selected(u) {
		const { left, width } = u.select;
		if (width < 6)
			return;
		const fromNs = this.nsAt(left), toNs = this.nsAt(left + width);
		u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
		this.show(fromNs, toNs);
	}

	/* ---- drawing ---------------------------------------------------------------------- */

	request() {
		if (this.u)
			this.governor.request();
	}

	/** One picture. Returns true while the picture moves by itself. */
	draw() {
		const { u, points } = this;
		if (!u || !u.over.clientWidth)
			return false;
		const view = this.span(), [p0, p1] = this.visible();
		this.drawnOriginNs = view.originNs;
		this.drawn = { ...view, p0, p1 };
		if (this.ring)
			decimate(this.ring, p0, p1, u.bbox.width / devicePixelRatio, view.originNs, points);
		this.options.before?.(this);
		this.yNow = this.yRange ?? this.auto.next(points, (i) =>
			this.hiddenFields.has(points.series[i]));
		this.xNow = [view.fromNs, view.toNs].map((ns) => (ns - view.originNs) * 1e-9);
		u.batch(() => {
			u.setData([points.x.subarray(0, points.n),
				...points.y.map((y) => y.subarray(0, points.n))], false);
			u.setScale('x', { min: this.xNow[0], max: this.xNow[1] });
			u.setScale('y', { min: this.yNow[0], max: this.yNow[1] });
		});
		if (u.cursor.left >= 0)
			this.cursorMoved();
		return this.moving();
	}

	moving() {
		if (this.frozen || !this.ring?.end)
			return false;
		const behind = (this.options.clock.nowNs() - this.ring.lastBootNs()) * 1e-6;
		return behind < this.stallMs() + 200;
	}

	/** A slow topic stalls when its next record is overdue, a fast one after STALL_MS. */
	stallMs() {
		const hz = this.ring.schema.rate_hz;
		return hz > 0 ? Math.max(STALL_MS, 2500 / hz) : Infinity;
	}
}
