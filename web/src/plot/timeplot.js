// A picture of history: for each field a band from lowest to highest and a line of means; where a
// point is one record, a line through records. uPlot gives axes and cursor, the drawing is ours:
// points may be buckets of any width, from several tiles. Times are wall milliseconds.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Plot } from './base.js';
import { timeLabels, timeStep, timeTicks } from './timeaxis.js';

const STEP_PX = 3; // a bucket wider than this is drawn as wide as it is
const DOT_PX = 7; // records farther apart than this are dots
const GAP_PX = 6; // a gap wider than this is shaded
const AXIS_PX = 58; // what the y axis and the margin take of the width
const LABEL_PX = 72;
export const COMMIT_MS = 600e3; // the recorder writes more often than that
const PENDING = 'not written yet';
const NOTHING = [new Float64Array(2), new Float64Array(2)];

export class TimePlot extends Plot {
	/**
	 * @param options of Plot, and
	 *   fields      [{index (in lines), name, color}]
	 *   view        TimeView
	 *   request     () asks whoever draws for a new picture
	 *   marks       () => [{t, label}]
	 *   limits      () => values that are drawn across, and that the y axis holds; null: none
	 *   events      true: single records, dots instead of a line
	 *   sync        key of pictures that share a cursor
	 *   labelPx     least pixels between two marks of time
	 */
	constructor(options) {
		super(options, 'wave time');
		this.view = options.view;
		this.dragPans = true;
	}

	/* ---- what gestures ask for -------------------------------------------------------- */

	get frozen() {
		return !this.view.live;
	}

	zoomBy(factor, at) {
		this.view.zoom(factor, at);
	}

	panBy(fraction) {
		this.view.pan(fraction);
	}

	home() {
		this.view.home();
	}

	back() {
		this.view.back();
	}

	goLive() {
		this.view.setLive();
	}

	/* ---- making ----------------------------------------------------------------------- */

	/** Width of the plot area in CSS pixels: as many points are worth asking for. */
	columns() {
		return Math.max(100, this.u?.over.clientWidth || this.size().width - AXIS_PX);
	}

	emptyData() {
		return NOTHING;
	}

	uplotOptions() {
		this.span = this.view.range();
		return {
			...this.frameOptions(() => [this.span.from, this.span.to],
				{ size: 42, splits: (u) => this.ticks(u), values: (u, at) => timeLabels(at, this.step) },
				{ size: AXIS_PX - 12 }),
			cursor: { drag: { x: false, y: false }, y: false, points: { show: false }, sync: { key: this.options.sync, scales: ['x', null] } },
			series: [{}, { scale: 'y', paths: () => null, points: { show: false } }],
			hooks: {
				drawAxes: [(u) => this.clipped(u, () => this.drawGaps(u))],
				draw: [(u) => this.clipped(u, () => this.drawAll(u))],
				setCursor: [() => this.cursorMoved()],
			},
		};
	}

	ticks(u) {
		const { from, to } = this.span;
		this.step = timeStep(from, to, u.over.clientWidth / (this.options.labelPx ?? LABEL_PX));
		return timeTicks(from, to, this.step);
	}

	/* ---- drawing ---------------------------------------------------------------------- */

	request() {
		if (this.u)
			this.options.request();
	}

	/** One picture: of this span, from these lines. */
	draw(span, lines) {
		const { u } = this, { from, to } = span;
		if (!u || !u.over.clientWidth)
			return;
		Object.assign(this, { span, lines });
		this.i0 = Math.max(0, lines.at(from) - 1);
		this.i1 = Math.min(lines.n, lines.at(to) + 2);
		this.yNow = this.auto.next(this.extents(), () => false);
		u.batch(() => {
			u.setScale('x', { min: from, max: to });
			u.setScale('y', { min: this.yNow[0], max: this.yNow[1] });
		});
		if (u.cursor.left >= 0)
			this.cursorMoved();
	}

	/** What the y axis must hold, as AutoRange likes it. */
	extents() {
		const { lines, i0, i1 } = this;
		const y = this.options.fields.flatMap(({ index }) => [lines.lo[index].subarray(i0, i1), lines.hi[index].subarray(i0, i1)]);
		const limits = Float64Array.from(this.limits());
		y.push(limits);
		return { series: y, y, n: Math.max(i1 - i0, limits.length) };
	}

	limits() {
		return (this.options.limits?.() ?? []).filter((v) => v !== null);
	}

	clipped(u, draw) {
		if (!this.lines)
			return;
		const { left, top, width, height } = u.bbox, { ctx } = u;
		ctx.save();
		ctx.beginPath();
		ctx.rect(left, top, width, height);
		ctx.clip();
		draw();
		ctx.restore();
	}

