// One light per service, from its status topic; a tap says state, since when, why, and what it
// uses. A status older than its declaration allows means that the process hangs or has died, unless
// the supervisor wrote it in the name of a dead one (pid 0): then it says itself what is going on.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { durationText, h, setAttr } from './dom.js';
import { popover } from './popover.js';

const NOT_YET = 'No status has come yet.';
const COLOUR = {
	ready: 'ok', starting: 'busy', degraded: 'warn', restarting: 'warn',
	stopping: 'busy', stopped: 'off', failed: 'bad',
};
const WORKS = ['ready', 'degraded'];

export class Lights {
	constructor(app) {
		this.app = app;
		this.items = new Map();
		this.el = h('div', { class: 'lights', role: 'group', 'aria-label': 'Services' });
		app.catalogue.addEventListener('services', () => this.rebuild());
		setInterval(() => this.update(), 500);
	}

	rebuild() {
		for (const item of this.items.values())
			this.app.feeds.close(item.feed);
		this.items.clear();
		for (const name of this.app.catalogue.services)
			this.items.set(name, this.light(name));
		this.el.replaceChildren(...[...this.items.values()].map((i) => i.button));
		this.update();
	}

	light(name) {
		const feed = this.app.feeds.open(`status.${name}`, { rate: 2, capacity: 64, last: 1 });
		const button = h('button', {
			type: 'button', class: 'light', 'aria-haspopup': 'dialog', 'data-service': name,
			onclick: () => popover.toggle(button, 'Service', () => this.fill(this.items.get(name))),
		}, h('span', { class: 'dot', 'aria-hidden': 'true' }), name);
		feed.addEventListener('frame', () => this.update());
		return { name, feed, button };
	}

	state({ feed }) {
		const record = feed.ring?.newest();
		if (this.app.link.state !== 'connected')
			return { colour: 'off', text: 'unknown', reason: 'No connection to the appliance.' };
		if (!record)
			return { colour: 'off', text: 'unknown', reason: feed.reason || NOT_YET };
		const text = feed.ring.fields.find((f) => f.name === 'state')?.labels?.[record.state] ?? '?';
		if (feed.stale && record.pid)
			return { colour: 'bad', text: 'silent', record, reason: `no sign of life for ${durationText(feed.ageMs() / 1000)}: it hangs, or has died` };
		return { colour: COLOUR[text] ?? 'off', text, record, reason: record.reason };
	}

	/** Whether a service runs, well or not so well, as it says itself. */
	works(name) {
		const item = this.items.get(name);
		return !!item && WORKS.includes(this.state(item).text);
	}

	/** A sentence on a service that is not well, or null: 'pbt is failed: ended with status 1.' */
	complaint(name) {
		const item = this.items.get(name);
		if (!item)
			return null;
		const { colour, text, reason } = this.state(item);
		return colour === 'ok' || reason === NOT_YET ? null : `${name} is ${text}${reason ? `: ${reason.replace(/\.$/, '')}` : ''}.`;
	}

	update() {
		for (const item of this.items.values()) {
			const { colour, text, reason } = this.state(item);
			setAttr(item.button, 'data-colour', colour);
			setAttr(item.button, 'aria-label', `${item.name}: ${text}${reason ? `, ${reason}` : ''}`);
			setAttr(item.button, 'title', `${item.name}: ${text}`);
		}
		popover.update();
	}

	/** What the popover says of a service. */
	fill(item) {
		const { colour, text, record, reason } = this.state(item);
		const rows = record ? this.rows(record) : [];
		return [JSON.stringify([colour, text, reason, rows]), () => [
			h('p', { class: 'light', 'data-colour': colour }, h('span', { class: 'dot' }), h('strong', {}, item.name), ` ${text}`),
			...(reason ? [h('p', { class: 'reason' }, reason)] : []),
			h('dl', {}, ...rows.flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)])),
		]];
	}

	rows(r) {
		const since = (this.app.clock.nowNs() - r.since_boot_ns) * 1e-9;
		return [
			['In this state for', durationText(Math.max(0, since))],
			['Running for', durationText(r.uptime_s)],
			['Processor', `${r.cpu_percent.toFixed(1)} % of a core`],
			['Memory', `${(r.rss_kib / 1024).toFixed(1)} MiB`],
			['Restarts', String(r.restarts)],
			['Records, missed', `${r.records}, ${r.missed}`],
			['Errors', String(r.errors)],
		];
	}
}
