// The dashboard of the temperature monitor in Chromium, against the simulated board: what is read, what
// is said when nothing is, a year of history, a phone, no script at all.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { TempMonitor } from './appliance.mjs';
import { launch, openPage, pixels, text, until } from './browser.mjs';

const TOKEN = 'a-token-of-this-test-0123456789';
const YEAR = 365 * 86400e3, KB_MOST = 60;
let box, browser, page;

// All of the dashboard is seen without the token; the API asks for it.

const data = async (from = box) => (await fetch(new URL('/dashboard/data', from.url))).json();
const html = async (from = box) => (await fetch(from.url)).text();
const notice = (p, what, wanted) => until(p, `"${wanted}" (${what})`, (t) => {
	const el = document.getElementById('notice');
	return t ? el.dataset.on === 'yes' && el.textContent.includes(t) : el.dataset.on === 'no';
}, wanted, 60000);
const says = (p, id, wanted) => until(p, `${id}: ${wanted}`, ([i, t]) => document.getElementById(i).textContent.includes(t), [id, wanted], 60000);

before(async () => {
	box = new TempMonitor({ 'services.web.token': TOKEN });
	await box.makePast(366);
	await box.start();
	browser = await launch();
	page = await openPage(browser, box.url);
	await says(page, 'live', 'LIVE');
});

after(async () => {
	await browser?.close();
	await box?.remove();
});

test('values are those of the newest reading, and follow it', async () => {
	await box.board('set temperature 40'); // before compensation
	await until(page, 'the values that the API has now', async (token) => {
		const r = await (await fetch('/api/temp', { headers: { Authorization: `Bearer ${token}` } })).json(), of = (id) => document.getElementById(id).textContent;
		const float = (v) => (Number.isInteger(v) ? v.toFixed(1) : String(v));
		return of('temp') === `${float(r.temperature_c)}\u00b0C` && of('temp-small') === `(${float(r.temperature_f)}\u00b0F)` &&
			of('humidity') === `${float(r.humidity)}%` && of('updated') === r.timestamp;
	}, TOKEN);
	const before = await text(page, '#temp');
	await box.board('set temperature 44');
	await until(page, 'another temperature', (old) => document.getElementById('temp').textContent !== old, before, 30000);
	assert.equal(await text(page, '#sensor'), 'OK');
});

test('the document has the values in it, and no script of its own', async () => {
	const reply = await fetch(box.url), document = await reply.text(), policy = reply.headers.get('content-security-policy');
	assert.match(reply.headers.get('content-type'), /^text\/html; charset=utf-8$/);
	assert.match(document, />-?\d+\.\d\u00b0C</);
	assert.match(document, />\(-?\d+\.\d\u00b0F\)</);
	assert.match(document, /id="updated">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d</);
	assert.doesNotMatch(document, /<script(?![^>]* src=)| on\w+="| style="/);
	assert.match(policy, /default-src 'none'/);
	assert.doesNotMatch(policy, /unsafe|http/);
});

/** Tags that are not closed, or not open, in the order they are met. */
function unbalanced(document) {
	const open = [], wrong = [], single = /^(meta|link|img|br)$/;
	for (const [, end, name] of document.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g))
		if (!end && !single.test(name))
			open.push(name);
		else if (end && open.pop() !== name)
			wrong.push(name);
	return [...wrong, ...open];
}

test('the document is well formed, and says what it is', async () => {
	const document = await html(), all = (re) => [...document.matchAll(re)].map((m) => m[1]), ids = all(/ id="([^"]*)"/g);
	assert.deepEqual(unbalanced(document), []);
	assert.match(document, /^<!doctype html>\n<html lang="en">/);
	assert.equal(all(/<(h1)/g).length, 1);
	assert.deepEqual(ids.filter((id, i) => ids.indexOf(id) !== i), []);
	assert.deepEqual(all(/ aria-labelledby="([^"]*)"/g).filter((id) => !ids.includes(id)), []);
	assert.match(document, /<img [^>]*alt="Company Logo"/);
	assert.match(document, />SERVER ROOM<br>ENVIRONMENTAL<br>MONITOR</);
	assert.ok(['TEMPERATURE', 'HUMIDITY', 'RELATIVE', 'LAST UPDATED', 'MONITORING DEVICE', 'REFRESH: 2S', 'LIVE'].every((word) => document.includes(`>${word}<`)));
});

test('open pages hold no connections', async () => {
	for (const path of ['/dashboard/data', '/dashboard/history']) {
		const reply = await fetch(new URL(path, box.url));
		assert.deepEqual([reply.status, reply.headers.get('connection')], [200, 'close'], path);
	}
});

