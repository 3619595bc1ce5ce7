// The marks of a time axis from a year to a microsecond, in local time: steps that people count in
// (minutes, days, months), a short label at each, and below it what it lacks (the date, the year)
// where that changes.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const MINUTE = 60e3, HOUR = 3600e3, DAY = 86400e3, MONTH = 30.44 * DAY, YEAR = 365.25 * DAY;
const DECADES = [0.001, 0.01, 0.1, 1, 10, 100].flatMap((p) => [p, 2 * p, 5 * p]);
const CLOCK = [1, 2, 5, 10, 15, 30].flatMap((n) => [n * 1e3, n * MINUTE]).concat([1, 2, 3, 6, 12].map((n) => n * HOUR));
const CALENDAR = [DAY, 2 * DAY, 7 * DAY, 14 * DAY, MONTH, 2 * MONTH, 3 * MONTH, 6 * MONTH, YEAR, 2 * YEAR, 5 * YEAR];
const STEPS = [...DECADES, ...CLOCK, ...CALENDAR].sort((a, b) => a - b);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONDAY = 4; // days from 1970-01-01, a Thursday, to the first Monday

const two = (n) => String(n).padStart(2, '0');
export const dateText = (d) => `${d.getDate()} ${MONTHS[d.getMonth()]}`;

/** The shortest step of which at most `most` fit. */
export function timeStep(fromMs, toMs, most) {
	const least = (toMs - fromMs) / Math.max(1, most);
	return STEPS.find((s) => s >= least) ?? STEPS[STEPS.length - 1];
}

/** Marks from fromMs to toMs, rising. */
export function timeTicks(fromMs, toMs, step) {
	const at = step < 30 * MINUTE ? evenTicks(fromMs, toMs, step) : step < DAY ? hourTicks(fromMs, toMs, step)
		: step < MONTH ? dayTicks(fromMs, toMs, Math.round(step / DAY)) : monthTicks(fromMs, toMs, Math.round(step / MONTH));
	return at.filter((t) => t >= fromMs && t <= toMs);
}

function evenTicks(fromMs, toMs, step) {
	const at = [], first = Math.ceil(fromMs / step);
	for (let i = 0; (first + i) * step <= toMs; i++)
		at.push((first + i) * step);
	return at;
}

/** Counted from each midnight, so that a change to summer time moves them with the clock. */
function hourTicks(fromMs, toMs, step) {
	const at = [], d = new Date(fromMs);
	for (let day = 0; ; day++) {
		for (let ms = 0; ms < DAY; ms += step) {
			const t = +new Date(d.getFullYear(), d.getMonth(), d.getDate() + day, 0, 0, 0, ms);
			if (t > toMs)
				return at;
			if (!(t <= at[at.length - 1]))
				at.push(t);
		}
	}
}

function dayTicks(fromMs, toMs, days) {
	const at = [], d = new Date(fromMs), shift = days % 7 ? 0 : MONDAY;
	for (let i = 0; ; i++) {
		const midnight = new Date(d.getFullYear(), d.getMonth(), d.getDate() + i);
		if (+midnight > toMs)
			return at;
		const number = Math.round((+midnight - midnight.getTimezoneOffset() * MINUTE) / DAY);
		if ((number - shift) % days === 0)
			at.push(+midnight);
	}
}

function monthTicks(fromMs, toMs, months) {
	const at = [], d = new Date(fromMs), first = d.getFullYear() * 12 + d.getMonth();
	for (let m = Math.floor(first / months) * months; ; m += months) {
		const t = +new Date(Math.floor(m / 12), m % 12, 1);
		if (t > toMs)
			return at;
		at.push(t);
	}
}

/** A label for each mark; a second line where what the first leaves out begins or changes. */
export function timeLabels(at, step) {
	let before = '';
	return at.map((t) => {
		const [label, context] = labelOf(t, step);
		const shown = context && context !== before ? `${label}\n${context}` : label;
		before = context;
		return shown;
	});
}

function labelOf(t, step) {
	const d = new Date(t), clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
	if (step < 1000)
		return [secondsText(t, step), `${clock}  ${dateText(d)}`];
	if (step < DAY)
		return [step < MINUTE ? `${clock}:${two(d.getSeconds())}` : clock, dateText(d)];
	if (step < MONTH)
		return [dateText(d), String(d.getFullYear())];
	if (step < 0.9 * YEAR)
		return [MONTHS[d.getMonth()], String(d.getFullYear())];
	return [String(d.getFullYear()), ''];
}

/** Seconds of the minute with the digits the step needs: "04.125 s". */
function secondsText(t, step) {
	const us = Math.round(t * 1000), digits = step >= 100 ? 1 : step >= 10 ? 2 : step >= 1 ? 3 : step >= 0.1 ? 4 : step >= 0.01 ? 5 : 6;
	const text = ((((us % 60e6) + 60e6) % 60e6) / 1e6).toFixed(digits);
	return `${text.padStart(digits + 3, '0')} s`;
}

/** A span in words: from to, as short as it may be said. */
export function spanText(fromMs, toMs) {
	const a = new Date(fromMs), b = new Date(toMs), wide = toMs - fromMs;
	const day = (d) => `${dateText(d)} ${d.getFullYear()}`;
	if (wide >= 3 * DAY)
		return `${day(a)} \u2013 ${day(b)}`;
	const digits = wide >= 2 * MINUTE ? -1 : wide >= 10e3 ? 0 : wide >= 100 ? 3 : 6;
	const sameDay = day(a) === day(b);
	return `${day(a)} ${momentClock(fromMs, digits)} \u2013 ${sameDay ? '' : `${day(b)} `}${momentClock(toMs, digits)}`;
}

/** Local time of day; digits of the second, or -1 for none. */
export function momentClock(t, digits) {
	const us = Math.round(t * 1000), d = new Date(Math.floor(us / 1000));
	const clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
	if (digits < 0)
		return clock;
	const fraction = String((((us % 1e6) + 1e6) % 1e6)).padStart(6, '0').slice(0, digits);
	return `${clock}:${two(d.getSeconds())}${fraction && `.${fraction}`}`;
}

/** How long, in the unit people would use: 1.25 ms, 40 s, 1 h, 3 d. */
export function lengthText(ms) {
	const units = [[YEAR, 'y'], [DAY, 'd'], [HOUR, 'h'], [MINUTE, 'min'], [1000, 's'], [1, 'ms'], [0.001, '\u00b5s']];
	const [size, name] = units.find(([u]) => ms >= u * 0.9995) ?? units[units.length - 1];
	return `${+(ms / size).toPrecision(3)} ${name}`;
}
