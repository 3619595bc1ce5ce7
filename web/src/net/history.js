// What the recorder kept, over HTTP: which topics there are, points of a span, addresses of exports.
// See outpost-http(7).
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { unixText } from '../data/moment.js';

const RETRY_MS = 2000;
const WIDTH_MS = { raw: 0, '1s': 1e3, '1min': 60e3, '1h': 3600e3 };

export class HistoryError extends Error {
	constructor(message, status, retryMs) {
		super(message);
		this.status = status; // of HTTP; 0: nobody answered
		this.retryMs = retryMs;
	}
}

async function answer(path, signal, method = 'GET') {
	let reply;
	try {
		reply = await fetch(path, { signal, method }); // the server says what may be kept, for how long
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new HistoryError('The appliance does not answer.', 0, RETRY_MS);
	}
	if (reply.ok)
		return reply;
	const told = await reply.json().catch(() => null);
	throw new HistoryError(told?.error?.message ?? `status ${reply.status}`, reply.status,
		Number(reply.headers.get('Retry-After')) * 1000 || RETRY_MS);
}

/**
 * What is kept: {recorder: {service, status, state, reason} or null, topics}. Each topic: {topic, kind,
 * rate_hz, fields: [{name, unit, help}], from, to, raw_from, clock}; times in wall ms, NaN where there
 * is none.
 */
export async function whatIsKept(signal) {
	const { recorder, topics } = await (await answer('api/history', signal)).json();
	return { recorder, topics: topics.map((t) => ({
		...t, from: Date.parse(t.from), to: Date.parse(t.to), raw_from: Date.parse(t.raw_from),
	})) };
}

/** What the recorder holds is on disk when this is done; whether that went well is told elsewhere. */
export const writeWhatIsHeld = () => answer('api/history/flush', undefined, 'POST').catch(() => null);

const topicPath = (topic, what, params) =>
	`api/topics/${encodeURIComponent(topic)}/${what}?${new URLSearchParams(params)}`;

export const historyPoints = (topic, what, signal) => pointsFrom(`api/topics/${encodeURIComponent(topic)}/history`, what, signal);

/** Points of from <= t < to: {level, bucketMs, clock, damaged, t, n, fields: {name: {min, max, mean}}}.
 * Where only coarser values are left than were asked for, their width is that of the points. */
export async function pointsFrom(path, { from, to, points, fields }, signal) {
	const params = new URLSearchParams({ from: unixText(from), to: unixText(to), points, fields: fields.join() });
	const a = await (await answer(`${path}?${params}`, signal)).json();
	const column = (list) => Float64Array.from(list ?? [], (v) => v ?? NaN);
	return {
		level: a.level, bucketMs: Math.max(a.bucket_ms, WIDTH_MS[a.level] ?? 0), clock: a.clock, damaged: a.damaged ?? 0,
		t: column(a.t), n: column(a.n),
		fields: Object.fromEntries(a.fields.map(({ name }) => [name,
			{ min: column(a.min[name]), max: column(a.max[name]), mean: column(a.mean[name]) }])),
	};
}

/** Where records of a span come from as a file. */
export function exportPath(topic, { from, to, fields, format, ...more }) {
	return topicPath(topic, 'export', {
		format, from: unixText(from), to: unixText(to), ...(fields?.length ? { fields: fields.join() } : {}), ...more,
	});
}

/** Records of a span as objects {seq, boot_ns, time, ...}. */
export async function records(topic, params, signal) {
	const text = await (await answer(exportPath(topic, { format: 'jsonl', ...params }), signal)).text();
	return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
