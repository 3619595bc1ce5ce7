// Alerts: a button with the number of those that are raised, and behind it which, what was told
// lately, whom it did not reach, and a test message to every channel. The number comes from the
// topics of outpost-alerts(8), so that it is there at once; the rest is asked for when it is opened.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { dateText } from '../plot/timeaxis.js';
import { clockText, durationText, h, setAttr, setText } from './dom.js';
import { popover } from './popover.js';

const RECENT = 20;
const REFRESH_MS = 5000;
const MUTE_MIN = 60;
const COLOUR = { critical: 'bad', warning: 'warn', info: 'ok' };

export class Alerts {
	constructor(app) {
		this.app = app;
		this.told = ''; // what became of the last test
		this.known = null; // {rules, channels}: the service's word
		this.count = h('span', { class: 'badge', hidden: true });
		this.words = h('span'); // not the name of the service, whose light stands beside it
		this.el = h('button', { type: 'button', id: 'alerts-btn', 'aria-haspopup': 'dialog', hidden: true, onclick: () => this.toggle() },
			h('span', { class: 'dot', 'aria-hidden': 'true' }), this.words, this.count);
		app.catalogue.addEventListener('topics', () => this.follow());
		app.link.addEventListener('state', () => this.update());
		setInterval(() => this.update(), 1000);
	}

	/** An appliance without the service has no button. */
	follow() {
		const here = this.app.catalogue.topics.some((t) => t.topic === 'alerts.state');
		if (!here || this.events)
			return;
		this.el.hidden = false;
		this.events = this.app.feeds.open('alerts.event', { rate: 2, capacity: 256, last: 100 });
		this.state = this.app.feeds.open('alerts.state', { rate: 1, capacity: 16, last: 1 });
		this.events.addEventListener('frame', () => this.changed());
		this.state.addEventListener('frame', () => this.update());
		this.update();
	}

	changed() {
		this.askedAt = -Infinity;
		this.update();
	}

	/** Events as {rule, severity, state, message, bootNs, ...}, newest first, words in place of numbers. */
	recent() {
		const ring = this.events?.ring, labelled = ring?.fields.filter((f) => f.labels) ?? [], list = [];
		for (let p = (ring?.end ?? 0) - 1; ring && p >= ring.start; p--) {
			const record = ring.record(p);
			for (const f of labelled)
				record[f.name] = f.labels[record[f.name]] ?? '';
			list.push(record);
		}
		return list;
	}

	/** Rules that are raised: as the service says every few seconds, and what happened since. */
	raised(recent) {
		const state = this.state?.ring?.newest(), rules = new Set(state?.names.split(' ').filter(Boolean));
		for (const e of [...recent].reverse())
			if (e.bootNs > (state?.bootNs ?? 0))
				rules[e.state === 'raised' ? 'add' : 'delete'](e.rule);
		return [...rules].map((rule) => ({ rule, ...recent.find((e) => e.rule === rule && e.state === 'raised'),
			...this.known?.rules.find((r) => r.rule === rule) }));
	}

	/** Whether the service tells, now: who is not heard has not said that all is well. */
	get speaks() {
		return this.app.link.state === 'connected' && !!this.state?.ring?.end && !this.state.stale && this.app.lights.works('alerts');
	}

	update() {
		if (this.el.hidden)
			return;
		const raised = this.raised(this.recent()), worst = ['critical', 'warning', 'info'].find((s) => raised.some((e) => e.severity === s));
		const { speaks } = this;
		setAttr(this.el, 'data-colour', !speaks ? 'off' : raised.length ? COLOUR[worst] ?? 'warn' : 'ok');
		setText(this.count, String(raised.length));
		this.count.hidden = !raised.length;
		setText(this.words, raised.length || !speaks ? 'Alerts' : 'No alerts');
		setAttr(this.el, 'aria-label', `Alerts: ${raised.length ? `${raised.length} raised` : speaks ? 'none raised' : 'not known'}${raised.length && !speaks ? ' when last heard' : ''}`);
		popover.update();
	}

	/* ---- what is behind the button ---------------------------------------------------- */

	toggle() {
		this.told = '';
		this.changed();
		popover.toggle(this.el, 'Alerts', () => {
			this.ask();
			const recent = this.recent(), parts = [this.raised(recent), recent.slice(0, RECENT), this.complaints(), this.told, this.speaks];
			return [JSON.stringify(parts, (key, value) => (key === 'muted_s' ? value > 0 : value)), () => this.children(...parts)];
		});
	}