test('nothing comes from elsewhere, it is light, and nobody complains', async () => {
	assert.ok(page.seen.requests.length > 3);
	assert.deepEqual(page.seen.requests.filter((r) => new URL(r).origin !== new URL(box.url).origin), []);
	assert.deepEqual(page.seen.errors, []);
	const files = [...new Set(page.seen.requests.map((r) => new URL(r).pathname))].filter((p) => p === '/' || /^\/(app|static)\//.test(p));
	assert.ok(files.some((f) => f.endsWith('.js')) && files.some((f) => f.endsWith('.css')) && files.some((f) => f.endsWith('.gif')), files.join());
	let bytes = 0;
	for (const file of files)
		bytes += gzipSync(Buffer.from(await (await fetch(new URL(file, box.url))).arrayBuffer())).length;
	assert.ok(bytes < KB_MOST * 1000, `${bytes} bytes`);
});

test('a year of history is drawn, and the readings of now behind it', async () => {
	await page.click(`[data-value="${YEAR}"]`);
	await until(page, 'a year of points', (year) => {
		const { lines, view } = window.dashboard.past, n = lines.n;
		return Math.abs(view.span - year) < 1000 && n > 300 && lines.x[n - 1] - lines.x[0] > 0.98 * year;
	}, YEAR);
	for (const id of ['past-temperature', 'past-humidity'])
		assert.ok((await pixels(page, id)).painted > 2000, id);
	await until(page, 'what its lowest and highest are', () => /^HUMIDITY \d+\.\d TO 60\.0%$/.test(document.getElementById('summary-humidity').textContent));
	await page.click('[data-value="86400000"]');
	await until(page, 'a day, up to the newest reading', () => {
		const { lines, heard, view } = window.dashboard.past;
		return view.span === 86400e3 && lines.n > 100 && heard.length && lines.end[lines.n - 1] >= heard[heard.length - 1].time_ms;
	});
	assert.deepEqual(page.seen.errors, []);
});

test('limits are told and drawn in, and follow when they are changed', async () => {
	const holds = (lo, hi) => until(page, `the picture holds ${lo} and ${hi}`, ([a, b]) => {
		const [plot] = window.dashboard.past.plots;
		return plot.limits().join() === `${a},${b}` && plot.yNow[0] <= a && plot.yNow[1] >= b;
	}, [lo, hi]);
	await says(page, 'temp-limits', 'LIMITS: 15.0 TO 32.0\u00b0C');
	await says(page, 'humidity-limits', 'LIMITS: 20.0 TO 70.0%');
	await holds(15, 32);
	assert.match(await html(), />LIMITS: 15\.0 TO 32\.0\u00b0C</);
	await box.call('alerts', 'configure', 'rules={"temp_high":{"above":"41.5"},"humidity_low":{"below":null}}');
	await says(page, 'temp-limits', 'TO 41.5\u00b0C');
	await says(page, 'humidity-limits', 'LIMITS: AT MOST 70.0%');
	await holds(15, 41.5);
});

test('by keyboard: a picture zooms, and comes back to now', async () => {
	await page.focus('.wave');
	const top = await page.evaluate(() => document.querySelector('.wave').offsetTop);
	await page.keyboard.press('ArrowLeft');
	await until(page, 'the way back', () => !document.getElementById('now-btn').hidden);
	assert.equal(await page.evaluate(() => document.querySelector('.wave').offsetTop), top, 'it stays where the finger is');
	await page.keyboard.press('End');
	await until(page, 'the present', () => document.getElementById('now-btn').hidden && window.dashboard.past.view.live);
});

test('Fahrenheit: the values, the picture, and the next visit', async () => {
	await page.click('#unit');
	await until(page, 'degrees Fahrenheit', () => document.getElementById('temp').textContent.endsWith('\u00b0F'));
	await until(page, 'its picture', () => window.dashboard.past.lines.fields[0] === 'temperature_f' && window.dashboard.past.lines.n > 100 &&
		/\u00b0F$/.test(document.getElementById('summary-temperature').textContent));
	await page.reload();
	await until(page, 'still', () => document.getElementById('temp').textContent.endsWith('\u00b0F'));
	await page.click('#unit');
	await until(page, 'and back', () => document.getElementById('temp').textContent.endsWith('\u00b0C'));
});

test('the light matrix is shown dot by dot', async () => {
	await until(page, 'lights that are on', () => [...document.querySelectorAll('#led i')].some((i) => i.style.backgroundColor));
	assert.equal(await page.locator('#led i').count(), 64);
	assert.match(await page.locator('#led').getAttribute('aria-label'), /^Light matrix/);
});

test('an alert is told in words as long as it lasts', async () => {
	await box.board('set temperature 80');
	await says(page, 'alerts', 'TEMPERATURE HIGH');
	await until(page, 'and shown', () => document.getElementById('alerts').dataset.on === 'yes' && document.title.startsWith('ALERT'));
	assert.match(await html(), /data-on="yes">ALERT: [^<]*TEMPERATURE HIGH/);
	await until(page, 'in the picture as well, before it is in store', () => {
		const { lines, heard } = window.dashboard.past, newest = heard[heard.length - 1].temperature_c;
		return newest > 32 && Math.max(...lines.hi[0].subarray(0, lines.n)) >= newest;
	});
	await box.board('set temperature 40');
	await until(page, 'no alert', () => !document.getElementById('alert-state').textContent.includes('TEMPERATURE HIGH'), null, 60000);
	await until(page, 'what was last', () => /^LAST: .+ CLEARED \d{4}-\d\d-\d\d /.test(document.getElementById('alert-last').textContent));
});

test('that nobody is told is told', async () => {
	await says(page, 'told', 'NOT SENT ANYWHERE: NO WEBHOOK IS SET');
	await box.call('alerts', 'configure', 'channels={"slack":{"url":"http://127.0.0.1:9/","enabled":false}}');
	await says(page, 'told', 'THE WEBHOOK IS OFF');
	await box.call('alerts', 'mute', 'rule=temp_low', 'minutes=60');
	await notice(page, 'muted', 'ALERTS ARE MUTED');
	await box.call('alerts', 'unmute', 'rule=temp_low');
	await notice(page, 'not muted', '');
});

test('a reading without compensation is marked', async () => {
	const marked = (yes) => until(page, `marked: ${yes}`, (y) => document.getElementById('raw').dataset.on === y, yes, 30000);
	await box.board('set cpu none');
	await marked('yes');
	assert.match(await html(), /id="raw" data-on="yes"/);
	await box.board('set room');
	await box.board('set cpu 51');
	await marked('no');
});

test('a board that is unplugged: the last values, their age, and why', async () => {
	await box.board('unplug');
	await notice(page, 'unplugged', 'READING IS');
	assert.equal(await text(page, '#live'), 'STALE');
	await says(page, 'sensor', 'FAILING: ');
	assert.match(await text(page, '#temp'), /\d\u00b0C$/, 'the last value stays');
	const document = await html();
	assert.match(document, /data-live="no">STALE</);
	assert.match(document, />READING IS \d+ (S|MIN) OLD\nSENSOR FAILING: /);
	await box.board('unplug 0');
	await notice(page, 'plugged in again', '');
	await says(page, 'live', 'LIVE');
});

test('a phone: nothing to scroll sideways, in both units and all spans', async () => {
	const phone = await openPage(browser, box.url, { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
	await says(phone, 'live', 'LIVE');
	await until(phone, 'pictures', () => document.querySelectorAll('canvas').length === 2);
	const wide = () => phone.evaluate(() => document.documentElement.scrollWidth);
	for (const click of ['#unit', `[data-value="${YEAR}"]`, '#unit']) {
		await phone.click(click);
		assert.ok(await wide() <= 360, `${await wide()} px after ${click}`);
	}
	assert.deepEqual(phone.seen.errors, []);
	await phone.context().close();
});

/** Texts that are too faint for the ground they stand on, and buttons that are too small for a thumb (WCAG 2.2). */
const hardToUse = (p) => p.evaluate(() => {
	const rgb = (color) => color.match(/[\d.]+/g).map(Number);
	const linear = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
	const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
	const ground = (el) => {
		const color = rgb(getComputedStyle(el).backgroundColor);
		return color[3] === 0 ? ground(el.parentElement) : color;
	};
	const faint = [...document.querySelectorAll('main *')].filter((el) => {
		if (![...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !el.offsetParent || el.closest('.uplot'))
			return false;
		const [a, b] = [luminance(rgb(getComputedStyle(el).color)), luminance(ground(el))].sort((x, y) => y - x);
		return (a + 0.05) / (b + 0.05) < 4.5;
	});
	const small = [...document.querySelectorAll('button')].filter((b) => b.offsetParent && (b.offsetWidth < 44 || b.offsetHeight < 44));
	return [...faint, ...small].map((el) => el.outerHTML);
});

test('all of it is read and hit by a thumb, and nothing moves when the script comes', async () => {
	const phone = await openPage(browser, 'about:blank', { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, reducedMotion: 'reduce' });
	await phone.addInitScript(() => {
		window.shifts = [];
		new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((e) => e.value))).observe({ type: 'layout-shift', buffered: true });
	});
	await phone.goto(box.url);
	await says(phone, 'well', 'ALL WITHIN LIMITS');
	await until(phone, 'pictures, lights and the age', () => document.querySelectorAll('canvas').length === 2 && document.querySelector('#led') &&
		/^\d+ S AGO/.test(document.getElementById('age').textContent));
	assert.ok((await phone.evaluate(() => window.shifts.reduce((a, b) => a + b, 0))) < 0.02);
	assert.equal(await phone.evaluate(() => getComputedStyle(document.getElementById('live'), '::before').animationName), 'none');
	assert.deepEqual(await hardToUse(phone), []);
	await phone.evaluate(() => document.querySelectorAll('[data-on="no"]').forEach((el) => {
		el.dataset.on = 'yes';
		el.textContent ||= 'TEMPERATURE HIGH, HUMIDITY HIGH, AND A-RULE-WITH-A-NAME-THAT-IS-AS-LONG-AS-NAMES-GET';
	}));
	assert.deepEqual(await hardToUse(phone), [], 'with all that can be shown');
	assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth) <= 320);
	await phone.context().close();
});

