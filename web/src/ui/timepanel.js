// The history of one topic with its controls: which fields, how long, live or fixed, back, export,
// the address of this moment. It draws what the recorder kept and, at the live edge, what this page
// hears itself; one picture per unit, all on one span of time.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Lines, addRing, addTiles, cutGaps, findEmpty, longestStep, ringSeam } from '../data/lines.js';
import { tileSize } from '../data/tiles.js';
import { savePicture } from '../export.js';
import { exportPath, historyPoints } from '../net/history.js';
import { firstFields } from '../net/schema.js';
import { lengthText, momentClock, spanText } from '../plot/timeaxis.js';
import { COMMIT_MS, TimePlot } from '../plot/timeplot.js';
import { choice, h, setAttr, setText } from './dom.js';
import { Overview } from './overview.js';
import { SpanPanel } from './spanpanel.js';
import { lineColour } from './theme.js';

const SPANS = [[60e3, '1 min'], [3600e3, '1 h'], [86400e3, '1 day'], [7 * 86400e3, '1 week'], [365 * 86400e3, '1 year']];
const KEY_HELP = 'Plus and minus zoom, arrow keys move, Backspace goes back, Home goes to the oldest, End to live, space stops and goes on.';
const NEAR_MS = 120e3; // who looks at the last two minutes is given live data too
const SEAM_MS = 250; // clocks of recorder and page may differ by less
const EVENTS_LEAST_MS = 60e3; // a span in which few events are to be expected
const FAST_HZ = 5, FAST_RATE = 10; // frames per second of live records
const KEEP_S = 160, CAPACITY_MAX = 131072; // of live records: until the recorder has written them
const HEARD_MS = 3000; // what was published longer ago than this has been heard
const LEGEND_MAX = 6;
const CLOCK_STEP_NS = 1e9;
const TIER_TEXT = { raw: 'records', '1s': '1 s values', '1min': '1 min values', '1h': '1 h values' };

export class TimePanel extends SpanPanel {
	/**
	 * @param info   a topic of whatIsKept()
	 * @param params what the address says: {from, to} or {live}, {fields}, {marks}
	 * @param lead   element that stands before the keys
	 * Event "address": what the address should say has changed, see address().
	 */
	constructor(app, info, params, lead) {
		super((what, signal) => historyPoints(info.topic, what, signal), () => this.now(), SPANS);
		this.app = app;
		this.topic = info.topic;
		this.setInfo(info);
		this.defaults = firstFields(this.fields);
		this.chosen = new Set(this.defaults);
		this.build(lead);
		this.apply(params);
		this.listen();
		this.timer = setInterval(() => this.tick(), 500);
	}

	destroy() {
		clearInterval(this.timer);
		super.destroy();
		this.unfollow();
	}

	/** The appliance's wall clock; this device's until the appliance was heard. */
	now() {
		const ns = this.app.clock.nowNs();
		return ns ? this.app.clock.wallMs(ns) : Date.now();
	}

	/** What is kept of the topic; comes anew every few seconds. */
	setInfo(info) {
		const schema = this.app.catalogue.topics.find((t) => t.topic === this.topic)?.schema;
		this.info = info;
		this.rateHz = schema?.rate_hz ?? info.rate_hz ?? (info.kind === 'chunks' ? 100 : 0);
		this.maxAgeMs = schema?.max_age_ms ?? 0;
		const kept = info.fields.map((f) => ({ ...schema?.fields.find((g) => g.name === f.name), ...f, unit: f.unit ?? '' }));
		const drawable = kept.filter((f) => f.type !== 'text'), numbers = drawable.filter((f) => f.type !== 'enum');
		this.fields = numbers.length ? numbers : drawable;
		this.view.delayMs = this.rateHz >= FAST_HZ ? 1000 / FAST_RATE + 25 : 0;
		this.view.oldest = Number.isFinite(info.from) ? info.from : this.now();
		this.tiles.oldest = Number.isFinite(info.from) ? info.from : -Infinity;
		this.tiles.stored = Number.isFinite(info.to) ? info.to : -Infinity;
		this.tiles.least = this.rateHz ? 64e3 / this.rateHz : EVENTS_LEAST_MS;
		this.tiles.rawFrom = Number.isFinite(info.raw_from) ? info.raw_from : -Infinity;
	}

	/* ---- making ----------------------------------------------------------------------- */

