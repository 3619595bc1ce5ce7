// The span of time that is looked at: fixed, or live with its right edge at the appliance's now. It
// knows how to zoom and pan within what there is, and the way back to where one was before.
//
// Events: "view" at each change; "settled" when it has rested for a moment.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

export const SPAN_MIN_MS = 1;
export const SPAN_MAX_MS = 2 * 366 * 86400e3;
const SETTLE_MS = 250;
const STEPS_BACK = 50;

const clamp = (v, lo, hi) => Math.min(Math.max(v, lo), hi);
const same = (a, b) => a.live === b.live && (a.live || (a.from === b.from && a.to === b.to)) && a.span === b.span;

export class TimeView extends EventTarget {
	/** @param now () => wall milliseconds of the appliance */
	constructor(now, spanMs = 3600e3) {
		super();
		this.now = now;
		this.oldest = 0; // there is nothing before
		this.delayMs = 0; // what delivery takes: a live picture ends so long before now
		this.state = { live: true, span: spanMs, from: 0, to: 0 };
		this.settledState = this.state;
		this.past = [];
	}

	get live() {
		return this.state.live;
	}

	get span() {
		return this.state.span;
	}

	range() {
		if (!this.live)
			return { from: this.state.from, to: this.state.to };
		const to = this.now() - this.delayMs;
		return { from: to - this.span, to };
	}

	set(state) {
		if (same(state, this.state))
			return;
		this.state = state;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.settle(), SETTLE_MS);
		this.dispatchEvent(new Event('view'));
	}

	settle() {
		clearTimeout(this.timer);
		this.timer = 0;
		if (same(this.settledState, this.state))
			return;
		if (!this.returning)
			this.past.push(this.settledState);
		this.past.splice(0, this.past.length - STEPS_BACK);
		this.returning = false;
		this.settledState = this.state;
		this.dispatchEvent(new Event('settled'));
	}

	get moving() {
		return !!this.timer;
	}

	destroy() {
		clearTimeout(this.timer);
	}

	setLive(spanMs = this.span) {
		this.set({ live: true, span: clamp(spanMs, SPAN_MIN_MS, SPAN_MAX_MS), from: 0, to: 0 });
	}

	/** Exactly this span, as an address or a hit names it. */
	show(from, to) {
		const span = clamp(to - from, SPAN_MIN_MS, SPAN_MAX_MS), middle = (from + to) / 2;
		this.set({ live: false, span, from: middle - span / 2, to: middle + span / 2 });
	}

	/** Stops where it is. */
	freeze() {
		const { from, to } = this.range();
		this.show(from, to);
	}

	/** This long: live stays live, a fixed view keeps its middle. */
	setSpan(spanMs) {
		if (this.live)
			return this.setLive(spanMs);
		const middle = (this.state.from + this.state.to) / 2;
		this.move(middle - spanMs / 2, middle + spanMs / 2);
	}

	/** As show, but held within the past; who runs into now goes on live. */
	move(from, to) {
		const now = this.now(), span = clamp(to - from, SPAN_MIN_MS, SPAN_MAX_MS);
		let begin = (from + to) / 2 - span / 2;
		begin = Math.max(begin, Math.min(this.oldest, now - span) - span / 4);
		if (begin + span >= now)
			return this.setLive(span);
		this.set({ live: false, span, from: begin, to: begin + span });
	}

	/** Closer (factor < 1) around a fraction of the width; without one, a live view stays live. */
	zoom(factor, at) {
		if (this.live && (at === undefined || at > 0.95))
			return this.setLive(this.span * factor);
		const { from, to } = this.range(), span = clamp((to - from) * factor, SPAN_MIN_MS, SPAN_MAX_MS);
		const anchor = from + (at ?? 0.5) * (to - from), share = at ?? 0.5;
		this.move(anchor - share * span, anchor + (1 - share) * span);
	}

	pan(fraction) {
		const { from, to } = this.range(), by = fraction * (to - from);
		this.move(from + by, to + by);
	}

	/** To the oldest there is. */
	home() {
		this.move(this.oldest, this.oldest + this.span);
	}

	/** Where one was before the last zoom, pan or jump. */
	back() {
		this.settle();
		let before = this.past.pop();
		while (before && same(before, this.state))
			before = this.past.pop();
		if (!before)
			return this.setLive();
		this.returning = true;
		this.set(before);
	}
}
