// One topic in the generic view. See topics.js.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { historyHash } from '../data/address.js';
import { whatIsKept } from '../net/history.js';
import { firstFields, shownText } from '../net/schema.js';
import { clockText, durationText, h, remembered, setText } from '../ui/dom.js';
import { lineColour } from '../ui/theme.js';
import { WavePanel } from '../ui/wavepanel.js';

const FAST_HZ = 5; // from here on a table of records is unreadable
const TABLE_ROWS = 50;

export class TopicPane {
	constructor(app, root, name) {
		Object.assign(this, { app, root, name, panels: [] });
		this.openFeed(app.catalogue.topics.find((t) => t.topic === name)?.schema?.rate_hz ?? 0);
		this.head = h('p', { class: 'help' }, 'Waiting for its declaration…');
		this.facts = h('p', { class: 'topicfacts' });
		this.past = h('a', { href: historyHash(name, {}), hidden: true }, 'History');
		this.values = h('table', { class: 'values' });
		this.plots = h('div', { class: 'plots' });
		this.table = h('table', { class: 'records' });
		root.append(h('section', { class: 'panel', 'aria-label': name }, h('h3', {}, name, this.past), this.head, this.facts,
			h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Newest record' }, this.values)), this.plots);
		this.build();
		this.lookForPast();
	}

	/** A topic that is kept has a way to its history. */
	async lookForPast() {
		const kept = await whatIsKept().catch(() => null); // not to be had now
		this.past.hidden = !kept?.topics.some((t) => t.topic === this.name);
	}

	openFeed(declaredHz) {
		this.fast = declaredHz >= FAST_HZ;
		this.feed = this.app.feeds.open(this.name, this.fast
			? { rate: 20, capacity: Math.min(65536, declaredHz * 90), last: 16384 }
			: { rate: 5, capacity: 2048, last: 1024 });
		this.onSchema = () => this.build();
		this.feed.addEventListener('schema', this.onSchema);
	}

	destroy() {
		this.closePanels();
		this.closeFeed();
	}

	closeFeed() {
		this.feed.removeEventListener('schema', this.onSchema);
		this.app.feeds.close(this.feed);
	}

	closePanels() {
		for (const panel of this.panels)
			panel.destroy();
		this.panels = [];
		this.plots.replaceChildren();
	}

	/** Everything that hangs on the declaration. */
	build() {
		const { ring, schema } = this.feed;
		if (!ring || this.ring === ring)
			return;
		if (this.fast !== schema.rate_hz >= FAST_HZ) { // came up while we looked, and is not what we took it for
			this.closeFeed();
			return this.openFeed(schema.rate_hz);
		}
		this.ring = ring;
		this.root.classList.toggle('fast', this.fast);
		setText(this.head, schema.help ?? '');
		this.chosen = new Set(this.rememberedFields() ?? firstFields(this.ring.fields.filter((f) => f.numeric)));
		this.buildValues();
		this.buildPlots();
	}

	rememberedFields() {
		const names = remembered.get(`fields.${this.name}`, '').split(',');
		const known = names.filter((n) => this.ring.fields.some((f) => f.name === n && f.numeric));
		return known.length ? known : null;
	}

	buildValues() {
		this.cells = new Map();
		const rows = this.ring.fields.map((f) => {
			const cell = h('td', { class: 'num' });
			this.cells.set(f, cell);
			const box = f.numeric && h('input', { type: 'checkbox', id: `draw-${f.name}`, checked: this.chosen.has(f.name),
				onchange: (e) => this.choose(f, e.target.checked) });
			return h('tr', {}, h('td', {}, box || null), h('th', { scope: 'row' }, h('label', { for: f.numeric ? `draw-${f.name}` : null }, f.name)),
				cell, h('td', { class: 'unit' }, f.unit), h('td', { class: 'fieldhelp' }, f.help));
		});
		this.values.replaceChildren(h('thead', {}, h('tr', {}, ...['Draw', 'Field', 'Value', 'Unit', 'Meaning'].map((t) => h('th', { scope: 'col' }, t)))), h('tbody', {}, ...rows));
	}

	choose(field, drawn) {
		this.chosen[drawn ? 'add' : 'delete'](field.name);
		remembered.set(`fields.${this.name}`, [...this.chosen].join());
		this.buildPlots();
	}

	buildPlots() {
		this.closePanels();
		const byUnit = new Map();
		for (const f of this.ring.fields.filter((g) => this.chosen.has(g.name)))
			byUnit.set(f.unit, [...(byUnit.get(f.unit) ?? []), f]);
		for (const [unit, fields] of byUnit)
			this.addPanel(unit, fields, byUnit.size);
		if (!this.fast)
			this.plots.append(h('section', { class: 'panel', 'aria-label': 'Last records' }, h('h3', {}, 'Last records'),
				h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Last records' }, this.table)));
		this.shownEnd = -1;
	}

	addPanel(unit, fields, panels) {
		const panel = new WavePanel(this.app, {
			feed: this.feed,
			canvasId: `plot-${this.panels.length}`,
			label: `${fields.map((f) => f.name).join(', ')}${unit ? ` in ${unit}` : ''} over time`,
			title: `${this.name}${unit ? ` [${unit}]` : ''}`,
			series: fields.map((f, i) => ({ field: f.name, label: f.name, color: lineColour(this.app, this.name, f.name, i), width: 1.5 })),
			unit: unit && `in ${unit}`,
			yRange: null,
			events: this.feed.schema.rate_hz === 0,
			rate: this.feed.rate,
			spanMax: this.fast ? 60 : 3600,
			windows: this.fast ? undefined : [30, 120, 600, 1800],
			firstWindow: this.fast ? 10 : 120,
			height: (width) => (width < 560 ? 220 : panels > 1 ? 220 : 320),
		});
		this.panels.push(panel);
		this.plots.append(panel.el);
	}

	update() {
		const { ring, feed } = this, newest = ring?.newest();
		for (const panel of this.panels)
			panel.update();
		if (!ring)
			return setText(this.head, feed.reason || 'Waiting for its declaration…');
		for (const [field, cell] of this.cells)
			setText(cell, newest ? shownText(field, newest[field.name]) : '–');
		const { schema } = feed;
		setText(this.facts, [
			schema.rate_hz ? `declared ${schema.rate_hz} Hz` : 'published on events',
			this.receivedText(),
			`age ${durationText(feed.ageMs() / 1000)}${feed.stale ? ' (stale)' : ''}`,
			`missed ${feed.missed}`,
			`${ring.length} held`,
		].join('  ·  '));
		if (!this.fast)
			this.updateTable();
	}

	/** Events have no rate worth the name: they are counted. */
	receivedText() {
		const { schema, received } = this.feed, rates = this.feed.rates();
		if (!schema.rate_hz)
			return `received ${received}`;
		if (!rates)
			return 'received: measuring…';
		const { records, frames } = rates;
		return `received ${records.toFixed(records >= 100 ? 0 : 1)} records/s in ${frames.toFixed(1)} frames/s`;
	}

	updateTable() {
		const { ring } = this;
		if (this.shownEnd === ring.end)
			return;
		this.shownEnd = ring.end;
		const head = h('tr', {}, h('th', { scope: 'col' }, 'seq'), h('th', { scope: 'col' }, 'time'),
			...ring.fields.map((f) => h('th', { scope: 'col' }, f.unit ? `${f.name} [${f.unit}]` : f.name)));
		const rows = [];
		for (let p = ring.end - 1; p >= ring.start && rows.length < TABLE_ROWS; p--) {
			const r = ring.record(p);
			rows.push(h('tr', {}, h('td', { class: 'num' }, String(r.seq)), h('td', {}, clockText(this.app.clock.wallMs(r.bootNs))),
				...ring.fields.map((f) => h('td', { class: f.numeric ? 'num' : '' }, shownText(f, r[f.name])))));
		}
		this.table.replaceChildren(h('thead', {}, head), h('tbody', {}, ...rows));
	}
}
