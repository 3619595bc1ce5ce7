// The page in a real browser against a real appliance with a simulated board. What it shows is
// compared with what `outpost tap` reads from the same bus.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Appliance } from './appliance.mjs';
import { connected, launch, number, openPage, pixels, text, until } from './browser.mjs';

let box, browser, page, samples, hits;

before(async () => {
	box = await new Appliance({ 'services.pbt.watchdog_s': 300 }).start(); // a hung one is to be seen
	samples = box.tap('pbt.sample', '--csv');
	hits = box.tap('pbt.hit', '--json');
	browser = await launch();
	page = await openPage(browser, box.url);
	await connected(page);
});

after(async () => {
	await browser?.close();
	await samples?.stop();
	await hits?.stop();
	await box?.remove();
});

const ring = (name) => page.evaluate((topic) => {
	const { ring: r } = window.outpost.feeds.byTopic.get(topic);
	return { end: r.end, length: r.length, gaps: r.gaps, lastSeq: r.lastSeq() };
}, name);

test('title, headings and element ids are those of the contract', async () => {
	assert.equal(await page.title(), 'SICK - PBT Sensor Monitor');
	assert.equal(await text(page, 'h1').then((t) => t.toLowerCase()), 'sick capstone project');
	assert.equal(await text(page, 'h2'), 'PBT Sensor - Live Waveform Monitor');
	for (const id of ['baseline-value', 'envelope-value', 'threshold-value', 'pulse-count', 'connection-status',
		'status-dot', 'status-text', 'pause-btn', 'clear-btn', 'waveformChart', 'sample-count', 'buffer-size'])
		assert.equal(await page.locator(`#${id}`).count(), 1, `one #${id}`);
	assert.match(await text(page, '#baseline-value'), /^\d+\.\d$/);
	assert.match(await text(page, '#envelope-value'), /^\d+\.\d$/);
	await until(page, 'the threshold that pbt.stats says', () => document.getElementById('threshold-value').textContent === '60');
});

test('the waveform moves', async () => {
	const first = await pixels(page, 'waveformChart'), count = await number(page, '#sample-count');
	assert.ok(first.painted > 2000, `painted pixels: ${first.painted}`);
	await until(page, '800 more samples', (n) => +document.getElementById('sample-count').textContent > n + 800, count);
	const second = await pixels(page, 'waveformChart');
	assert.notEqual(second.hash, first.hash);
});

test('sample and update rate are measured', async () => {
	await until(page, 'five seconds of frames', () => {
		const a = window.outpost.feeds.byTopic.get('pbt.sample').arrivals;
		return a.length > 2 && a[a.length - 1].sentMs - a[0].sentMs > 4500;
	});
	await until(page, 'a sample rate within 3 % of 800 Hz', () =>
		Math.abs(parseFloat(document.getElementById('sample-rate').textContent) - 800) < 24);
	await until(page, 'the update rate that its frames have', () => {
		const a = window.outpost.feeds.byTopic.get('pbt.sample').arrivals, hz = (a.length - 1) * 1000 / (a[a.length - 1].sentMs - a[0].sentMs);
		const shown = parseFloat(document.getElementById('update-rate').textContent); // a slow machine asks for fewer
		return shown < 22 && Math.abs(shown - hz) < 0.2 * hz + 0.2;
	});
});

test('hits are listed as they were detected, and lead to their waveform', async () => {
	await until(page, 'two hits', () => document.querySelectorAll('.hits button:enabled').length >= 2, null, 30000);
	const shown = await page.evaluate(() => [...document.querySelectorAll('.hits button')].map((b) => ({
		seq: +b.dataset.seq, peak: b.querySelector('.peak').textContent, width: b.querySelector('.width').textContent })));
	const truth = new Map(hits.lines.map((l) => JSON.parse(l)).map((r) => [r.seq, r]));
	const both = shown.filter((s) => truth.has(s.seq));
	assert.ok(both.length >= 1, 'a listed hit that tap has seen too');
	for (const s of both) {
		assert.equal(s.peak, truth.get(s.seq).peak.toFixed(1));
		assert.equal(s.width, truth.get(s.seq).width_ms.toFixed(truth.get(s.seq).width_ms < 100 ? 1 : 0));
	}
	await page.locator('.hits button:enabled').first().click();
	const { span, trigger, fire } = await page.evaluate(() => {
		const { hits: list, panel } = window.outpost.view;
		return { span: panel.plot.span(), trigger: list.selected.triggerNs, fire: list.selected.fireNs };
	});
	assert.ok(span.fromNs < trigger && trigger < fire && fire < span.toNs, 'the hit is on screen');
	assert.equal(await text(page, '#pause-btn'), 'Resume');
	await page.locator('#pause-btn').click();
});

