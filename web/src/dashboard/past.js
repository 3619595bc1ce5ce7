// Day, week and year of temperature and humidity, with the limits of the alerts drawn in: what the
// recorder kept and, at the live edge, the readings that this page has heard itself.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Lines, addTiles, cutGaps, findEmpty, longestStep } from '../data/lines.js';
import { pointsFrom } from '../net/history.js';
import { momentClock, dateText } from '../plot/timeaxis.js';
import { TimePlot } from '../plot/timeplot.js';
import { choice, h, remembered, setText } from '../ui/dom.js';
import { SpanPanel } from '../ui/spanpanel.js';
import { pointsOf } from './points.js';

const PATH = '/dashboard/history';
const DAY = 86400e3, OLDEST = 400 * DAY; // the recorder keeps no more
const SPANS = [[DAY, 'DAY'], [7 * DAY, 'WEEK'], [365 * DAY, 'YEAR']];
const KEY_HELP = 'Plus and minus zoom, arrow keys move, Backspace goes back, End goes to the present.';
const COMMIT_MS = 120e3; // the recorder writes that often
const TICK_MS = 1000, HEARD_MAX = 4000;

const NO_POINTS = { min: new Float64Array(0), max: new Float64Array(0), mean: new Float64Array(0) };

/** What is not in store yet has no points: that is an answer too. */
async function load(what, signal) {
	const answer = await pointsFrom(PATH, what, signal);
	return { ...answer, fields: Object.fromEntries(what.fields.map((f) => [f, answer.fields[f] ?? NO_POINTS])) };
}

function usualSpan() {
	const ms = +remembered.get('dashboard.span', DAY);
	return SPANS.some(([each]) => each === ms) ? ms : DAY;
}

export class Past extends SpanPanel {
	/** @param source Source
	 * @param limits () => what limitsIn() gives */
	constructor(root, source, limits) {
		super(load, () => source.nowMs(), SPANS, usualSpan());
		Object.assign(this, { source, limits, heard: [], fahrenheit: false });
		this.build(root);
		setInterval(() => this.tick(), TICK_MS);
		matchMedia('print').addEventListener?.('change', () => this.inkChanged());
	}

	/** On paper the pictures have the colours of paper, and it does not wait for the next frame. */
	inkChanged() {
		window.dispatchEvent(new Event('themechange'));
		this.draw();
	}

	/* ---- making ----------------------------------------------------------------------- */

	build(root) {
		this.spans = choice('Length of the history', SPANS.map(([ms, text]) => [ms, text]), this.view.span, (ms) => this.choose(ms));
		this.back = h('button', { type: 'button', id: 'now-btn', hidden: true, onclick: () => this.view.setLive(usualSpan()) }, 'BACK TO NOW');
		this.stage = h('div', { id: 'stage' });
		this.note = h('p', { class: 'dim', id: 'past-note', role: 'status', hidden: true });
		this.readout = h('p', { class: 'dim readout', id: 'readout', 'aria-hidden': 'true' });
		this.el = h('section', { class: 'panel past', 'aria-labelledby': 'past-head' },
			h('h2', { id: 'past-head' }, 'HISTORY'), this.back, h('div', { class: 'choices' }, this.spans), this.stage, this.note, this.readout);
		root.append(this.el);
		this.setUnit(this.fahrenheit);
	}

	/** The picture of the temperature is drawn anew in the other unit. */
	setUnit(fahrenheit) {
		this.fahrenheit = fahrenheit;
		this.closePlots();
		this.lines = new Lines([fahrenheit ? 'temperature_f' : 'temperature_c', 'humidity']);
		this.addPlot(0, 'temperature', fahrenheit ? '\u00b0F' : '\u00b0C', '--temp');
		this.addPlot(1, 'humidity', '%', '--humidity');
		this.viewChanged();
	}

	addPlot(index, name, unit, color) {
		const plot = new TimePlot({
			id: `past-${name}`, label: `${name} over time`, fields: [{ index, name, color }], view: this.view, sync: 'past',
			limits: () => this.limits()[name], labelPx: 56, height: () => 150, request: () => this.governor.request(),
		});
		plot.summary = h('p', { class: 'dim', id: `summary-${name}` });
		Object.assign(plot, { unit, word: name.toUpperCase() });
		this.adopt(plot, KEY_HELP);
		this.stage.append(plot.summary, h('div', { class: 'stage' }, plot.el));
	}

	/* ---- what is shown ---------------------------------------------------------------- */