	async ask() {
		if (performance.now() - (this.askedAt ?? -Infinity) < REFRESH_MS)
			return;
		this.askedAt = performance.now();
		const { body } = await call('GET', 'api/alerts');
		this.known = body?.rules ? body : null;
		popover.update();
	}

	/** Why somebody may not be told: {head, what}. */
	complaints() {
		const { rules = [], channels = [] } = this.known ?? {}, failing = channels.filter((c) => c.failing);
		const own = failing.length ? null : this.app.lights.complaint('alerts');
		return [...(own ? [{ head: '', what: own }] : []),
			...rules.filter((r) => r.problem).map((r) => ({ head: r.rule, what: `cannot work: ${r.problem}` })),
			...failing.map((c) => ({ head: c.channel, what: `not reached: ${c.error}; ${c.waiting + c.in_memory} waiting` }))];
	}

	children(raised, recent, complaints, told, speaks) {
		const list = (items, none) => (items.length ? h('ul', { class: 'alerts' }, ...items) : h('p', { class: 'empty' }, none));
		return [
			h('h3', {}, speaks ? 'Raised now' : 'Raised when last heard'),
			list(raised.map((e) => this.item(e, e.severity, this.muteButton(e))), speaks ? 'None.' : 'Not known.'),
			...(complaints.length ? [h('h3', {}, 'Not well'), list(complaints.map(({ head, what }) =>
				h('li', { 'data-colour': 'warn' }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', {}, h('strong', {}, head), ` ${what}`))))] : []),
			h('h3', {}, 'Lately'),
			list(recent.map((e) => this.item(e, e.state)), 'None since the appliance started.'),
			h('div', { class: 'buttons' }, h('button', { type: 'button', id: 'alerts-test', onclick: () => this.test() }, 'Send a test'),
				h('span', { class: 'viewstate', role: 'status' }, told)),
		];
	}

	item(e, word, button) {
		const muted = e.muted_s > 0 ? ', muted' : e.muted === 'yes' ? ', nobody was told' : '';
		return h('li', { 'data-colour': e.state === 'cleared' ? 'ok' : COLOUR[e.severity] ?? 'warn' }, h('span', { class: 'dot', 'aria-hidden': 'true' }),
			h('span', {}, h('strong', {}, e.rule), ` ${word ?? ''}${muted}`, e.message ? h('span', { class: 'told' }, e.message) : null, button ?? null),
			h('time', {}, this.timeText(e)));
	}

	timeText({ since, bootNs }) {
		const wall = since ? Date.parse(since) : bootNs ? this.app.clock.wallMs(bootNs) : NaN, day = new Date(wall);
		if (!(wall > 0))
			return '';
		return day.toDateString() === new Date().toDateString() ? clockText(wall).slice(0, 8) : `${dateText(day)} ${clockText(wall).slice(0, 5)}`;
	}

	muteButton({ rule, muted_s: muted }) {
		if (muted === undefined)
			return null; // the service has not said yet
		const [act, text] = muted > 0 ? ['unmute', `Tell again (muted for ${durationText(muted)})`] : ['mute', 'Mute for an hour'];
		return h('button', { type: 'button', class: 'small', onclick: () => this.act(act, { rule, minutes: act === 'mute' ? MUTE_MIN : undefined }) }, text);
	}

	async act(what, args) {
		const { ok, body } = await call('POST', `api/alerts/${what}`, args);
		this.told = ok ? '' : body.error;
		this.changed();
	}

	async test() {
		this.told = 'Sending\u2026';
		popover.update();
		const { ok, body } = await call('POST', 'api/alerts/test', {});
		this.told = ok ? body.channels.map((c) => `${c.channel}: ${c.message}`).join('; ') : body.error;
		popover.update();
	}
}

/** {ok, body}; where it is not ok, body.error says why. */
async function call(method, path, args) {
	try {
		const reply = await fetch(path, { method, cache: 'no-store',
			...(args ? { body: JSON.stringify(args), headers: { 'Content-Type': 'application/json' } } : {}) });
		const body = await reply.json();
		return { ok: reply.ok, body: reply.ok ? body : { error: body.error?.message ?? `status ${reply.status}` } };
	} catch {
		return { ok: false, body: { error: 'The appliance does not answer.' } };
	}
}