test('listed hits are those the simulated board made', async () => {
	const shown = await page.evaluate(() => {
		const { hits: list, sample } = window.outpost.view, { ring } = sample;
		return list.list.filter((hit) => hit.triggerNs).map((hit) => {
			let raw = 0;
			for (let p = ring.find(hit.trigger_seq); p < ring.find(hit.fire_seq); p++)
				raw = Math.max(raw, ring.value('raw', p));
			return { triggerNs: hit.triggerNs, peak: hit.peak, raw };
		});
	});
	assert.ok(shown.length >= 2, `${shown.length} hits`);
	const made = await box.hits();
	for (const hit of shown) {
		const truth = made.find((m) => Math.abs(hit.triggerNs - m.boot_ns - 25e6) < 60e6);
		assert.ok(truth, `no hit was made at ${hit.triggerNs}: ${JSON.stringify(made)}`);
		assert.ok(Math.abs(hit.raw - truth.peak_adc) <= 2, `peak ${hit.raw}, made ${truth.peak_adc}`);
		assert.ok(hit.peak < truth.peak_adc, 'an envelope is below its signal');
	}
});

test('pause freezes the picture, counters go on, resume misses nothing', async () => {
	await page.locator('#pause-btn').click();
	await until(page, 'the last drawing', () => window.outpost.view.panel.plot.governor.id === undefined);
	const frozen = await pixels(page, 'waveformChart'), held = await ring('pbt.sample');
	const count = await number(page, '#sample-count');
	await until(page, 'the counter going on', (n) => +document.getElementById('sample-count').textContent > n + 800, count);
	assert.equal((await pixels(page, 'waveformChart')).hash, frozen.hash);
	assert.equal((await ring('pbt.sample')).end, held.end);
	await page.locator('#pause-btn').click();
	await until(page, 'samples again', (end) => window.outpost.feeds.byTopic.get('pbt.sample').ring.end > end + 1200, held.end);
	assert.equal((await ring('pbt.sample')).gaps, held.gaps, 'what was published during the pause was fetched');
	assert.equal(await text(page, '#pause-btn'), 'Pause');
});

test('pausing and resuming in a hurry leaves no hole', async () => {
	for (let i = 0; i < 8; i++) {
		const { end, gaps } = await ring('pbt.sample');
		await page.locator('#pause-btn').click();
		await page.locator('#pause-btn').click();
		await until(page, 'samples again', (n) => window.outpost.feeds.byTopic.get('pbt.sample').ring.end > n + 100, end);
		assert.equal((await ring('pbt.sample')).gaps, gaps);
	}
});

const seconds = () => page.evaluate(() => {
	const { fromNs, toNs } = window.outpost.view.panel.plot.span();
	return (toNs - fromNs) * 1e-9;
});

test('window length, keyboard and drag zoom', async () => {
	await page.getByRole('button', { name: '5 s', exact: true }).click();
	assert.ok(Math.abs(await seconds() - 5) < 1e-6);
	await page.locator('.wave').focus();
	await page.keyboard.press('+');
	assert.ok(Math.abs(await seconds() - 2.5) < 1e-6, 'plus halves the live window');
	const plot = await page.locator('.wave .u-over').boundingBox();
	await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 50);
	await page.mouse.down();
	await page.mouse.move(plot.x + plot.width * 0.75, plot.y + 60, { steps: 5 });
	await page.mouse.up();
	const zoomed = await seconds();
	assert.ok(zoomed > 1.0 && zoomed < 1.5, `dragging over half of 2.5 s gives ${zoomed} s`);
	assert.equal(await text(page, '#pause-btn'), 'Resume');
	await page.keyboard.press('Escape');
	assert.equal(await text(page, '#pause-btn'), 'Pause');
	await page.getByRole('button', { name: '10 s', exact: true }).click();
});

