// A WavePlot with its controls: which lines, how long, which scale, pause, clear, export, a readout
// of the record under the cursor, and a note over the picture when nothing moves. Every view that
// draws a fast topic uses this one.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { WavePlot } from '../plot/wave.js';
import { KEY_HELP } from '../plot/gestures.js';
import { saveCsv, savePng } from '../export.js';
import { shownText } from '../net/schema.js';
import { choice, clockText, durationText, h, remembered, setAttr, setText } from './dom.js';

const WINDOWS = [1, 5, 10, 30];

export class WavePanel {
	/**
	 * @param options feed, canvasId, label, title, series, yRange (null: automatic only), rate,
	 *   height, before, under, over as for WavePlot; extra legend entries [{id, label, color}];
	 *   hiddenAtFirst fields; windows and firstWindow in seconds; trouble() => {head, what, level} or null; onclear
	 */
	constructor(app, options) {
		Object.assign(this, { app, options, feed: options.feed });
		this.spans = options.windows ?? WINDOWS;
		this.hiddenExtra = new Set();
		this.plot = new WavePlot({
			...options, id: options.canvasId, clock: app.clock,
			delayMs: () => 1000 / this.feed.rate + 25,
		});
		const chosen = Number(remembered.get('window', 10));
		this.plot.seconds = this.spans.includes(chosen) ? chosen : options.firstWindow ?? 10;
		this.autoY = !options.yRange || remembered.get('y', 'fixed') === 'auto';
		this.plot.setYRange(this.autoY ? null : options.yRange);
		this.off = new AbortController();
		this.build();
		for (const field of options.hiddenAtFirst ?? [])
			this.setShown(field, false);
		this.listen();
		this.update();
	}

	destroy() {
		this.off.abort();
		this.plot.destroy();
	}

	build() {
		this.pause = h('button', { type: 'button', id: 'pause-btn', title: `Space. ${KEY_HELP}`, onclick: () => this.togglePause() }, 'Pause');
		this.note = h('div', { class: 'note', role: 'status', hidden: true });
		this.readout = h('output', { class: 'readout', 'aria-label': 'Record under the cursor' });
		this.windows = choice('Window length', this.spans.map((s) => [s, s < 60 ? `${s} s` : `${s / 60} min`]), this.plot.seconds, (s) => this.setWindow(s));
		this.yChoice = this.options.yRange && choice('Vertical scale',
			[['fixed', this.options.yFixedLabel ?? 'Fixed'], ['auto', 'Auto']], this.autoY ? 'auto' : 'fixed', (v) => this.setY(v));
		this.state = h('span', { class: 'viewstate' });
		this.plot.el.setAttribute('aria-description', KEY_HELP);
		const button = (text, title, onclick, id) => h('button', { type: 'button', title, onclick, id: id ?? null }, text);
		this.el = h('section', { class: 'panel wavepanel', 'aria-label': this.options.title },
			h('div', { class: 'tools' }, this.legend(), h('div', { class: 'choices' }, this.options.unit ? h('span', { class: 'unit' }, this.options.unit) : null, this.yChoice || null, this.windows)),
			h('div', { class: 'stage' }, this.plot.el, this.note),
			h('div', { class: 'tools' },
				h('div', { class: 'buttons' }, this.pause,
					button('Clear', 'Empties the chart and the counters', () => this.clear(), 'clear-btn'),
					button('−', 'Zoom out', () => this.plot.zoomBy(2), 'zoom-out'),
					button('+', 'Zoom in', () => this.plot.zoomBy(0.5), 'zoom-in'),
					button('CSV', 'Save the records on screen', () => this.saveCsv(), 'csv-btn'),
					button('PNG', 'Save the picture', () => this.savePng(), 'png-btn')),
				this.state, this.readout));
	}

	legend() {
		const entry = (id, { label, color, dashed, area, title }) => h('button', {
			type: 'button', class: 'key', title: title ?? null, 'data-key': id, 'data-kind': area ? 'area' : dashed ? 'dashed' : 'line',
			'data-color': color.replace('--', ''), 'aria-pressed': 'true', onclick: () => this.setShown(id, !this.shows(id)),
		}, label);
		this.keys = h('div', { class: 'legend', role: 'group', 'aria-label': 'Lines' },
			...this.options.series.map((s) => entry(s.field, s)),
			...(this.options.extra ?? []).map((e) => entry(e.id, e)));
		return this.keys;
	}

