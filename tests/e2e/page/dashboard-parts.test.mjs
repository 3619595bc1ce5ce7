// The pure parts of the dashboard without a browser: its words, what counts as stale, how many points.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const web = (path) => import(pathToFileURL(join(process.env.OUTPOST_SOURCE ?? '.', 'web/src/dashboard', path)));
const {
	ageText, alertsText, beyondText, isOver, lastAlertText, limitsIn, limitsText, numberText, presence, sensorText, sinceText,
	toFahrenheit, toldText, wellText, whenText,
} = await web('words.js');
const { pointsOf } = await web('points.js');

const DAY = 86400e3;
const reading = { temperature_c: 21, temperature_f: 69.8, humidity: 44, age_s: 1 };
const data = { reading, stale: false, interval_s: 60 };

test('numbers, ages and limits read as the server writes them', () => {
	assert.deepEqual([44, -0.8, 17.5, -5].map(numberText), ['44.0', '-0.8', '17.5', '-5.0']);
	assert.deepEqual([0, 95.9, 181, 7199, 7200, 400000].map(ageText), ['0 S', '95 S', '3 MIN', '119 MIN', '2 H', '4 DAYS']);
	assert.equal(limitsText(15, 32, '\u00b0C'), 'LIMITS: 15.0 TO 32.0\u00b0C');
	assert.equal(limitsText(null, 70, '%'), 'LIMITS: AT MOST 70.0%');
	assert.equal(limitsText(20, null, '%'), 'LIMITS: AT LEAST 20.0%');
	assert.equal(limitsText(null, null, '%'), 'NO LIMITS');
});

test('limits follow the unit; what is off stays off; equal is not over', () => {
	const thresholds = { temp_min_c: 15, temp_max_c: null, humidity_min: 20, humidity_max: 70 };
	assert.deepEqual(limitsIn(thresholds, true), { known: true, temperature: [59, null], humidity: [20, 70] });
	assert.deepEqual(limitsIn(null, false), { known: false, temperature: [null, null], humidity: [null, null] });
	assert.equal(toFahrenheit(-0.8), 30.6);
	assert.deepEqual([[70, 20, 70], [70.1, 20, 70], [19.9, 20, null], [5, null, null]].map((a) => isOver(...a)), [false, true, true, false]);
});

test('live is said only while readings come and the appliance answers', () => {
	assert.deepEqual(presence(data, 1, 0), { live: true, stale: false, liveText: 'LIVE', notice: '' });
	assert.deepEqual(presence(data, 181, 0), { live: false, stale: true, liveText: 'STALE', notice: 'READING IS 3 MIN OLD' });
	assert.deepEqual(presence({ ...data, stale: true }, 100, 0).liveText, 'STALE', 'the server knows better');
	assert.deepEqual(presence({ ...data, reading: null, stale: true }, 0, 0), { live: false, stale: true, liveText: 'NO READING', notice: 'NO READING YET' });
	assert.deepEqual(presence(data, 5, 4), { live: false, stale: false, liveText: 'OFFLINE', notice: 'NO CONNECTION FOR 4 S' });
	assert.equal(presence(data, 300, 290).notice, 'NO CONNECTION FOR 4 MIN. READING IS 5 MIN OLD');
	assert.deepEqual(presence(null, 0, 3), { live: false, stale: true, liveText: 'OFFLINE', notice: 'NO CONNECTION FOR 3 S' });
});

test('sensor and alerts in words', () => {
	assert.equal(sensorText({ state: 'failing', reason: 'no chip answers at 0x5f' }), 'FAILING: no chip answers at 0x5f');
	assert.equal(sensorText({ state: 'ok', reason: '' }), 'OK');
	assert.equal(alertsText(null), 'NOT KNOWN');
	assert.equal(alertsText([]), 'NONE');
	assert.equal(lastAlertText(null, null), '', 'nothing is known');
	assert.equal(lastAlertText([], null), 'LAST: NONE SINCE THE START');
	assert.equal(lastAlertText([{ rule: 'x' }], null), 'RAISED BEFORE THE LAST START');
	assert.deepEqual(['', 'on', 'off'].map(toldText), ['', '', 'NOT SENT ANYWHERE: THE WEBHOOK IS OFF']);
	assert.equal(lastAlertText([], { text: 'HUMIDITY LOW', state: 'raised', timestamp: '2026-11-21 01:00:00' }), 'LAST: HUMIDITY LOW RAISED 2026-11-21 01:00:00');
	assert.equal(alertsText([{ text: 'TEMPERATURE HIGH' }, { text: 'HUMIDITY LOW' }]), 'TEMPERATURE HIGH, HUMIDITY LOW');
});

test('which limit is passed, and since when', () => {
	assert.deepEqual([[14.9, 15, 32], [15, 15, 32], [33, 15, 32], [33, null, 32.5], [-9, null, 32]].map((v) => beyondText(...v, '\u00b0C')),
		['BELOW 15.0\u00b0C', '', 'ABOVE 32.0\u00b0C', 'ABOVE 32.5\u00b0C', '']);
	const [hot, dry] = [{ rule: 'temp_high' }, { rule: 'humidity_low' }], last = { rule: 'temp_high', state: 'raised', timestamp: 'THEN' };
	assert.equal(sinceText([hot], last), 'RAISED THEN');
	assert.equal(sinceText([dry, hot], last), 'NEWEST RAISED THEN');
	assert.deepEqual([sinceText([dry], last), sinceText(null, last), sinceText([hot], null), sinceText([hot], { ...last, state: 'cleared' })], ['', '', '', '']);
	assert.equal(wellText(limitsIn({ temp_min_c: 15 }, false)), 'ALL WITHIN LIMITS');
	assert.deepEqual([wellText(limitsIn({}, false)), wellText(limitsIn(null, false))], ['NO ALERTS', 'NO ALERTS']);
});

test('times of another zone or another clock are told as such', () => {
	const ms = new Date(2026, 10, 21, 1, 9, 47, 500).getTime(), at = (timestamp, ageS, nowMs) => whenText({ timestamp, time_ms: ms }, ageS, nowMs);
	assert.equal(at('2026-11-21 01:09:47', 12, ms + 12e3), '12 S AGO');
	assert.equal(at('2026-11-20 19:39:47', 12, ms + 12e3), '12 S AGO, 01:09:47 BY THIS DEVICE');
	assert.equal(at('2026-11-21 01:09:47', 12, ms + 12e3 + 3 * 3600e3), "12 S AGO. THE MONITOR'S CLOCK IS 3 H BEHIND THIS DEVICE");
	assert.equal(at('2026-11-21 01:09:47', 12, ms - 500e3), "12 S AGO. THE MONITOR'S CLOCK IS 8 MIN AHEAD OF THIS DEVICE");
	assert.equal(whenText({ timestamp: '12 S AGO', time_ms: 0 }, 12, ms), '', 'the clock was never set: the timestamp tells the age');
});

test('a page that comes back into sight knows nothing of now until it is told', () => {
	assert.deepEqual(presence(data, 4000, 0, true), { live: false, stale: true, liveText: 'ASKING', notice: '' });
	assert.equal(presence(data, 4000, 3, true).liveText, 'OFFLINE');
});

test('a year is drawn by days, a day as fine as the screen', () => {
	assert.equal(pointsOf(DAY, 360), 360);
	assert.equal(pointsOf(7 * DAY, 230), 230);
	assert.equal(pointsOf(365 * DAY, 360), Math.round(2 ** 34 / DAY), 'as many points as a tile has days');
	assert.equal(pointsOf(365 * DAY, 100), 100, 'but no more than can be seen');
});