	choose(ms) {
		remembered.set('dashboard.span', String(ms));
		this.view.setLive(ms);
	}

	/** A reading that this page was told; its time is that of the appliance. */
	hear(reading) {
		const last = this.heard[this.heard.length - 1];
		if (reading.at_ms <= (last?.at_ms ?? -Infinity))
			return;
		this.heard.push(reading);
		this.heard.splice(0, this.heard.length - HEARD_MAX);
		this.tiles.stored = Math.floor(reading.at_ms / COMMIT_MS) * COMMIT_MS;
		this.want();
		this.governor.request();
	}

	viewChanged() {
		this.back.hidden = this.view.live;
		super.viewChanged();
	}

	isHeard() {
		return !!this.source.data && !this.source.silent;
	}

	pointsOf({ from, to }) {
		return pointsOf(to - from, super.pointsOf());
	}

	want() {
		this.view.oldest = this.tiles.oldest = this.source.nowMs() - OLDEST;
		return super.want();
	}

	tick() {
		this.want();
		this.say();
		if (this.view.live)
			this.governor.request();
	}

	/* ---- drawing ---------------------------------------------------------------------- */

	draw() {
		const span = this.view.range();
		this.fill(span);
		for (const plot of this.plots) {
			plot.draw(span, this.lines);
			setText(plot.summary, this.summaryText(plot, span));
		}
		this.say();
		return false;
	}

	fill(span) {
		const { lines, tiles } = this, interval = this.source.data?.interval_s ?? 60;
		lines.reset();
		lines.first = Infinity;
		addTiles(lines, tiles.cover(span), Infinity);
		this.addHeard();
		const stepMs = longestStep(lines, { kind: 'rows', rateHz: 1 / interval, maxAgeMs: 0 });
		cutGaps(lines, stepMs);
		const known = tiles.loading || tiles.error || this.source.silent ? -Infinity : this.source.nowMs() - COMMIT_MS;
		findEmpty(lines, span, { oldest: -Infinity, known, stepMs });
	}

	/** What is not in store yet: it widens the last point, whose time is not over, or is one of its own. */
	addHeard() {
		const { lines } = this, last = lines.n - 1;
		for (const reading of this.heard) {
			if (last >= 0 && reading.at_ms < lines.x[last])
				continue;
			if (last >= 0 && reading.at_ms <= lines.end[last]) {
				this.widen(last, reading);
				continue;
			}
			const p = lines.push(reading.at_ms, reading.at_ms, 1);
			lines.fields.forEach((name, f) => {
				lines.lo[f][p] = lines.hi[f][p] = lines.mid[f][p] = reading[name];
			});
		}
	}

	widen(p, reading) {
		const { lines } = this;
		lines.fields.forEach((name, f) => {
			lines.lo[f][p] = Math.min(lines.lo[f][p], reading[name]);
			lines.hi[f][p] = Math.max(lines.hi[f][p], reading[name]);
		});
	}

	/** Lowest and highest of what is on screen, for people and for screen readers. */
	summaryText(plot, { from, to }) {
		const { lines } = this, [{ index }] = plot.options.fields;
		let lo = Infinity, hi = -Infinity;
		for (let i = lines.at(from); i < lines.n && lines.x[i] <= to; i++) {
			lo = Math.min(lo, lines.lo[index][i]);
			hi = Math.max(hi, lines.hi[index][i]);
		}
		return lo > hi ? plot.word : `${plot.word} ${lo.toFixed(1)} TO ${hi.toFixed(1)}${plot.unit}`;
	}

	readCursor(plot) {
		const t = plot.cursorTime(), i = t >= 0 ? this.nearest(t) : -1;
		setText(this.readout, i < 0 ? '' : this.pointText(i));
	}

	pointText(i) {
		const { lines } = this, at = new Date(lines.x[i]);
		const values = this.plots.map((plot, f) => `${lines.mid[f][i].toFixed(1)}${plot.unit}`);
		return `${dateText(at)} ${momentClock(lines.x[i], -1)}: ${values.join(', ')}`;
	}

	/** Why there is nothing to see. */
	say() {
		const { error, loading } = this.tiles, shown = this.lines.n > 0;
		const text = shown ? '' : error?.status ? `NO HISTORY: ${error.message}` : loading || !this.source.data ? 'LOOKING UP THE HISTORY' : error ? '' : 'NOTHING IS KEPT OF THIS TIME';
		setText(this.note, text);
		this.note.hidden = !text;
	}
}