	/** Shades where nothing was recorded: between two records that do not belong together, before the
	 * first of all, behind the last. What is still on its way from
	 * the recorder, just before the page's own records, is said to be so. */
	drawGaps(u) {
		const { lines, i0, i1 } = this, { top, height } = u.bbox, least = GAP_PX * devicePixelRatio;
		const shade = (x0, x1) => x1 - x0 > least && u.ctx.fillRect(x0, top, x1 - x0, height);
		const at = (t) => u.valToPos(t, 'x', true);
		u.ctx.fillStyle = this.ink('--shade-hold');
		for (const [from, to] of lines.empty)
			shade(at(from), at(to));
		for (let i = Math.max(1, i0); i < i1 && !this.options.events; i++) {
			if (!lines.cut[i])
				continue;
			const x0 = at(lines.end[i - 1]), x1 = at(lines.x[i]);
			if (lines.x[i] === lines.first && lines.x[i] - lines.end[i - 1] < COMMIT_MS)
				this.drawPending(u, x0, x1);
			else
				shade(x0, x1);
		}
	}

	drawPending({ ctx, bbox: { top, height } }, x0, x1) {
		ctx.save();
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		ctx.fillStyle = this.ink('--muted');
		ctx.textAlign = 'center';
		if (ctx.measureText(PENDING).width < x1 - x0)
			ctx.fillText(PENDING, (x0 + x1) / 2, top + height / 2);
		ctx.restore();
	}

	/** Bands first, so that no field's band hides another's line. */
	drawAll(u) {
		const at = this.places(u), dots = this.options.events || (this.i1 - this.i0) * DOT_PX * devicePixelRatio < u.bbox.width;
		this.drawLimits(u, at);
		for (const field of this.options.fields)
			this.drawBands(u, field, at);
		for (const field of this.options.fields)
			this.drawLines(u, field, at, dots);
		for (const mark of this.options.marks?.() ?? [])
			this.drawMark(u, mark);
	}

	/** A broken line from side to side at each limit, and what it is. */
	drawLimits({ ctx, bbox: { left, width, top, height } }, { Y }) {
		const px = devicePixelRatio, inside = (y) => Math.min(Math.max(y, top + px), top + height - px);
		ctx.strokeStyle = this.ink('--limit');
		ctx.lineWidth = 1.4 * px;
		ctx.setLineDash([6 * px, 5 * px]);
		ctx.beginPath();
		for (const y of this.limits()) {
			ctx.moveTo(left, inside(Y(y)));
			ctx.lineTo(left + width, inside(Y(y)));
		}
		ctx.stroke();
		ctx.setLineDash([]);
		ctx.font = `600 ${11 * px}px system-ui, sans-serif`;
		ctx.fillStyle = this.ink('--limit');
		ctx.textAlign = 'left';
		const room = 16 * px, all = this.limits();
		for (const y of all) { // a lower limit below its line where there is room, an upper one above
			const at = inside(Y(y)), above = y === all[all.length - 1] ? at - top > room : top + height - at < room;
			ctx.textBaseline = above ? 'bottom' : 'top';
			ctx.fillText(y.toFixed(1), left + 4 * px, at + (above ? -2 : 3) * px);
		}
	}

	/** From times and values to canvas pixels; whether a bucket is wide enough to be seen as one. */
	places({ bbox: { left, width, top, height } }) {
		const { from, to } = this.span, [y0, y1] = this.yNow, { x, end } = this.lines;
		const kx = width / (to - from), ky = height / (y1 - y0), least = STEP_PX * devicePixelRatio;
		return { X: (t) => left + (t - from) * kx, Y: (v) => top + (y1 - v) * ky, wide: (i) => (end[i] - x[i]) * kx > least };
	}

	/** Runs of points without a cut between them: [first, after the last]. */
	*runs(index) {
		const { lines, i0, i1 } = this, mid = lines.mid[index];
		for (let a = i0; a < i1;) {
			while (a < i1 && mid[a] !== mid[a])
				a++;
			let b = a + 1;
			while (b < i1 && !lines.cut[b] && mid[b] === mid[b])
				b++;
			if (a < i1)
				yield [a, b];
			a = b;
		}
	}

	drawBands({ ctx }, { index, color }, at) {
		const { x, end } = this.lines;
		ctx.strokeStyle = ctx.fillStyle = this.ink(color);
		ctx.lineJoin = 'round';
		ctx.setLineDash([]);
		for (const [a, b] of this.runs(index)) {
			if (this.options.events)
				this.drawStems(ctx, index, a, b, at);
			else if (end[a] > x[a] || end[b - 1] > x[b - 1])
				this.fillBand(ctx, index, a, b, at);
		}
	}

