// Where the dashboard's values come from: /dashboard/data, asked every other second, more often while
// the light matrix is on, not at all while nobody looks.
//
// Events: "data" for each answer, "silent" for each question without one.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const PATH = '/dashboard/data';
const EACH_MS = 2000, LIT_MS = 500, LATE_MS = 8000;

/** Whether any light of the matrix is on. */
export const isLit = (led) => !!led && /[^0]/.test(led);

export class Source extends EventTarget {
	constructor() {
		super();
		this.data = null;
		this.heardAt = performance.now(); // an answer came last
		this.silent = false;
		document.addEventListener('visibilitychange', () => !document.hidden && this.ask());
		this.ask();
	}

	/** Seconds since the appliance answered; 0 while it does. */
	silentS() {
		return this.silent ? Math.max(1, (performance.now() - this.heardAt) / 1000) : 0;
	}

	/** Nothing was asked for a while, as the page was hidden: what was heard last says nothing of now. */
	isBehind() {
		return !this.silent && performance.now() - this.heardAt > EACH_MS + LATE_MS;
	}

	/** Age of the newest reading, which goes on while nothing is heard. */
	ageS() {
		return (this.data?.reading?.age_s ?? 0) + (performance.now() - this.heardAt) / 1000;
	}

	/** The appliance's wall clock as its last reading tells it; this device's until there is one. */
	nowMs() {
		const reading = this.data?.reading;
		return reading ? reading.at_ms + 1000 * this.ageS() : Date.now();
	}

	/** While the monitor does not know the date, pictures go by this device's clock: at_ms. */
	date({ reading, interval_s }) {
		if (!reading)
			return;
		const guess = Date.now() - 1000 * reading.age_s, same = Math.abs(guess - this.guess) < 500 * interval_s;
		this.guess = same ? this.guess : guess;
		reading.at_ms = reading.time_ms || this.guess;
	}

	async ask() {
		clearTimeout(this.timer);
		if (this.asking)
			return;
		this.asking = true;
		try {
			const reply = await fetch(PATH, { signal: lateSignal(LATE_MS), cache: 'no-store' });
			if (!reply.ok)
				throw new Error(`status ${reply.status}`);
			this.data = await reply.json();
			this.heardAt = performance.now();
			this.date(this.data);
			this.silent = false;
		} catch {
			this.silent = true;
		}
		this.asking = false;
		if (!document.hidden)
			this.timer = setTimeout(() => this.ask(), isLit(this.data?.led) && !this.silent ? LIT_MS : EACH_MS);
		this.dispatchEvent(new Event(this.silent ? 'silent' : 'data'));
	}
}

/** AbortSignal.timeout(), which older browsers lack. */
function lateSignal(ms) {
	const controller = new AbortController();
	setTimeout(() => controller.abort(), ms);
	return controller.signal;
}