test('without JavaScript: the values, and the page asks for itself again', async () => {
	const plain = await openPage(browser, box.url, { javaScriptEnabled: false });
	assert.match(await text(plain, '#temp'), /^-?\d+\.\d\u00b0C$/);
	assert.equal(await text(plain, '#live'), 'LIVE');
	assert.equal(await plain.locator('#unit').count(), 0);
	assert.match(await html(), /<noscript><meta http-equiv="refresh" content="2"><\/noscript>/);
	await plain.context().close();
});

test('a clock that was never set: ages in place of dates', async () => {
	const lost = new TempMonitor();
	await lost.setClocks(300e3 - Date.now()); // 1970
	await lost.start();
	try {
		const before = await openPage(browser, lost.url);
		await notice(before, 'no clock', "THE CLOCK WAS NEVER SET: see to the monitor's network");
		await until(before, 'an age', () => /^\d+ S AGO$/.test(document.getElementById('updated').textContent));
		await says(before, 'live', 'LIVE');
		await until(before, 'pictures by the clock of this device', () => {
			const { heard, view } = window.dashboard.past;
			return heard.length > 1 && Math.abs(heard[heard.length - 1].at_ms - Date.now()) < 60e3 && Math.abs(view.range().to - Date.now()) < 3600e3;
		});
		await lost.board('set temperature 80');
		await until(before, 'since when', () => /^(NEWEST )?RAISED \d+ S AGO$/.test(document.getElementById('since').textContent));
		assert.doesNotMatch(await before.evaluate(() => document.body.innerText), /19[67]\d/);
		const document = await html(lost);
		assert.doesNotMatch(document, /19[67]\d-/);
		assert.match(document, /THE CLOCK WAS NEVER SET/);
		await before.context().close();
	} finally {
		await lost.remove();
	}
});