	drawLines({ ctx }, { index, color }, at, dots) {
		ctx.strokeStyle = ctx.fillStyle = this.ink(color);
		for (const [a, b] of this.runs(index)) {
			if (!this.options.events)
				this.strokeMeans(ctx, index, a, b, at);
			if (dots || b - a === 1)
				this.drawDots(ctx, index, a, b, at);
		}
	}

	/** Events stand alone: each point a stroke from its lowest to its highest. */
	drawStems(ctx, index, a, b, { X, Y }) {
		const { x, end, lo, hi } = this.lines;
		ctx.globalAlpha = 0.5;
		ctx.lineWidth = 1.4 * devicePixelRatio;
		ctx.beginPath();
		for (let i = a; i < b; i++) {
			const at = X((x[i] + end[i]) / 2);
			ctx.moveTo(at, Y(lo[index][i]));
			ctx.lineTo(at, Y(hi[index][i]));
		}
		ctx.stroke();
		ctx.globalAlpha = 1;
	}

	/** From lowest to highest of each bucket. */
	fillBand(ctx, index, a, b, { X, Y, wide }) {
		const { x, end, lo, hi } = this.lines;
		ctx.globalAlpha = 0.28;
		ctx.beginPath();
		for (let i = a; i < b; i++) {
			const y = Y(hi[index][i]);
			ctx.lineTo(wide(i) || b - a === 1 ? X(x[i]) : X((x[i] + end[i]) / 2), y);
			if (wide(i) || b - a === 1)
				ctx.lineTo(X(end[i]), y);
		}
		for (let i = b - 1; i >= a; i--) {
			const y = Y(lo[index][i]);
			ctx.lineTo(wide(i) || b - a === 1 ? X(end[i]) : X((x[i] + end[i]) / 2), y);
			if (wide(i) || b - a === 1)
				ctx.lineTo(X(x[i]), y);
		}
		ctx.fill();
		ctx.lineWidth = devicePixelRatio; // a spike of one column is seen, however thin
		ctx.stroke();
		ctx.globalAlpha = 1;
	}

	strokeMeans(ctx, index, a, b, { X, Y, wide }) {
		const { x, end, mid } = this.lines;
		ctx.lineWidth = 1.4 * devicePixelRatio;
		ctx.beginPath();
		for (let i = a; i < b; i++) {
			const y = Y(mid[index][i]);
			ctx.lineTo(wide(i) ? X(x[i]) : X((x[i] + end[i]) / 2), y);
			if (wide(i))
				ctx.lineTo(X(end[i]), y);
		}
		ctx.stroke();
	}

	drawDots(ctx, index, a, b, { X, Y }) {
		const { x, end, mid } = this.lines, r = 2.5 * devicePixelRatio;
		for (let i = a; i < b; i++) {
			ctx.beginPath();
			ctx.arc(X((x[i] + end[i]) / 2), Y(mid[index][i]), r, 0, 2 * Math.PI);
			ctx.fill();
		}
	}

	/** A moment that an address names: a line, a flag, a word. */
	drawMark(u, { t, label }) {
		const { ctx } = u, { top, height, left, width } = u.bbox, px = devicePixelRatio, x = u.valToPos(t, 'x', true);
		if (x < left || x > left + width)
			return;
		ctx.strokeStyle = ctx.fillStyle = this.ink('--ink');
		ctx.lineWidth = px;
		ctx.beginPath();
		ctx.moveTo(x, top);
		ctx.lineTo(x, top + height);
		ctx.stroke();
		ctx.beginPath();
		ctx.moveTo(x, top + 3 * px);
		ctx.lineTo(x + 6 * px, top + 8 * px);
		ctx.lineTo(x, top + 13 * px);
		ctx.fill();
		ctx.font = `600 ${11 * px}px system-ui, sans-serif`;
		const room = left + width - x, wide = ctx.measureText(label ?? '').width + 8 * px;
		ctx.textAlign = wide > room ? 'right' : 'left';
		ctx.fillText(label ?? '', x + (wide > room ? -4 : 8) * px, top + 12 * px);
	}

	/** Time under the cursor, or NaN. */
	cursorTime() {
		const left = this.u?.cursor.left ?? -1, { from, to } = this.span;
		return left < 0 ? NaN : from + (left / this.u.over.clientWidth) * (to - from);
	}
}
