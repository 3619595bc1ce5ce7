// The sensor hub's own view: the pressure sensor as a live waveform with its detector, the hits,
// and how well the line is heard. Titles, element ids and colours are those of the page it
// succeeds, so that scripts and eyes find what they know.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Spans } from '../data/spans.js';
import { h, setAttr, setText } from '../ui/dom.js';
import { WavePanel } from '../ui/wavepanel.js';
import { HitList } from './sensorhub-hits.js';
import { hitAddress, recordedHits } from './sensorhub-past.js';
import { Health } from './sensorhub-health.js';
import { drawPhases, drawHits, drawThreshold } from './sensorhub-marks.js';

const SERIES = [
	{ field: 'raw', label: 'Raw Signal', color: '--raw', width: 1.25 },
	{ field: 'baseline', label: 'Baseline', color: '--baseline', width: 1.25 },
	{ field: 'envelope', label: 'Envelope', color: '--envelope', width: 1.75 },
];
const RATE = 20; // frames per second

export function sensorhub(app, root) {
	return new SensorHub(app, root);
}

/** Its signals have their colours in every view. */
sensorhub.colours = { 'pbt.sample': Object.fromEntries(SERIES.map(({ field, color }) => [field, color])) };

class SensorHub {
	constructor(app, root) {
		this.app = app;
		this.title = 'SICK - PBT Sensor Monitor';
		this.headings = ['SICK Capstone Project', 'PBT Sensor - Live Waveform Monitor'];
		this.sample = app.feeds.open('pbt.sample', { rate: RATE, capacity: 65536, last: 16384 });
		this.stats = app.feeds.open('pbt.stats', { rate: 2, capacity: 256, last: 120 });
		this.hit = app.feeds.open('pbt.hit', { rate: 20, capacity: 512, last: 256 });
		this.threshold = null; // not known until pbt.stats says
		this.makePanel();
		this.hits = new HitList(app, this.hit, this.sample, (hit) => this.jump(hit), (hit) => this.recall(hit));
		this.health = new Health(app, this);
		root.append(h('div', { class: 'hub' }, this.cards(), this.panel.el,
			h('aside', { class: 'side' }, this.hits.el, this.health.el)));
		this.listen();
		this.timer = setInterval(() => this.update(), 200);
		this.update();
		this.readPast();
	}

	destroy() {
		clearInterval(this.timer);
		this.off.abort();
		this.panel.destroy();
		for (const feed of [this.sample, this.stats, this.hit])
			this.app.feeds.close(feed);
	}

	makePanel() {
		this.panel = new WavePanel(this.app, {
			feed: this.sample,
			canvasId: 'waveformChart',
			label: 'Waveform of the pressure sensor: raw signal, envelope, baseline and threshold in counts over the last seconds',
			title: 'PBT Sensor',
			series: SERIES,
			extra: [
				{ id: 'threshold', label: 'Threshold', color: '--threshold', dashed: true },
				{ id: 'hits', label: 'Hits', color: '--ink', title: 'The sample that triggered each hit, and its peak' },
				{ id: 'hold', label: 'Hold', color: '--hold', area: true,
					title: 'Red: a hit is being captured. Grey: the detector holds until the envelope has fallen' },
			],
			yRange: [0, 1023],
			yFixedLabel: '0–1023',
			ySpace: 22,
			rate: RATE,
			height: (width) => (width < 560 ? 300 : Math.max(340, Math.min(560, innerHeight - 318))),
			before: () => this.spans?.update(),
			under: (plot, ctx) => this.drawUnder(plot, ctx),
			over: (plot, ctx) => this.drawOver(plot, ctx),
			trouble: () => this.trouble(),
			onclear: () => this.clearCounters(),
		});
	}

	drawUnder(plot, ctx) {
		if (this.panel.shows('hold') && this.spans)
			drawPhases(plot, ctx, this.spans, this.sample.ring);
	}

	drawOver(plot, ctx) {
		if (this.panel.shows('threshold') && this.threshold !== null)
			drawThreshold(plot, ctx, this.stats.ring, this.threshold);
		if (this.panel.shows('hits'))
			drawHits(plot, ctx, this.hits.list, this.hits.selected);
	}

