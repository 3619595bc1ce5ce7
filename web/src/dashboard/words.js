// What the dashboard says, from what the appliance tells: the same words that the server writes into
// the page (dash_page.c), so that nothing jumps when the script takes over.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const STALE_INTERVALS = 3;

/** A number with its decimal, as the contract writes floats: 44.0, -0.8. */
export const numberText = (v) => (Number.isInteger(v) ? v.toFixed(1) : String(v));

export const toFahrenheit = (c) => Math.round((c * 9 / 5 + 32) * 10) / 10;

export function ageText(s) {
	if (s < 120)
		return `${Math.floor(s)} S`;
	if (s < 7200)
		return `${Math.floor(s / 60)} MIN`;
	return s < 172800 ? `${Math.floor(s / 3600)} H` : `${Math.floor(s / 86400)} DAYS`;
}

/** "LIMITS: 15.0 TO 32.0°C" of what is set; null: that one is off. */
export function limitsText(lo, hi, unit) {
	if (lo === null && hi === null)
		return 'NO LIMITS';
	if (lo === null || hi === null)
		return `LIMITS: ${lo === null ? `AT MOST ${numberText(hi)}` : `AT LEAST ${numberText(lo)}`}${unit}`;
	return `LIMITS: ${numberText(lo)} TO ${numberText(hi)}${unit}`;
}

const SENSOR = { ok: 'OK', failing: 'FAILING', down: 'NOT RUNNING', unknown: 'NOT HEARD OF YET' };

export const sensorText = ({ state, reason }) => `${SENSOR[state] ?? state}${reason ? `: ${reason}` : ''}`;

/** "ABOVE 32.0°C", or "": within them. */
export function beyondText(v, lo, hi, unit) {
	if (!isOver(v, lo, hi))
		return '';
	return lo !== null && v < lo ? `BELOW ${numberText(lo)}${unit}` : `ABOVE ${numberText(hi)}${unit}`;
}

export const alertsText = (alerts) => (!alerts ? 'NOT KNOWN' : alerts.map((a) => a.text).join(', ') || 'NONE');

/** @param alerts what is raised, null: not known
 * @param last   newest raise or clear, null: none since the alerts service started */
export function lastAlertText(alerts, last) {
	if (!last)
		return !alerts ? '' : alerts.length ? 'RAISED BEFORE THE LAST START' : 'LAST: NONE SINCE THE START';
	return `LAST: ${last.text} ${last.state.toUpperCase()} ${last.timestamp}`;
}

/** @param webhook "unset", "off", "on" or "": not known */
export const toldText = (webhook) =>
	({ unset: 'NOT SENT ANYWHERE: NO WEBHOOK IS SET', off: 'NOT SENT ANYWHERE: THE WEBHOOK IS OFF' })[webhook] ?? '';

/** Since when the newest of the raised alerts lasts, as far as that is known. */
export function sinceText(alerts, last) {
	if (last?.state !== 'raised' || !alerts?.some((a) => a.rule === last.rule))
		return '';
	return `${alerts.length > 1 ? 'NEWEST RAISED' : 'RAISED'} ${last.timestamp}`;
}

/** The one word for who has a second; only where nothing is wrong that anybody knows of. */
export function wellText({ known, temperature, humidity }) {
	return known && [...temperature, ...humidity].some((limit) => limit !== null) ? 'ALL WITHIN LIMITS' : 'NO ALERTS';
}

const ZONE_MS = 60e3, SKEW_MS = 120e3;
const two = (n) => String(n).padStart(2, '0');

/**
 * How old a reading is, and what its time is by the clock of who looks, where that is another.
 * @param reading its timestamp is by the monitor's time zone, its time_ms of no zone; 0: not known
 * @param nowMs   by this device's clock
 */
export function whenText({ timestamp, time_ms: ms }, ageS, nowMs) {
	if (!ms)
		return '';
	const age = `${ageText(ageS)} AGO`, skew = ms + 1000 * ageS - nowMs;
	if (Math.abs(skew) > SKEW_MS)
		return `${age}. THE MONITOR'S CLOCK IS ${ageText(Math.abs(skew) / 1000)} ${skew < 0 ? 'BEHIND' : 'AHEAD OF'} THIS DEVICE`;
	const here = new Date(ms), there = new Date(timestamp.replace(' ', 'T'));
	if (!(Math.abs(there - here) > ZONE_MS))
		return age;
	return `${age}, ${[here.getHours(), here.getMinutes(), here.getSeconds()].map(two).join(':')} BY THIS DEVICE`;
}

export const isOver = (v, lo, hi) => (lo !== null && v < lo) || (hi !== null && v > hi);

/** The limits of both values in the unit that is shown; all null while they are not known. */
export function limitsIn(thresholds, fahrenheit) {
	const { temp_min_c: lo = null, temp_max_c: hi = null, humidity_min = null, humidity_max = null } = thresholds ?? {};
	const unit = (c) => (c === null || !fahrenheit ? c : toFahrenheit(c));
	return { known: !!thresholds, temperature: [unit(lo), unit(hi)], humidity: [humidity_min, humidity_max] };
}

/**
 * Everything that depends on the present: {live, liveText, notice, stale}. What is well is not said of a
 * reading that was heard too long ago to tell, because nobody looked at the page since.
 * @param data    newest answer, or null: there was none
 * @param ageS    of the reading, now
 * @param silentS since when the appliance has not answered; 0: it does
 * @param waiting nothing was heard for long, and nothing was asked
 */
export function presence(data, ageS, silentS, waiting = false) {
	const reading = data?.reading, stale = !reading || data.stale || ageS > STALE_INTERVALS * data.interval_s;
	const told = !data ? '' : !reading ? 'NO READING YET' : stale ? `READING IS ${ageText(ageS)} OLD` : '';
	if (silentS > 0)
		return { live: false, stale, liveText: 'OFFLINE', notice: `NO CONNECTION FOR ${ageText(silentS)}${told && `. ${told}`}` };
	if (waiting)
		return { live: false, stale: true, liveText: 'ASKING', notice: '' };
	return { live: !stale, stale, liveText: !reading ? 'NO READING' : stale ? 'STALE' : 'LIVE', notice: told };
}
