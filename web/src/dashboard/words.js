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

export const alertsText = (alerts) => (!alerts ? 'NOT KNOWN' : alerts.map((a) => a.text).join(', ') || 'NONE');

export const lastAlertText = (last) => (last ? `LAST: ${last.text} ${last.state.toUpperCase()} ${last.timestamp}` : '');

export const isOver = (v, lo, hi) => (lo !== null && v < lo) || (hi !== null && v > hi);

/** The limits of both values in the unit that is shown; all null while they are not known. */
export function limitsIn(thresholds, fahrenheit) {
	const { temp_min_c: lo = null, temp_max_c: hi = null, humidity_min = null, humidity_max = null } = thresholds ?? {};
	const unit = (c) => (c === null || !fahrenheit ? c : toFahrenheit(c));
	return { known: !!thresholds, temperature: [unit(lo), unit(hi)], humidity: [humidity_min, humidity_max] };
}

/**
 * Everything that depends on the present: {live, liveText, notice, stale}.
 * @param data    newest answer, or null: there was none
 * @param ageS    of the reading, now
 * @param silentS since when the appliance has not answered; 0: it does
 */
export function presence(data, ageS, silentS) {
	const reading = data?.reading, stale = !reading || data.stale || ageS > STALE_INTERVALS * data.interval_s;
	const told = !data ? '' : !reading ? 'NO READING YET' : stale ? `READING IS ${ageText(ageS)} OLD` : '';
	if (silentS > 0)
		return { live: false, stale, liveText: 'OFFLINE', notice: `NO CONNECTION FOR ${ageText(silentS)}${told && `. ${told}`}` };
	return { live: !stale, stale, liveText: !reading ? 'NO READING' : stale ? 'STALE' : 'LIVE', notice: told };
}