	build(lead) {
		const button = (text, title, onclick, id) => h('button', { type: 'button', title, onclick, id }, text);
		const link = (text, id) => h('a', { class: 'button', id, download: true }, text);
		this.keys = h('div', { class: 'legend', role: 'group', 'aria-label': 'Lines' });
		this.spans = choice('Length', SPANS.map(([ms, text]) => [ms, text]), '', (ms) => this.view.setSpan(ms));
		this.live = h('button', { type: 'button', id: 'live-btn', title: 'Follow the present. Space', onclick: () => this.toggleLive() }, 'Live');
		this.goto = h('input', { type: 'datetime-local', id: 'goto', step: 1, 'aria-label': 'Go to a time', title: 'Go to a time', onchange: () => this.goTo() });
		this.stage = h('div');
		this.note = h('div', { class: 'note', role: 'status', hidden: true });
		this.overview = new Overview(this.view);
		this.where = h('span', { class: 'viewstate', id: 'span-text' });
		this.readout = h('output', { class: 'readout', 'aria-label': 'Values under the cursor', hidden: true });
		this.csv = link('CSV', 'csv-link');
		this.jsonl = link('JSONL', 'jsonl-link');
		this.all = link('All records', 'all-link');
		this.el = h('section', { class: 'panel wavepanel timepanel', 'aria-label': `History of ${this.topic}` },
			h('div', { class: 'tools' }, h('div', { class: 'choices' }, lead, this.keys), h('div', { class: 'choices' }, this.spans, this.live)),
			h('div', { class: 'stageframe' }, this.stage, this.note), this.overview.el,
			h('div', { class: 'tools' }, this.where, this.readout),
			h('div', { class: 'tools' },
				h('div', { class: 'buttons' },
					button('Back', 'To the span before. Double click or double tap, Backspace', () => this.view.back(), 'back-btn'),
					button('\u2212', 'Zoom out', () => this.view.zoom(2), 'zoom-out'),
					button('+', 'Zoom in', () => this.view.zoom(0.5), 'zoom-in'), this.goto),
				h('div', { class: 'buttons' }, this.csv, this.jsonl, this.all,
					button('PNG', 'Save the picture', () => this.savePng(), 'png-btn'),
					button('Copy link', 'Copies the address of this moment', () => this.copyLink(), 'link-btn'))));
	}

	listen() {
		this.on(this.el, 'keydown', (event) => {
			if (event.key !== ' ' || !event.target.matches('.wave'))
				return;
			event.preventDefault();
			this.toggleLive();
		});
	}

	/** One picture per unit of the chosen fields: volts and counts share no axis. */
	buildPlots() {
		this.closePlots();
		const shown = this.fields.filter((f) => this.chosen.has(f.name));
		this.lines = new Lines(shown.map((f) => f.name));
		const byUnit = new Map();
		shown.forEach((f, index) => byUnit.set(f.unit, [...(byUnit.get(f.unit) ?? []), { index, name: f.name, color: this.colour(f) }]));
		for (const [unit, fields] of byUnit)
			this.addPlot(unit, fields, byUnit.size);
		this.buildLegend(byUnit.size);
		this.viewChanged();
	}

	addPlot(unit, fields, plots) {
		const plot = new TimePlot({
			id: `history-${this.plots.length}`,
			label: `${fields.map((f) => f.name).join(', ')}${unit ? ` in ${unit}` : ''} of ${this.topic} over time`,
			fields, view: this.view, sync: 'history', events: !this.rateHz,
			marks: () => this.marks,
			height: (width) => Math.max(170, (width < 560 ? 300 : Math.max(340, Math.min(560, innerHeight - 325))) / plots),
			request: () => this.governor.request(),
		});
		this.adopt(plot, KEY_HELP);
		this.stage.append(h('div', { class: 'stage' }, plot.el, unit ? h('span', { class: 'unit' }, unit) : null));
	}

	colour(field) {
		return lineColour(this.app, this.topic, field.name, this.fields.indexOf(field));
	}

	/** Few fields: a key for each. Many: keys for those drawn, and a list of the others. */
	buildLegend() {
		const few = this.fields.length <= LEGEND_MAX, others = this.fields.filter((f) => !this.chosen.has(f.name));
		const key = (f) => h('button', { type: 'button', class: 'key', title: f.help ?? null, 'data-key': f.name, 'data-kind': 'line',
			'data-color': this.colour(f).replace('--', ''), 'aria-pressed': String(this.chosen.has(f.name)),
			onclick: () => this.choose(f.name, !this.chosen.has(f.name)) }, f.name);
		const more = h('select', { 'aria-label': 'Draw another field', onchange: () => this.choose(more.value, true) },
			h('option', { value: '' }, 'More\u2026'), ...others.map((f) => h('option', { value: f.name }, f.unit ? `${f.name} [${f.unit}]` : f.name)));
		this.keys.replaceChildren(...this.fields.filter((f) => few || this.chosen.has(f.name)).map(key), ...(few || !others.length ? [] : [more]));
	}

	/* ---- what is shown ---------------------------------------------------------------- */