test('no board at all: no number is made up', async () => {
	const bare = await new TempMonitor({ 'services.climate.device': 'i2c:/nonexistent/i2c-1' }).start();
	try {
		const empty = await openPage(browser, bare.url);
		await notice(empty, 'before the first reading', 'NO READING YET');
		await says(empty, 'sensor', 'FAILING: ');
		assert.deepEqual([await text(empty, '#temp'), await text(empty, '#humidity'), await text(empty, '#updated'), await text(empty, '#live')],
			['--', '--', 'Never', 'NO READING']);
		assert.equal((await data(bare)).reading, null);
		assert.deepEqual(empty.seen.errors, [], 'a history that has not begun is no error');
		await empty.context().close();
	} finally {
		await bare.remove();
	}
});

test('an appliance that is gone: offline is said, the page stays', async () => {
	await box.stop();
	await notice(page, 'stopped', 'NO CONNECTION FOR');
	assert.equal(await text(page, '#live'), 'OFFLINE');
	assert.deepEqual([await text(page, '#sensor'), await text(page, '#alert-state')], ['NOT KNOWN', 'NOT KNOWN'], 'nothing is said to be well');
	assert.ok((await page.title()).startsWith('OFFLINE'));
	assert.equal(await page.locator('#led').getAttribute('aria-label'), 'Light matrix, not known');
	assert.match(await text(page, '#temp'), /\d\u00b0C$/);
	await box.start();
	await notice(page, 'started again', '');
	await says(page, 'live', 'LIVE');
});