	listen() {
		const on = (target, type, fn) => target.addEventListener(type, fn, { signal: this.off.signal });
		on(this.feed, 'schema', () => this.plot.setRing(this.feed.ring));
		on(this.feed, 'frame', () => this.plot.frozen || this.plot.request());
		on(this.plot, 'view', () => this.viewChanged());
		on(this.plot, 'cursor', () => this.readCursor());
		on(this.plot.governor, 'pace', () => this.feed.setRate(this.plot.governor.feedRate(this.options.rate)));
		on(this.plot.el, 'keydown', (event) => {
			if (event.key !== ' ')
				return;
			event.preventDefault();
			this.togglePause();
		});
		if (this.feed.ring)
			this.plot.setRing(this.feed.ring);
	}

	/* ---- controls --------------------------------------------------------------------- */

	shows(id) {
		return !this.plot.hiddenFields.has(id) && !this.hiddenExtra.has(id);
	}

	setShown(id, shown) {
		if (this.options.series.some((s) => s.field === id))
			this.plot.setField(id, shown);
		else
			this.hiddenExtra[shown ? 'delete' : 'add'](id);
		setAttr(this.keys.querySelector(`[data-key="${id}"]`), 'aria-pressed', String(shown));
		this.plot.request();
	}

	togglePause() {
		if (this.plot.frozen)
			this.plot.goLive();
		else
			this.plot.freeze();
	}

	setWindow(seconds) {
		if (this.spans === WINDOWS)
			remembered.set('window', String(seconds));
		if (this.plot.frozen) {
			const { fromNs, toNs } = this.plot.frozen, middle = (fromNs + toNs) / 2;
			this.plot.seconds = seconds;
			this.plot.show(middle - seconds * 5e8, middle + seconds * 5e8);
		} else {
			this.plot.setSeconds(seconds);
		}
	}

	setY(value) {
		remembered.set('y', value);
		this.autoY = value === 'auto';
		this.yChoice.choose(value);
		this.plot.setYRange(this.autoY ? null : this.options.yRange);
	}

	clear() {
		this.feed.ring?.clear();
		this.options.onclear?.();
		this.plot.goLive();
	}

	saveCsv() {
		const { fromNs, toNs } = this.plot.span();
		if (this.feed.ring)
			saveCsv(this.feed.ring, fromNs, toNs, this.app.clock);
	}

	savePng() {
		const { series, extra = [], title } = this.options;
		const legend = [...series, ...extra].filter((key) => this.shows(key.field ?? key.id));
		savePng(this.plot, title, legend, this.app.clock);
	}

	/* ---- what it says ----------------------------------------------------------------- */

	/** A frozen picture pauses the data too: what is looked at must not be overwritten. */
	viewChanged() {
		const { frozen } = this.plot;
		this.feed.setPaused(!!frozen);
		setText(this.pause, frozen ? 'Resume' : 'Pause');
		setAttr(this.pause, 'aria-pressed', String(!!frozen));
		const seconds = frozen ? (frozen.toNs - frozen.fromNs) * 1e-9 : this.plot.seconds;
		this.windows.choose(this.spans.find((s) => Math.abs(s - seconds) < s * 1e-6) ?? '');
		const length = seconds >= 1 ? `${+seconds.toFixed(1)} s` : `${(seconds * 1000).toFixed(0)} ms`;
		setText(this.state, frozen ? `Paused, ${length} on screen` : '');
	}

	readCursor() {
		const ring = this.feed.ring, p = ring ? this.plot.cursorPosition() : -1;
		if (p < 0)
			return setText(this.readout, '');
		const record = ring.record(p);
		setText(this.readout, [clockText(this.app.clock.wallMs(record.bootNs)),
			...this.options.series.map((s) => `${s.field} ${shownText(ring.fields.find((f) => f.name === s.field), record[s.field])}`),
			...ring.fields.filter((f) => f.labels).map((f) => shownText(f, record[f.name]))].join('  ·  '));
	}

	/** Called a few times a second. */
	update() {
		const trouble = this.options.trouble?.() ?? this.ownTrouble();
		this.note.hidden = !trouble;
		setAttr(this.el, 'data-stale', String(!!trouble && trouble.level === 'bad'));
		if (!trouble)
			return;
		setAttr(this.note, 'data-level', trouble.level);
		const key = `${trouble.head}\n${trouble.what}`;
		if (this.noted !== key)
			this.note.replaceChildren(h('strong', {}, trouble.head), h('span', {}, trouble.what));
		this.noted = key;
	}

	ownTrouble() {
		const { feed } = this;
		if (this.app.link.state !== 'connected' || this.options.trouble)
			return null;
		if (!feed.ring?.end)
			return { level: 'busy', head: 'Waiting for the first record', what: feed.reason || `Nothing has been published on ${feed.topic} yet.` };
		if (feed.stale)
			return { level: 'bad', head: 'Stale', what: `The last record is ${durationText(feed.ageMs() / 1000)} old.` };
		return null;
	}
}
