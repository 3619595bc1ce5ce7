// Moments in addresses: RFC 3339 in UTC, to the microsecond. A double of milliseconds since 1970
// keeps a quarter of a microsecond, which is what times on this page are.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

/** 2026-11-21T15:02:03.125Z; three more digits where there is more to say. */
export function momentText(wallMs) {
	const us = Math.round(wallMs * 1000), ms = Math.floor(us / 1000), rest = us - ms * 1000;
	const text = new Date(ms).toISOString().slice(0, -1);
	return `${text}${rest ? String(rest).padStart(3, '0') : ''}Z`;
}

/** The same read back, or any date a browser understands; NaN if it is none. */
export function parseMoment(text) {
	const exact = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(text ?? '');
	if (exact)
		return Date.parse(`${exact[1]}Z`) + Number(exact[2] ?? 0) * 1000;
	return Date.parse(text ?? '');
}

/** Seconds since 1970 for a request, to the microsecond. */
export const unixText = (wallMs) => (wallMs / 1000).toFixed(6);