async function saved(button) {
	const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
	return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

test('CSV holds every sample on screen, as the bus has it', async () => {
	await until(page, 'a full window', () => window.outpost.view.sample.ring.length > 9000);
	await page.locator('#pause-btn').click();
	const { fromNs, toNs } = await page.evaluate(() => window.outpost.view.panel.plot.span());
	const { name, bytes } = await saved('#csv-btn');
	assert.match(name, /^pbt\.sample_[\dT-]+Z\.csv$/);
	const lines = bytes.toString().trimEnd().split('\r\n');
	const bus = new Map(samples.lines.map((l) => l.trimEnd()).map((l) => [l.split(',', 1)[0], l]));
	assert.equal(lines[0], bus.get('seq'), 'the header that tap writes');
	const rows = lines.slice(1), seqs = rows.map((r) => +r.split(',')[0]);
	const expected = (toNs - fromNs) / 1.25e6;
	assert.ok(Math.abs(rows.length - expected) <= expected * 0.03, `${rows.length} rows, about ${expected} expected`);
	seqs.forEach((s, i) => i === 0 || assert.equal(s, seqs[i - 1] + 1, 'no sample left out'));
	// Two shortest texts may exist for one 32-bit float: values are compared, not digits.
	const values = (row) => row.split(',').filter((_, i) => i !== 2)
		.map((t, i) => (i > 1 && t !== '' && Number.isFinite(+t) ? Math.fround(+t) : t)).join();
	const known = rows.filter((r) => bus.has(r.split(',', 1)[0]));
	assert.ok(known.length > 800, `${known.length} rows that tap has seen too`);
	for (const row of known)
		assert.equal(values(row), values(bus.get(row.split(',', 1)[0])));
	const skew = Math.abs(Date.parse(rows[0].split(',')[2]) - Date.now());
	assert.ok(skew < 120000, 'times are wall times');
});

test('PNG is a picture of the plot', async () => {
	const { name, bytes } = await saved('#png-btn');
	assert.match(name, /\.png$/);
	assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
	assert.ok(bytes.readUInt32BE(16) >= 600, 'as wide as the plot');
	await page.locator('#pause-btn').click();
});

test('clear empties chart and counters', async () => {
	const before = await number(page, '#sample-count');
	assert.ok(before > 2000);
	await page.locator('#clear-btn').click();
	await until(page, 'small counts', (n) => +document.getElementById('sample-count').textContent < n, before);
	assert.ok(await page.locator('.hits li').count() <= 1);
});

test('services have lights that say why', async () => {
	await until(page, 'green lights', () => [...document.querySelectorAll('button.light')].length >= 2 &&
		[...document.querySelectorAll('button.light')].every((b) => ['ok', 'warn'].includes(b.dataset.colour)));
	await page.locator('button.light[data-service=pbt]').click();
	assert.match(await text(page, '.popover'), /pbt\s+(ready|degraded)[\s\S]*Memory/);
	await page.keyboard.press('Escape');
	assert.equal(await page.locator('.popover').isVisible(), false);
});

test('a hidden page asks for less, a shown one for all', async () => {
	const hide = (hidden) => page.evaluate((value) => {
		Object.defineProperty(document, 'hidden', { value, configurable: true });
		document.dispatchEvent(new Event('visibilitychange'));
	}, hidden);
	const asked = () => page.seen.sent.flatMap((m) => m.subscribe ?? []).filter((s) => s.topic === 'pbt.sample').at(-1);
	await hide(true);
	assert.ok(asked().rate <= 1, `rate ${asked().rate}`);
	await hide(false);
	assert.ok(asked().rate >= 3, `rate ${asked().rate}`);
	await connected(page);
});

test('any topic is drawn from its declaration', async () => {
	await page.getByRole('link', { name: 'Topics' }).click();
	await page.locator('.topiclist a[data-topic="status.pbt"]').click();
	await until(page, 'a value of each field', () => document.querySelectorAll('.values tbody tr').length >= 10 &&
		document.querySelector('#plot-0'));
	await page.locator('#draw-rss_kib').check();
	await until(page, 'a second picture, for the other unit', () => document.querySelectorAll('.plots canvas').length === 2);
	await until(page, 'three records in the table', () => document.querySelectorAll('.records tbody tr').length >= 3);
	const { painted } = await pixels(page, 'plot-0');
	assert.ok(painted > 500, `painted pixels: ${painted}`);
	const declared = await (await fetch(`${box.url}api/topics`)).json();
	const fields = declared.topics.find((t) => t.topic === 'status.pbt').schema.fields.map((f) => f.name);
	assert.deepEqual(await page.locator('.values tbody th').allInnerTexts(), fields);
	await page.evaluate(() => {
		const facts = () => document.querySelector('.topicfacts'), before = facts(), told = window.told = [];
		new MutationObserver(() => facts() !== before && told.push(facts()?.textContent ?? '')) // however briefly it says it
			.observe(document.body, { subtree: true, childList: true, characterData: true });
	});
	await page.goto(`${box.url}#/topics/pbt.stats`);
	await until(page, 'the rate of a slow topic', () =>
		Math.abs(/received ([\d.]+) records/.exec(document.querySelector('.topicfacts').textContent)?.[1] - 1) < 0.15);
	assert.match((await page.evaluate(() => window.told)).find((t) => /received/.test(t)) ?? '', /received: measuring…/, 'no rate before it is known');
	await page.goto(`${box.url}#/topics/pbt.sample`);
	await until(page, 'the fast topic rolling', () => window.outpost.feeds.byTopic.get('pbt.sample')?.rates()?.records > 700);
	await page.getByRole('link', { name: 'Live' }).click();
	await connected(page);
});

test('a phone shows everything without scrolling sideways', async () => {
	const phone = await openPage(browser, box.url, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
	for (const view of ['#/', '#/topics', '#/topics/status.pbt', '#/topics/pbt.sample']) {
		await phone.goto(box.url + view);
		await until(phone, `${view} to be drawn`, (v) => document.querySelector(v === '#/topics' ? '.topiclist a' : 'canvas'), view);
		const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
		assert.ok(wide <= 360, `${view} is ${wide} px wide`);
	}
	assert.deepEqual(phone.seen.errors, []);
	await phone.context().close();
});

test('two fingers zoom, one finger pans, a tap does neither', async () => {
	const phone = await openPage(browser, box.url, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
	await connected(phone);
	const fingers = (...steps) => phone.evaluate((list) => {
		const over = document.querySelector('.wave .u-over'), box = over.getBoundingClientRect();
		const { plot } = window.outpost.view.panel, before = plot.span().toNs;
		for (const [type, pointerId, at] of list)
			over.dispatchEvent(new PointerEvent(`pointer${type}`, { pointerId, pointerType: 'touch',
				clientX: box.left + at * box.width, clientY: box.top + 100, bubbles: true }));
		const { fromNs, toNs } = plot.span();
		return { live: !plot.frozen, seconds: (toNs - fromNs) * 1e-9, moved: (toNs - before) * 1e-9 };
	}, steps);
	assert.ok((await fingers(['down', 1, 0.5], ['move', 1, 0.51], ['up', 1, 0.51])).live, 'a tap');
	const pinched = await fingers(['down', 1, 0.4], ['down', 2, 0.6], ['move', 1, 0.3], ['move', 2, 0.7], ['up', 1, 0.3], ['up', 2, 0.7]);
	assert.ok(pinched.live && Math.abs(pinched.seconds - 5) < 0.2, `10 s spread to double are ${pinched.seconds} s`);
	const panned = await fingers(['down', 1, 0.2], ['move', 1, 0.3], ['move', 1, 0.6], ['up', 1, 0.6]);
	assert.ok(!panned.live && Math.abs(panned.moved + 0.4 * 5) < 0.2, `0.4 of 5 s into the past are ${panned.moved} s`);
	await phone.context().close();
});

test('dark and light follow the system, and the button overrides', async () => {
	const ground = (p) => p.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const brightness = (css) => css.match(/\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3;
	const other = await openPage(browser, box.url, { colorScheme: 'dark' });
	await connected(other);
	assert.ok(brightness(await ground(other)) < 60, 'dark');
	assert.ok(brightness(await ground(page)) > 200, 'light');
	await other.locator('#theme-btn').click();
	assert.ok(brightness(await ground(other)) > 200, 'light by choice');
	await other.reload();
	await connected(other);
	assert.ok(brightness(await ground(other)) > 200, 'and it is remembered');
	assert.deepEqual(other.seen.errors, []);
	await other.context().close();
});

test('no error in the console, no request to another host', async () => {
	assert.deepEqual(page.seen.errors, []);
	const hosts = new Set(page.seen.requests.filter((u) => !u.startsWith('blob:')).map((u) => new URL(u).host));
	assert.deepEqual([...hosts], [new URL(box.url).host]);
});

const light = (p, service) => p.locator(`button.light[data-service=${service}]`).getAttribute('data-colour');

test('an unplugged board is said so, with what to do, and comes back', async () => {
	await page.locator('#clear-btn').click();
	await box.board('unplug 12');
	await until(page, 'a note about the sensor', () => /Sensor offline/.test(document.querySelector('.note:not([hidden])')?.innerText));
	await until(page, 'a light that is not green', () => document.querySelector('button.light[data-service=pbt]').dataset.colour === 'warn');
	assert.equal(await light(page, 'web'), 'ok');
	await until(page, 'the note gone', () => document.querySelector('.stage .note').hidden, null, 30000);
	await until(page, 'samples again', () => window.outpost.view.sample.rates()?.records > 700, null, 20000);
	await until(page, 'the light green', () => document.querySelector('button.light[data-service=pbt]').dataset.colour === 'ok');
});

test('a hung service is told in words, and its next life is told apart', async () => {
	await until(page, 'a hit', () => document.querySelectorAll('.hits button').length >= 1);
	const { pid } = (await (await fetch(`${box.url}health`)).json()).services.pbt;
	process.kill(pid, 'SIGSTOP');
	try {
		await until(page, 'the note with the reason', () => /pbt is silent: no sign of life/.test(document.querySelector('.note:not([hidden])')?.innerText));
		await until(page, 'a red light', () => document.querySelector('button.light[data-service=pbt]').dataset.colour === 'bad');
	} finally {
		process.kill(pid, 'SIGKILL');
	}
	await until(page, 'a divider above the hits of before', () => document.querySelector('.hits li').matches('.divider'));
	await until(page, 'a hit of the new run', () => document.querySelector('.hits li:first-child .no')?.textContent === '#1', null, 30000);
	assert.ok(await page.locator('.hits li:nth-child(2)').evaluate((li) => li.matches('.divider')));
	await until(page, 'a count of pulses that agrees', () =>
		+document.getElementById('pulse-count').textContent === window.outpost.view.hits.list[0].number);
	await until(page, 'the light green', () => document.querySelector('button.light[data-service=pbt]').dataset.colour === 'ok', null, 20000);
});

test('an appliance with a token asks for it, and opens with the right one', async () => {
	const locked = await new Appliance({ 'services.web.token': 'open; sesame%' }).start();
	const guest = await openPage(browser, locked.url);
	const say = async (token) => {
		await guest.locator('#banner input').fill(token);
		await Promise.all([guest.waitForEvent('load'), guest.getByRole('button', { name: 'Open', exact: true }).click()]);
	};
	const asked = (text) => until(guest, text, (t) => document.querySelector('#banner:not([hidden]) form:not([hidden])') && document.getElementById('banner').innerText.includes(t), text);
	await asked('asks for its access token');
	await say('open');
	await asked('is not right');
	await say('open; sesame%');
	await connected(guest);
	await until(guest, 'the waveform', () => window.outpost.view?.sample?.rates()?.records > 100);
	assert.equal(await guest.locator('#banner').isVisible(), false);
	await guest.context().close();
	await locked.remove();
});

test('a full appliance says that it is busy, and lets in when there is room', async () => {
	const small = await new Appliance({ 'services.web.max_clients': 1 }).start();
	try {
		const first = await openPage(browser, small.url);
		await connected(first);
		const second = await openPage(browser, small.url);
		await until(second, 'a banner that says busy', () => /The appliance is busy/.test(document.getElementById('banner').innerText));
		assert.equal(await text(second, '#status-text'), 'Disconnected');
		await until(second, 'the cards', () => document.querySelectorAll('.cards .card').length === 4);
		for (const id of ['baseline-value', 'envelope-value', 'threshold-value', 'pulse-count'])
			assert.equal(await text(second, `#${id}`), '–', `#${id} is not known`);
		await first.context().close();
		await connected(second); // by itself
		assert.equal(await second.locator('#banner').isVisible(), false);
		await second.context().close();
	} finally {
		await small.remove();
	}
});

test('a stopped appliance is seen as such, and found again', async () => {
	assert.equal(await box.stop(), 0);
	await until(page, 'Disconnected', () => document.getElementById('status-text').textContent === 'Disconnected');
	await until(page, 'a banner that says what to do', () => /No connection to the appliance/.test(document.getElementById('banner').innerText));
	assert.ok((await pixels(page, 'waveformChart')).painted > 2000, 'what was received stays');
	await until(page, 'Alerts, not "No alerts": that is not known', () => /^Alerts/.test(document.getElementById('alerts-btn').innerText));
	await page.evaluate(() => (location.hash = '#/topics'));
	await until(page, 'topics whose state is not known', () => {
		const links = [...document.querySelectorAll('.topiclist a')];
		return links.length > 5 && links.every((a) => a.dataset.colour === 'off' && /not known/.test(a.title));
	});
	await page.evaluate(() => (location.hash = '#/'));
	const before = await number(page, '#sample-count') || 0;
	await box.start();
	await until(page, 'Connected', () => document.getElementById('status-text').textContent === 'Connected', null, 20000);
	await until(page, 'new samples', (n) => +document.getElementById('sample-count').textContent > n + 800, before);
	assert.equal(await page.locator('#banner').isVisible(), false);
});
