// The list of hits, newest first: those this page has heard of, and below them those that were
// recorded before. One whose samples are still in the waveform's buffer is shown there, an older one
// where the recorder has it.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { dateText } from '../plot/timeaxis.js';
import { clockText, h, setAttr, setText } from '../ui/dom.js';

const KEEP = 200;
const ORDER_NS = 1e9; // a hit and a pbt.stats closer than this may be told in either order

export class HitList {
	/** @param onjump, onrecall called with the hit that is to be shown: here, or from the recorder */
	constructor(app, feed, sample, onjump, onrecall) {
		Object.assign(this, { app, feed, sample, onjump, onrecall });
		this.list = [];
		this.past = []; // recorded ones that are not in the list
		this.recorded = false; // samples are kept: older hits can be shown
		this.next = 0; // position in the feed's ring
		this.selected = null;
		this.body = h('ol', { class: 'hits' });
		this.pastBody = h('ol', { class: 'hits', id: 'past-hits' });
		this.empty = h('p', { class: 'empty' }, 'No hit yet. Strike the plate.');
		this.count = h('span', { class: 'count', id: 'hit-count' });
		this.el = h('section', { class: 'panel hitpanel', 'aria-label': 'Hits' },
			h('h3', {}, 'Hits', this.count),
			h('div', { class: 'hithead', 'aria-hidden': 'true' }, h('span', {}, 'No.'), h('span', {}, 'Time'), h('span', {}, 'Peak'), h('span', {}, 'Pulse ms')),
			h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'List of hits' }, this.empty, this.body, this.pastBody));
	}

	/** Takes in what the feed has received. */
	update() {
		const ring = this.feed.ring;
		if (this.epoch !== ring.epoch || this.ring !== ring) {
			Object.assign(this, { epoch: ring.epoch, ring, next: ring.start });
			this.reset();
		}
		for (let p = Math.max(this.next, ring.start); p < ring.end; p++)
			this.add(ring.record(p));
		this.next = ring.end;
		this.locate();
		this.refresh();
	}

	reset() {
		this.list = [];
		this.divided = false; // a divider is on top
		this.selected = null;
		this.body.replaceChildren();
	}

	clear() {
		this.reset();
		this.setPast([], this.recorded);
		this.next = this.ring?.end ?? 0;
		this.refresh();
	}

	/** Hits of the recorder, newest first, as it gives them; whether their samples are kept too. */
	setPast(rows, recorded) {
		const heard = new Set(this.list.map((hit) => `${hit.bootNs}/${hit.seq}`));
		this.recorded = recorded;
		this.past = rows.map((row) => ({ ...row, bootNs: row.boot_ns, wallMs: Date.parse(row.time) }))
			.filter((hit) => !heard.has(`${hit.bootNs}/${hit.seq}`));
		for (const hit of this.past)
			hit.button = this.button(hit, hit.wallMs, hit.end);
		const head = this.past.length ? [h('li', { class: 'divider' }, 'Recorded before')] : [];
		this.pastBody.replaceChildren(...head, ...this.past.map((hit) => h('li', {}, hit.button)));
		this.refresh();
	}

	/** Hits since the service started: of pbt.stats, or of a hit newer than it. */
	sinceStart(stats) {
		const newest = this.feed.ring?.newest();
		if (!newest || newest.bootNs < stats.bootNs - ORDER_NS)
			return stats.hits;
		return Math.max(stats.hits, newest.number);
	}

	/** The service numbers its hits from its start: what it counts now may be a new run. */
	seen(stats) {
		const newest = this.list[0];
		if (newest && newest.bootNs < stats.bootNs - ORDER_NS && stats.hits < newest.number)
			this.divide();
	}

	divide() {
		if (!this.divided)
			this.body.prepend(h('li', { class: 'divider' }, 'pbt restarted: numbers begin anew'));
		this.divided = true;
	}

	add(hit) {
		if (this.list.length && hit.number <= this.list[0].number)
			this.divide();
		this.divided = false;
		const end = this.ring.fields.find((f) => f.name === 'end')?.labels?.[hit.end] ?? '';
		hit.button = this.button(hit, this.app.clock.wallMs(hit.bootNs), end);
		this.list.unshift(hit);
		this.body.prepend(h('li', {}, hit.button));
		if (this.list.length > KEEP) {
			this.list.pop().button.parentElement.remove();
			while (this.body.lastElementChild.matches('.divider'))
				this.body.lastElementChild.remove();
		}
	}

	button(hit, wallMs, end) {
		const width = hit.width_ms < 100 ? hit.width_ms.toFixed(1) : hit.width_ms.toFixed(0);
		const day = new Date(wallMs), today = day.toDateString() === new Date().toDateString();
		return h('button', { type: 'button', disabled: true, 'data-seq': hit.seq, onclick: () => this.choose(hit),
			title: end === 'window' ? 'ended by the capture window' : 'ended when the envelope had halved' },
		h('span', { class: 'no' }, `#${hit.number}`),
		h('time', {}, today ? clockText(wallMs) : `${dateText(day)} ${clockText(wallMs).slice(0, 5)}`),
		h('span', { class: 'peak' }, hit.peak.toFixed(1)),
		h('span', { class: 'width' }, width));
	}

	choose(hit) {
		if (!this.inBuffer(hit))
			return this.onrecall(hit);
		this.select(hit);
		this.onjump(hit);
	}

	select(hit) {
		this.selected = hit;
		this.refresh();
	}

	/** Finds the trigger and fire samples of hits in the sample ring as they come. */
	locate() {
		const ring = this.sample.ring;
		if (!ring?.end)
			return;
		for (const hit of this.list) {
			if (hit.fireNs)
				break; // older ones were found before, or never will be
			const trigger = ring.find(hit.trigger_seq), fire = ring.find(hit.fire_seq);
			if (trigger < 0 || fire < 0)
				continue;
			hit.triggerNs = ring.bootNs[trigger & ring.mask];
			hit.fireNs = ring.bootNs[fire & ring.mask];
		}
	}

	inBuffer(hit) {
		const ring = this.sample.ring;
		return !!ring?.end && hit.triggerNs >= ring.bootNs[ring.start & ring.mask];
	}

	/** Whether each hit can be shown. One whose samples are just coming can in a moment. */
	refresh() {
		const ring = this.sample.ring, oldest = ring?.end ? ring.bootNs[ring.start & ring.mask] : 0;
		for (const hit of this.list) {
			hit.button.disabled = !this.inBuffer(hit) && !(this.recorded && hit.bootNs < oldest);
			setAttr(hit.button, 'aria-pressed', String(hit === this.selected));
		}
		for (const hit of this.past)
			hit.button.disabled = !this.recorded;
		const count = this.list.length + this.past.length;
		this.empty.hidden = count > 0;
		setText(this.count, count ? `${count} listed` : '');
	}
}
