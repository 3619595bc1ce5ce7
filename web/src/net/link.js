// One WebSocket to the appliance, kept alive: it reconnects with back-off, subscribes again what was
// subscribed, and hands schemas and frames to the feed they belong to. It also keeps the relation of
// the server's clocks to this page's, learned from the frames.
//
// States: connecting -> connected -> disconnected -> connecting ... While disconnected, `cause` says
// whether the appliance does not answer at all ("unreachable") or answers but takes no further
// viewer ("busy").
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { readHeader } from './frame.js';

const BACKOFF_MS = [400, 800, 1500, 3000, 5000, 8000];
const SILENT_MS = 10000; // a service's status comes each second: this long is a dead connection
const HIDDEN_RATE = 0.5;

export class Link extends EventTarget {
	constructor(url) {
		super();
		this.url = url;
		this.feeds = new Map(); // topic -> feed
		this.ids = new Map(); // id of the server -> {feed, schema message}
		this.state = 'connecting';
		this.cause = '';
		this.attempts = 0;
		this.retryAt = 0;
		this.clock = new ServerClock();
		this.hidden = document.hidden;
		document.addEventListener('visibilitychange', () => this.setHidden(document.hidden));
		window.addEventListener('online', () => this.retryNow());
		window.addEventListener('pagehide', () => this.socket?.close(1000));
		setInterval(() => this.watch(), 1000);
		this.connect();
	}

	setState(state, cause = '') {
		this.state = state;
		this.cause = cause;
		this.dispatchEvent(new Event('state'));
	}

	connect() {
		clearTimeout(this.timer);
		this.ids.clear();
		this.setState('connecting', this.cause);
		const socket = new WebSocket(this.url, 'outpost');
		this.socket = socket;
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => this.opened(socket);
		socket.onclose = () => this.closed(socket);
		socket.onmessage = (event) => this.received(socket, event.data);
	}

	opened(socket) {
		if (socket !== this.socket)
			return;
		this.heardAt = performance.now();
		this.setState('connected');
		this.ask([...this.feeds.values()]);
	}

	closed(socket) {
		if (socket !== this.socket)
			return;
		const wait = BACKOFF_MS[Math.min(this.attempts++, BACKOFF_MS.length - 1)];
		const jittered = wait * (0.8 + 0.4 * Math.random());
		this.retryAt = performance.now() + jittered;
		this.timer = setTimeout(() => this.connect(), jittered);
		this.setState('disconnected', this.cause);
		this.learnCause();
	}

	/** A refused upgrade and a dead host look the same to a WebSocket; a plain request tells. */
	async learnCause() {
		let cause = 'unreachable';
		try {
			const { status } = await fetch('status', { cache: 'no-store', signal: timeoutSignal(3000) });
			cause = status === 401 ? 'locked' : 'busy';
		} catch {
			// nobody answers
		}
		if (this.state !== 'connected' && cause !== this.cause)
			this.setState(this.state, cause);
	}

	retryNow() {
		if (this.state === 'disconnected')
			this.connect();
	}

	watch() {
		const silent = performance.now() - (this.heardAt ?? 0) > SILENT_MS;
		if (this.state === 'connected' && silent && this.feeds.size && !this.hidden) {
			const socket = this.socket;
			socket.close();
			this.closed(socket);
		}
	}

	received(socket, data) {
		if (socket !== this.socket)
			return;
		this.heardAt = performance.now();
		if (typeof data === 'string')
			return this.message(JSON.parse(data));
		const header = readHeader(data);
		const target = header && this.ids.get(header.id);
		if (!target)
			return;
		this.attempts = 0;
		this.clock.learn(header, this.heardAt);
		target.feed.frame(header, target.schema.record_offset, this.heardAt);
	}

	message({ schema, closed, error }) {
		if (schema) {
			const feed = this.feeds.get(schema.topic);
			if (feed)
				this.ids.set(schema.id, { feed, schema });
			feed?.described(schema);
		} else if (closed) {
			this.feeds.get(closed.topic)?.lost(closed.reason);
		} else if (error) {
			this.feeds.get(error.topic)?.lost(error.message);
			console.info(`appliance: ${error.message}`);
		}
	}

	send(message) {
		if (this.state === 'connected' && this.socket.readyState === WebSocket.OPEN)
			this.socket.send(JSON.stringify(message));
	}

	request(feed) {
		const rate = this.hidden ? Math.min(HIDDEN_RATE, feed.rate) : feed.rate;
		return { topic: feed.topic, rate, last: feed.wanted(), format: 'binary' };
	}

	/** Begins, or renews with another rate, the subscription of a feed. */
	subscribe(feed) {
		this.feeds.set(feed.topic, feed);
		this.ask([feed]);
	}

	/**
	 * Frames that are still on their way from the subscription before are not heard any more: newer
	 * than the backlog asked for here, they would shut it out. The answer's schema opens the ear.
	 */
	ask(feeds) {
		for (const [id, target] of this.ids)
			if (feeds.includes(target.feed))
				this.ids.delete(id);
		this.send({ subscribe: feeds.map((feed) => this.request(feed)) });
	}

	unsubscribe(feed) {
		this.feeds.delete(feed.topic);
		this.send({ unsubscribe: [feed.topic] });
	}

	setHidden(hidden) {
		this.hidden = hidden;
		this.heardAt = performance.now();
		this.ask([...this.feeds.values()]);
		if (!hidden)
			this.retryNow();
	}
}

function timeoutSignal(ms) {
	const controller = new AbortController();
	setTimeout(() => controller.abort(), ms);
	return controller.signal;
}

/** The server's boot clock and wall clock as this page can know them. */
class ServerClock {
	constructor() {
		this.offset = null; // server boot ms - page ms
		this.wallMinusBootNs = null;
	}

	learn(header, pageMs) {
		const seen = header.bootNs * 1e-6 - pageMs;
		// The least delayed frame tells best; the slow slide follows clocks that drift.
		if (this.offset === null || Math.abs(seen - this.offset) > 5000)
			this.offset = seen;
		else
			this.offset = Math.max(seen, this.offset - 0.005);
		this.wallMinusBootNs = header.wallNs - header.bootNs;
	}

	/** Server boot-clock nanoseconds now, or 0 before the first frame. */
	nowNs(pageMs = performance.now()) {
		return this.offset === null ? 0 : (pageMs + this.offset) * 1e6;
	}

	/** Wall time of a boot-clock time, in milliseconds since 1970. */
	wallMs(bootNs) {
		return (bootNs + (this.wallMinusBootNs ?? 0)) * 1e-6;
	}
}
