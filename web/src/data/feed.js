// One subscribed topic: its ring, what was received and lost on the way, and the rates measured
// here. Everything that wants the topic shares one feed; it ends with its last user.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Ring } from './ring.js';

const BACKLOG_MAX = 16384; // records the server gives at once
const MEASURE_MS = 5000;
const MEASURE_PERIODS = 8; // of a slow topic
const MARGIN_S = 3; // for what is on its way, and for a page that lags

export class Feed extends EventTarget {
	constructor(link, topic, { rate, capacity, last }) {
		super();
		Object.assign(this, { link, topic, rate, capacity, last });
		this.users = 0;
		this.ring = null;
		this.reason = ''; // why there is nothing: the server's word
		this.paused = false;
		this.received = 0;
		this.missedBefore = 0; // by subscriptions that are over
		this.missedNow = 0;
		this.restartMeasuring();
		this.arrivedAt = 0;
	}

	/** Backlog to ask for: what the ring lacks since its newest record, or all it may hold. */
	wanted() {
		const most = Math.min(BACKLOG_MAX, this.last);
		if (!this.ring?.end || !this.schema)
			return most;
		// The newest record may itself be old: of a backlog that has arrived in part.
		const seconds = Math.max(this.ageMs(), performance.now() - this.arrivedAt) / 1000 + MARGIN_S;
		return Math.min(BACKLOG_MAX, Math.max(8, Math.ceil(seconds * this.schema.rate_hz)));
	}

	described(message) {
		const schema = message.type;
		const same = this.schema && JSON.stringify(this.schema.fields) === JSON.stringify(schema.fields);
		this.schema = schema;
		this.missedBefore += this.missedNow;
		this.missedNow = 0;
		this.reason = '';
		this.restartMeasuring();
		if (!this.ring || !same)
			this.ring = new Ring(schema, this.capacity);
		this.dispatchEvent(new Event('schema'));
	}

	frame(header, recordOffset, at) {
		if (!this.ring)
			return;
		this.reason = '';
		this.missedNow = header.missed;
		if (!header.backlog)
			this.measure(header, at);
		this.received += this.paused ? (header.backlog ? 0 : header.count)
			: this.ring.append(header, recordOffset);
		if (!this.paused)
			this.arrivedAt = at;
		this.dispatchEvent(new Event('frame'));
	}

	lost(reason) {
		this.reason = reason || 'closed';
		this.dispatchEvent(new Event('schema'));
	}

	restartMeasuring() {
		this.arrivals = []; // {at, sentMs, records} of live frames
		this.measuredSince = performance.now();
	}

	/** Milliseconds from one record to the next as declared; 0 if published on events. */
	get periodMs() {
		return this.schema?.rate_hz > 0 ? 1000 / this.schema.rate_hz : 0;
	}

	measure(header, at) {
		const sentMs = header.bootNs * 1e-6;
		this.arrivals.push({ at, sentMs, records: header.count });
		const window = Math.max(MEASURE_MS, MEASURE_PERIODS * this.periodMs);
		while (this.arrivals.length > 2 && sentMs - this.arrivals[0].sentMs > window)
			this.arrivals.shift();
	}

	/**
	 * {records, frames} per second that arrived here during the last seconds; 0 when silent, null
	 * until enough came to tell: a second, or four periods. The server's time of each frame counts,
	 * since this page may have been busy when it came.
	 */
	rates(now = performance.now()) {
		const a = this.arrivals, n = a.length;
		const quiet = now - (n ? a[n - 1].at : this.measuredSince);
		if (quiet > 2500 + 2000 / this.rate + 2 * this.periodMs)
			return { records: 0, frames: 0 };
		const seconds = n ? (a[n - 1].sentMs - a[0].sentMs) / 1000 : 0;
		if (n < 3 || seconds < Math.max(1, 3.8 * this.periodMs / 1000))
			return null;
		let records = 0;
		for (let i = 1; i < n; i++)
			records += a[i].records;
		return { records: records / seconds, frames: (n - 1) / seconds };
	}

	get missed() {
		return this.missedBefore + this.missedNow;
	}

	/** Milliseconds since the newest record was made, by the server's clock; Infinity: none. */
	ageMs() {
		const now = this.link.clock.nowNs();
		return this.ring?.end && now ? Math.max(0, (now - this.ring.lastBootNs()) * 1e-6) : Infinity;
	}

	/** Older than its declaration allows. A topic without a maximum age is never stale. */
	get stale() {
		const max = this.schema?.max_age_ms;
		return !!max && this.ageMs() > max + 1000 / this.rate + 250;
	}

	setRate(rate) {
		if (rate === this.rate)
			return;
		this.rate = rate;
		this.restartMeasuring();
		this.link.subscribe(this);
	}

	/** While paused, frames are counted and thrown away; resuming fetches what the server has. */
	setPaused(paused) {
		if (paused === this.paused)
			return;
		this.paused = paused;
		if (!paused)
			this.link.subscribe(this);
	}

	resetCounters() {
		this.received = 0;
		this.missedBefore = -this.missedNow;
	}
}

export class Feeds {
	constructor(link) {
		this.link = link;
		this.byTopic = new Map();
	}

	/** @param options rate frames/s, capacity records kept here, last records wanted at once */
	open(topic, options) {
		let feed = this.byTopic.get(topic);
		if (!feed) {
			feed = new Feed(this.link, topic, options);
			this.byTopic.set(topic, feed);
			this.link.subscribe(feed);
		} else if (options.rate > feed.rate) {
			feed.setRate(options.rate);
		}
		feed.users++;
		return feed;
	}

	close(feed) {
		if (--feed.users > 0)
			return;
		this.byTopic.delete(feed.topic);
		this.link.unsubscribe(feed);
	}
}