	/** Goes where an address says. */
	apply({ from, to, live, fields, marks }) {
		const known = (fields ?? []).filter((name) => this.fields.some((f) => f.name === name));
		this.chosen = new Set(known.length ? known : this.defaults);
		this.marks = marks ?? [];
		if (from < to)
			this.view.show(from, to);
		else if (live > 0)
			this.view.setLive(live);
		this.view.settle();
		this.buildPlots();
	}

	/** What the address should say, as apply() takes it. */
	address() {
		const { from, to } = this.view.range(), chosen = [...this.chosen];
		const fields = chosen.join() === this.defaults.join() ? null : chosen;
		return { ...(this.view.live ? { live: this.view.span } : { from, to }), fields, marks: this.marks };
	}

	choose(name, shown) {
		if (!shown && this.chosen.size === 1)
			return; // something must be drawn
		this.chosen[shown ? 'add' : 'delete'](name);
		this.buildPlots();
		this.dispatchEvent(new Event('address'));
	}

	toggleLive() {
		if (this.view.live)
			this.view.freeze();
		else
			this.view.setLive();
	}

	goTo() {
		const at = Date.parse(this.goto.value), { span } = this.view;
		if (Number.isFinite(at))
			this.view.show(at - span / 2, at + span / 2);
	}

	viewChanged() {
		setAttr(this.live, 'aria-pressed', String(this.view.live));
		super.viewChanged();
	}

	settled() {
		super.settled();
		this.dispatchEvent(new Event('address'));
	}

	isHeard() {
		return this.app.link.state === 'connected';
	}

	want() {
		if (!super.want())
			return;
		if (this.view.live || this.view.range().to > this.now() - NEAR_MS)
			this.follow();
		else
			this.unfollow();
	}

	/** Live records, for the edge that is not recorded yet. */
	follow() {
		if (this.feed)
			return;
		this.feed = this.app.feeds.open(this.topic, this.rateHz >= FAST_HZ
			? { rate: FAST_RATE, capacity: Math.min(CAPACITY_MAX, this.rateHz * KEEP_S), last: 16384 } : { rate: 2, capacity: 2048, last: 1024 });
		this.onFrame = () => this.view.live && this.governor.request();
		this.feed.addEventListener('frame', this.onFrame);
	}

	unfollow() {
		this.feed?.removeEventListener('frame', this.onFrame);
		if (this.feed)
			this.app.feeds.close(this.feed);
		this.feed = null;
	}

	/* ---- drawing ---------------------------------------------------------------------- */

	/** Returns true while the picture moves by itself: live, and by a pixel in less than 0.3 s. */
	draw() {
		if (!this.plots.some((p) => p.u))
			return false;
		const span = this.view.range();
		this.fill(span);
		for (const plot of this.plots)
			plot.draw(span, this.lines);
		this.updateText(span);
		this.overview.update(span);
		return this.view.live && this.view.span / this.plots[0].columns() < 300;
	}

	fill(span) {
		const { lines, tiles } = this, { clock } = this.app, ring = this.feed?.ring;
		const bucket = 2 ** tileSize(span.to - span.from) / this.plots[0].columns();
		const width = bucket * this.rateHz > 1500 ? bucket : 0; // fewer than 1.5 records: each by itself
		const seam = ringSeam(ring, clock, width);
		lines.reset();
		addTiles(lines, tiles.cover(span), seam);
		const first = lines.n;
		if (seam < span.to)
			addRing(lines, ring, clock, seam, span.to, width);
		const stepMs = longestStep(lines, { kind: this.info.kind, rateHz: this.rateHz, maxAgeMs: this.maxAgeMs });
		cutGaps(lines, stepMs);
		lines.first = first < lines.n ? lines.x[first] : Infinity; // of the page's own
		if (first && first < lines.n && lines.x[first] - lines.end[first - 1] < SEAM_MS)
			lines.cut[first] = 0;
		findEmpty(lines, span, { oldest: this.view.oldest, known: this.knownUntil(first < lines.n && seam - tiles.stored < SEAM_MS), stepMs });
		lines.any = lines.at(span.from) < lines.n && lines.x[lines.at(span.from)] <= span.to;
	}

	/** Up to here what is missing was not recorded, and is not just on its way; heard: by this page, since
	 * before the end of what is in store. */
	knownUntil(heard) {
		const now = this.now(), { stored } = this.tiles;
		if (this.tiles.loading || this.tiles.error || this.app.link.state !== 'connected')
			return -Infinity;
		return heard ? now - HEARD_MS : now - stored > COMMIT_MS ? now : stored;
	}

	updateText({ from, to }) {
		const { level, bucketMs } = this.lines.most, tier = TIER_TEXT[level || 'raw'];
		const each = !bucketMs ? '' : level === 'raw' ? `, ${lengthText(bucketMs)} a point` : `, a point for ${lengthText(bucketMs)}`;
		setText(this.where, `${spanText(from, to)}  \u00b7  ${lengthText(to - from)}  \u00b7  ${tier}${each}`);
	}

