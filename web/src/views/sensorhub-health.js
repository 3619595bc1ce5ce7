// How well the sensor is heard: rates as measured, and every counter of something lost. Zeroes are
// quiet; what is not zero stands out and says what it means.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { h, setAttr, setText } from '../ui/dom.js';

// Fields of pbt.stats that count something lost, in the order of the way a sample takes.
const LOSSES = [
	['lost_board', 'Lost: board count'],
	['lost_rate', 'Lost: rate deficit'],
	['overruns', 'Overruns of the driver'],
	['framing', 'Framing errors'],
	['rejected', 'Rejected lines'],
	['overlong', 'Overlong lines'],
];

export class Health {
	constructor(app, view) {
		Object.assign(this, { app, view });
		this.dds = {};
		const row = (id, label, title) => {
			this.dds[id] = h('dd', { id, title: title ?? null }, '–');
			return h('div', {}, h('dt', {}, label), this.dds[id]);
		};
		const lossHelp = (name) => view.stats.schema?.fields.find((f) => f.name === name)?.help ?? null;
		this.el = h('section', { class: 'panel', 'aria-label': 'Stream' },
			h('h3', {}, 'Stream'),
			h('dl', { class: 'facts' },
				row('sample-rate', 'Sample Rate'),
				row('update-rate', 'Update Rate'),
				row('sample-count', 'Samples Received'),
				row('buffer-size', 'Buffer Size'),
				row('draw-cost', 'Drawing')),
			h('h3', {}, 'Losses'),
			h('dl', { class: 'facts losses' },
				row('missed', 'Missed by this page', 'Records the hub skipped for this page because it was slow'),
				...LOSSES.map(([name, label]) => row(`loss-${name}`, label, lossHelp(name)))));
		view.stats.addEventListener('schema', () => LOSSES.forEach(([name]) => setAttr(this.dds[`loss-${name}`], 'title', lossHelp(name) ?? '')));
	}

	update() {
		const { sample, stats, panel } = this.view, rates = sample.rates();
		const hertz = (what) => (!sample.ring ? '–' : rates ? `${rates[what].toFixed(1)} Hz` : 'measuring…');
		const { governor } = panel.plot;
		setText(this.dds['sample-rate'], hertz('records'));
		setText(this.dds['update-rate'], hertz('frames'));
		setText(this.dds['sample-count'], String(sample.received));
		setText(this.dds['buffer-size'], String(sample.ring?.length ?? 0));
		setText(this.dds['draw-cost'], `${governor.costMs.toFixed(1)} ms${panel.plot.moving() ? ` × ${Math.round(governor.fps)}/s` : ''}`);
		this.loss('missed', sample.missed);
		const record = stats.ring?.newest();
		for (const [name] of LOSSES)
			this.loss(`loss-${name}`, record?.[name]);
	}

	loss(id, count) {
		setText(this.dds[id], count === undefined ? '–' : String(count));
		setAttr(this.dds[id], 'data-lost', String(count > 0));
	}
}