	cards() {
		const card = (id, label, unit, text) => h('div', { class: 'card' },
			h('span', { class: 'label' }, label),
			h('span', { class: 'value' }, h('span', { id }, text), unit && h('small', {}, ` ${unit}`)));
		const row = h('section', { class: 'cards', 'aria-label': 'Readings' },
			card('baseline-value', 'Baseline', 'counts', '–'),
			card('envelope-value', 'Current Envelope', 'counts', '–'),
			card('threshold-value', 'Threshold', 'counts', '–'),
			card('pulse-count', 'Pulse Count', '', '–'));
		this.values = Object.fromEntries(['baseline-value', 'envelope-value', 'threshold-value', 'pulse-count']
			.map((id) => [id, row.querySelector(`#${id}`)]));
		return row;
	}

	listen() {
		this.off = new AbortController();
		const on = (target, type, fn) => target.addEventListener(type, fn, { signal: this.off.signal });
		on(this.sample, 'schema', () => {
			if (this.sample.ring && this.spans?.ring !== this.sample.ring)
				this.spans = new Spans(this.sample.ring, 'phase');
		});
		on(this.sample, 'frame', () => this.hits.locate());
		on(this.stats, 'frame', () => {
			const newest = this.stats.ring.newest();
			this.threshold = newest?.threshold ?? this.threshold;
			if (newest)
				this.hits.seen(newest);
		});
		on(this.panel.plot, 'view', () => this.panel.plot.frozen || this.hits.select(null));
		on(this.hit, 'frame', () => {
			this.hits.update();
			this.panel.plot.request();
		});
	}

	jump(hit) {
		const before = 0.4e9, after = Math.max(0.8e9, (hit.fireNs - hit.triggerNs) * 1.5);
		this.panel.plot.show(hit.triggerNs - before, hit.triggerNs + after);
		this.panel.el.scrollIntoView({ block: 'nearest' });
	}

	/** Hits that the recorder has; none if nothing is kept. */
	async readPast() {
		const { rows, samples } = await recordedHits(this.off.signal);
		if (!this.off.signal.aborted)
			this.hits.setPast(rows, samples);
	}

	/** An older hit is shown where it was recorded, with its trigger and its pulse marked. */
	async recall(hit) {
		const hash = await hitAddress(this.app, hit, this.off.signal);
		if (!this.off.signal.aborted)
			location.hash = hash;
	}

	clearCounters() {
		for (const feed of [this.sample, this.hit])
			feed.resetCounters();
		this.hits.clear();
	}

	/** What keeps the waveform from moving, as {head, what, level}, or null. */
	trouble() {
		const stats = this.stats.ring?.newest();
		const link = stats && this.stats.ring.fields.find((f) => f.name === 'link')?.labels?.[stats.link];
		const device = stats?.device || 'the serial port';
		if (this.app.link.state !== 'connected')
			return null; // the banner says it
		if (stats && !this.stats.stale && link !== 'live')
			return OFFLINE[link]?.(device) ?? null;
		if (this.sample.ring?.end && this.sample.stale)
			return { level: 'bad', head: 'Sensor offline', what: this.app.lights.complaint('pbt') ?? 'The pressure service runs, but sends no samples.' };
		if (!this.sample.ring?.end)
			return { level: 'busy', head: 'Waiting for the first sample', what: this.app.lights.complaint('pbt') || this.sample.reason || 'The pressure service has not announced its topic yet.' };
		return null;
	}

	update() {
		const newest = this.sample.ring?.newest(), stats = this.stats.ring?.newest();
		const offline = this.trouble()?.level === 'bad' || this.app.link.state !== 'connected';
		this.panel.update();
		setText(this.values['baseline-value'], newest ? newest.baseline.toFixed(1) : '–');
		setText(this.values['envelope-value'], newest ? newest.envelope.toFixed(1) : '–');
		setText(this.values['threshold-value'], this.threshold?.toFixed(0) ?? '–');
		setText(this.values['pulse-count'], stats ? String(this.hits.sinceStart(stats)) : '–');
		setAttr(this.panel.el.parentElement, 'data-offline', String(offline));
		this.hits.refresh();
		this.health.update();
	}
}

const OFFLINE = {
	missing: (device) => ({ level: 'bad', head: 'Sensor offline: not found',
		what: `${device} is not there. Check the USB cable and the board's power; it is looked for each second.` }),
	silent: (device) => ({ level: 'bad', head: 'Sensor offline: silent',
		what: `${device} is open but sends nothing. Press the board's reset button, or unplug it and plug it in again.` }),
	noise: (device) => ({ level: 'bad', head: 'Sensor offline: not readable',
		what: `${device} sends something that is no sample. Check the baud rate and that it is the pressure board.` }),
	settling: () => ({ level: 'busy', head: 'Settling', what: 'The start baseline is being measured; hits count from then on.' }),
};