	/** The values under the cursor stand where the span is told otherwise. */
	readCursor(plot) {
		const t = plot.cursorTime(), told = t >= 0 ? this.cursorText(t) : '';
		setText(this.readout, told);
		this.readout.hidden = !told;
		this.where.hidden = !!told;
	}

	cursorText(t) {
		const { lines } = this, i = this.nearest(t), number = (v) => String(+v.toPrecision(5));
		if (i < 0)
			return momentClock(t, 3);
		const wide = lines.end[i] - lines.x[i], digits = wide >= 1000 ? 0 : this.view.span < 1000 ? 6 : 3;
		const values = lines.fields.map((name, f) => `${name} ${number(lines.mid[f][i])}` +
			(wide ? ` (${number(lines.lo[f][i])} \u2026 ${number(lines.hi[f][i])})` : ''));
		return [momentClock(lines.x[i], digits), ...values, ...(wide ? [`${lines.count[i]} records`] : [])].join('  \u00b7  ');
	}

	/* ---- files and links -------------------------------------------------------------- */

	updateLinks() {
		const span = { ...this.view.range(), fields: this.lines.fields }, level = this.lines.level || 'raw';
		const tier = level === 'raw' ? {} : { level }, what = TIER_TEXT[level];
		const set = (link, path, title) => {
			setAttr(link, 'href', path);
			setAttr(link, 'title', title);
		};
		set(this.csv, exportPath(this.topic, { ...span, format: 'csv', ...tier }), `Save the ${what} on screen as CSV`);
		set(this.jsonl, exportPath(this.topic, { ...span, format: 'jsonl', ...tier }), `Save the ${what} on screen as lines of JSON`);
		set(this.all, exportPath(this.topic, { ...span, format: 'csv' }), 'Save every single record of this span that is still there, as CSV');
		this.all.hidden = level === 'raw';
	}

	savePng() {
		const legend = this.fields.filter((f) => this.chosen.has(f.name)).map((f) => ({ label: f.name, color: this.colour(f) }));
		savePicture(this.plots, { title: this.topic, legend, topic: this.topic, ...this.view.range() });
	}

	/** A live view has no moment: it is stopped first. */
	async copyLink() {
		if (this.view.live)
			this.view.freeze();
		this.view.settle();
		const button = this.el.querySelector('#link-btn');
		const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
		setText(button, copied ? 'Copied' : 'See the address bar');
		setTimeout(() => setText(button, 'Copy link'), 2500);
	}

	/* ---- what it says ----------------------------------------------------------------- */

	/** Twice a second: the present goes on, and so does what is told about it. */
	tick() {
		const offset = this.app.clock.wallMinusBootNs;
		if (Math.abs(offset - (this.offset ?? offset)) > CLOCK_STEP_NS)
			this.tiles.clear(); // the appliance's clock was set: what it recorded has other times now
		this.offset = offset ?? this.offset;
		this.want();
		if (this.view.live)
			this.governor.request();
		this.updateLinks();
		this.say();
	}

	say() {
		const trouble = this.trouble();
		this.note.hidden = !trouble;
		if (!trouble)
			return;
		setAttr(this.note, 'data-level', trouble.level);
		const key = JSON.stringify(trouble);
		if (this.said !== key)
			this.note.replaceChildren(h('strong', {}, trouble.head), h('span', {}, trouble.what));
		this.said = key;
	}

	/** What keeps the picture from showing something: {head, what, level}, or null. */
	trouble() {
		const { error, loading } = this.tiles, { from, to } = this.info;
		if (!this.fields.length)
			return { level: 'busy', head: 'There is nothing to draw', what: `No field of ${this.topic} is a number. Its records can be saved as CSV.` };
		if (this.lines.any || this.view.moving || this.app.link.state !== 'connected')
			return null;
		if (error && error.status)
			return { level: 'bad', head: 'This cannot be read', what: `${error.message} It is tried again.` };
		if (loading)
			return { level: 'busy', head: 'Reading\u2026', what: 'The appliance is looking it up.' };
		if (!Number.isFinite(from))
			return { level: 'busy', head: 'Nothing is recorded yet', what: `Nothing has been published on ${this.topic} since the recorder began.` };
		if (this.view.range().to > to)
			return { level: 'busy', head: 'This is not written yet', what: `The recorder writes ${this.topic} in batches. What it has heard since ${momentClock(to, 0)} appears with the next one.` };
		return { level: 'busy', head: 'Nothing was recorded here',
			what: `Records of ${this.topic}: ${spanText(from, to)}. Home goes to the first, End to the present.` };
	}
}
