// One light per service, from its status topic; a tap says state, since when, why, and what it
// uses. A status older than its declaration allows means that the process hangs or has died, unless
// the supervisor wrote it in the name of a dead one (pid 0): then it says itself what is going on.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { durationText, h, setAttr, setText } from './dom.js';

const COLOUR = {
	ready: 'ok', starting: 'busy', degraded: 'warn', restarting: 'warn',
	stopping: 'busy', stopped: 'off', failed: 'bad',
};

export class Lights {
	constructor(app) {
		this.app = app;
		this.items = new Map();
		this.el = h('div', { class: 'lights', role: 'group', 'aria-label': 'Services' });
		this.panel = h('div', { class: 'popover', role: 'dialog', 'aria-label': 'Service', hidden: true });
		document.body.append(this.panel);
		app.catalogue.addEventListener('services', () => this.rebuild());
		document.addEventListener('click', (e) => this.el.contains(e.target) || this.panel.contains(e.target) || this.close());
		document.addEventListener('keydown', (e) => e.key === 'Escape' && this.close());
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
			onclick: () => this.toggle(name),
		}, h('span', { class: 'dot', 'aria-hidden': 'true' }), name);
		feed.addEventListener('frame', () => this.update());
		return { name, feed, button };
	}

	state({ feed }) {
		const record = feed.ring?.newest();
		if (this.app.link.state !== 'connected')
			return { colour: 'off', text: 'unknown', reason: 'No connection to the appliance.' };
		if (!record)
			return { colour: 'off', text: 'unknown', reason: feed.reason || 'No status has come yet.' };
		const text = feed.ring.fields.find((f) => f.name === 'state')?.labels?.[record.state] ?? '?';
		if (feed.stale && record.pid)
			return { colour: 'bad', text: 'silent', record, reason: `no sign of life for ${durationText(feed.ageMs() / 1000)}: it hangs, or has died` };
		return { colour: COLOUR[text] ?? 'off', text, record, reason: record.reason };
	}

	/** A sentence on a service that is not well, or null: 'pbt is failed: ended with status 1.' */
	complaint(name) {
		const item = this.items.get(name);
		if (!item)
			return null;
		const { colour, text, reason } = this.state(item);
		return colour === 'ok' ? null : `${name} is ${text}${reason ? `: ${reason.replace(/\.$/, '')}` : ''}.`;
	}

	update() {
		for (const item of this.items.values()) {
			const { colour, text, reason } = this.state(item);
			setAttr(item.button, 'data-colour', colour);
			setAttr(item.button, 'aria-label', `${item.name}: ${text}${reason ? `, ${reason}` : ''}`);
			setAttr(item.button, 'title', `${item.name}: ${text}`);
		}
		if (this.openName)
			this.fill();
	}

	toggle(name) {
		if (this.openName === name)
			return this.close();
		this.openName = name;
		this.panel.hidden = false;
		this.fill();
		const box = this.items.get(name).button.getBoundingClientRect();
		const left = Math.max(8, Math.min(box.left, innerWidth - this.panel.offsetWidth - 8));
		this.panel.style.left = `${left + scrollX}px`;
		this.panel.style.top = `${box.bottom + 6 + scrollY}px`;
	}

	close() {
		this.openName = null;
		this.panel.hidden = true;
	}

	fill() {
		const item = this.items.get(this.openName);
		if (!item)
			return this.close();
		const { colour, text, record, reason } = this.state(item);
		const rows = record ? this.rows(record) : [];
		const key = JSON.stringify([colour, text, reason, rows]);
		if (this.filled === key)
			return;
		this.filled = key;
		this.panel.replaceChildren(
			h('p', { class: 'light', 'data-colour': colour }, h('span', { class: 'dot' }), h('strong', {}, item.name), ` ${text}`),
			...(reason ? [h('p', { class: 'reason' }, reason)] : []),
			h('dl', {}, ...rows.flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)])));
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
