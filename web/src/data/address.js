// The address of a view of history: everything that is needed to see the same again, so that a link
// leads somebody else to the same moment.
//
//     #/history/TOPIC?from=2026-11-21T15:02:03.125Z&to=...&fields=raw&mark=2026-...Z Hit 12
//     #/history/TOPIC?live=3600
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { momentText, parseMoment } from './moment.js';

/** ?a=1&b=2 that a person can read: colons and commas stay as they are. */
function hashQuery(params) {
	const text = Object.entries(params).filter(([, v]) => v)
		.map(([k, v]) => `${k}=${encodeURIComponent(v).replaceAll('%3A', ':').replaceAll('%2C', ',')}`).join('&');
	return text && `?${text}`;
}

/**
 * @param where {from, to} in wall ms or {live} in ms of length; fields: names or null for the usual
 *   ones; marks: [{t, label}], labels without commas
 */
export function historyHash(topic, { from, to, live, fields, marks = [] }) {
	const span = live ? { live: +(live / 1000).toPrecision(6) }
		: Number.isFinite(from) ? { from: momentText(from), to: momentText(to) } : {};
	return `#/history/${encodeURIComponent(topic)}${hashQuery({ ...span, fields: fields?.join(),
		mark: marks.map(({ t, label }) => `${momentText(t)} ${label ?? ''}`.trim()).join() })}`;
}

/** The same read back: {from, to, live, fields, marks}, without what is not there or makes no sense. */
export function readHistoryHash(hash) {
	const at = hash.indexOf('?'), params = new URLSearchParams(at < 0 ? '' : hash.slice(at + 1));
	const where = { marks: [] }, live = Number(params.get('live')) * 1000;
	const from = parseMoment(params.get('from')), to = parseMoment(params.get('to'));
	if (live > 0)
		where.live = live;
	else if (from < to)
		Object.assign(where, { from, to });
	if (params.get('fields'))
		where.fields = params.get('fields').split(',');
	for (const mark of (params.get('mark') ?? '').split(',').filter(Boolean)) {
		const [time, ...label] = mark.trim().split(' ');
		if (Number.isFinite(parseMoment(time)))
			where.marks.push({ t: parseMoment(time), label: label.join(' ') });
	}
	return where;
}
