// Time travel in a real browser, over a real recorder: what the page draws is compared with what
// `outpost tap` read from the bus while it was recorded.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Appliance, PATIENCE } from './appliance.mjs';
import { connected, launch, openPage, pixels, text, until } from './browser.mjs';

let box, browser, page, samples, began;

/** What tap has seen: {seq, t (wall ms), raw}. */
function seen() {
	const [head, ...rows] = samples.lines, at = Object.fromEntries(head.split(',').map((name, i) => [name, i]));
	return rows.filter((r) => r.endsWith('\r') || r.split(',').length === head.split(',').length).map((r) => r.trimEnd().split(','))
		.map((c) => ({ seq: +c[at.seq], t: Date.parse(c[at.time]), raw: +c[at.raw] }));
}

const kept = async () => (await (await fetch(`${box.url}api/history`)).json()).topics;

/** Waits until samples up to a time are in store. */
async function storedUntil(t) {
	for (const end = Date.now() + 60000 * PATIENCE; ;) {
		const sample = (await kept()).find((k) => k.topic === 'pbt.sample');
		if (Date.parse(sample?.to) >= t)
			return;
		assert.ok(Date.now() < end, `samples up to ${t} are not stored in time`);
		await delay(200);
	}
}

before(async () => {
	box = await new Appliance({ 'services.recorder.keep.0.commit_s': 5, 'services.recorder.watchdog_s': 300 }).start();
	samples = box.tap('pbt.sample', '--csv');
	browser = await launch();
	page = await openPage(browser, box.url);
	await connected(page);
	began = Date.now();
});

after(async () => {
	await browser?.close();
	await samples?.stop();
	await box?.remove();
});

const iso = (t) => new Date(t).toISOString();
const show = (from, to, more = '') => page.goto(`${box.url}#/history/pbt.sample?from=${iso(from)}&to=${iso(to)}${more}`);
const range = (p = page) => p.evaluate(() => window.outpost.view.panel.view.range());

/** What is drawn of the raw signal within the span on screen. */
const drawn = (p = page) => p.evaluate(() => {
	const { lines, view } = window.outpost.view.panel, { from, to } = view.range(), list = [], f = lines.fields.indexOf('raw');
	for (let i = lines.at(from); i < lines.n && lines.x[i] <= to; i++)
		list.push({ x: lines.x[i], end: lines.end[i], lo: lines.lo[f][i], hi: lines.hi[f][i], mid: lines.mid[f][i], n: lines.count[i], cut: lines.cut[i] });
	return { list, level: lines.level, bucketMs: lines.bucketMs };
});
const drawnUntil = (p, what, fn, arg) => until(p, what, fn, arg, 30000);

test('what is kept is offered, and the address opens it', async () => {
	await storedUntil(began);
	const names = async () => (await kept()).map((t) => t.topic).sort(), before = await names();
	await page.getByRole('link', { name: 'History' }).click();
	await until(page, 'the panel of a kept topic', () => window.outpost.view?.panel?.topic === 'pbt.sample', null, 40000);
	assert.match(page.url(), /#\/history\/pbt\.sample/);
	const offered = await page.locator('#history-topic option').allInnerTexts(), then = await names();
	assert.deepEqual(offered, then.filter((name) => before.includes(name) || offered.includes(name)), 'what was kept when it was opened');
	await until(page, 'a live picture', () => window.outpost.view.panel.lines.n > 10 && window.outpost.view.panel.lines.any);
	assert.equal(await page.locator('#live-btn').getAttribute('aria-pressed'), 'true');
	assert.ok(page.seen.requests.some((u) => u.endsWith('api/history/flush')), 'what the recorder still held is asked for');
	assert.ok((await pixels(page, 'history-0')).painted > 1000);
});

test('the live edge goes on, without a seam to what was recorded', async () => {
	await page.getByRole('button', { name: '1 min', exact: true }).click();
	await drawnUntil(page, 'a picture up to now', () => { const { panel } = window.outpost.view, { lines } = panel; return lines.n && panel.now() - lines.end[lines.n - 1] < 1500; });
	const end = await page.evaluate(() => { const { lines } = window.outpost.view.panel; return lines.end[lines.n - 1]; });
	await until(page, 'two more seconds', (t) => { const { lines } = window.outpost.view.panel; return lines.end[lines.n - 1] > t + 2000; }, end);
	// Who comes now has heard only what the bus holds; what was before is the recorder's.
	await storedUntil(began + 20000);
	const other = await openPage(browser, `${box.url}#/history/pbt.sample?live=60&fields=raw`);
	let list = [{}, { cut: 1 }];
	for (const end = Date.now() + 90000; list.some((p, i) => i && p.cut); ({ list } = await drawn(other))) {
		assert.ok(Date.now() < end, 'a minute in which this page heard everything');
		await until(other, 'the whole picture', () => {
			const { lines, view } = window.outpost.view?.panel ?? {}, first = lines?.at(lines.seam);
			return lines && first > 20 && lines.n > first + 20 && ![...lines.cut.subarray(lines.at(view.range().from) + 1, lines.n)].includes(1);
		}, null, 90000);
	}
	const truth = new Map(seen().map((r) => [Math.round(r.t), r]));
	assert.ok(list.length > 500, `${list.length} points of a minute`);
	for (const p of list.slice(0, -1)) { // the last one is still being filled
		const inside = [];
		for (let t = Math.ceil(p.x) + 1; t < p.end - 1; t++)
			if (truth.has(t))
				inside.push(truth.get(t).raw);
		assert.ok(inside.every((raw) => raw >= p.lo && raw <= p.hi), `${iso(p.x)}: ${inside} not within ${p.lo} ... ${p.hi}`);
	}
	assert.deepEqual(other.seen.errors, []);
	await other.context().close();
});

test('zoomed in, every record is drawn as it was', async () => {
	await storedUntil(began + 12000);
	const from = began + 1000, to = from + 500;
	await show(from, to, '&fields=raw');
	await drawnUntil(page, '400 records', () => { const { lines, tiles } = window.outpost.view?.panel ?? {}; return tiles && !tiles.loading && lines.bucketMs === 0 && lines.n >= 400; });
	const { list, level } = await drawn(), truth = seen().filter((r) => r.t >= from - 10 && r.t <= to + 10);
	assert.equal(level, 'raw');
	assert.ok(Math.abs(list.length - 400) <= 8, `${list.length} records in half a second`);
	const offset = truth.findIndex((r) => Math.abs(r.t - list[0].x) <= 1.1);
	assert.ok(offset >= 0, `${iso(list[0].x)} was published`);
	list.forEach((p, i) => {
		assert.equal(p.mid, truth[offset + i].raw, `record ${i}`);
		assert.ok(Math.abs(p.x - truth[offset + i].t) <= 1.1, `time of record ${i}: ${p.x - truth[offset + i].t}`);
	});
});

test('times that cannot be trusted are told as such', async () => {
	const { clock } = await (await fetch(`${box.url}api/topics/pbt.sample/history?from=${(began + 1000) / 1000}&to=${(began + 1500) / 1000}&points=10`)).json();
	await until(page, 'a warning only where it is due', (due) => document.getElementById('clock-warning').hidden !== due, clock === 'unknown');
});

test('wheel, drag and double click: closer, aside, and back', async () => {
	const from = began + 1000, to = from + 8000;
	await show(from, to, '&fields=raw');
	await drawnUntil(page, 'buckets', () => { const { lines, tiles } = window.outpost.view?.panel ?? {}; return tiles && !tiles.loading && lines.bucketMs > 0; });
	for (const p of (await drawn()).list)
		assert.ok(p.lo <= p.mid && p.mid <= p.hi && p.n >= 1);
	const plot = await page.locator('.wave .u-over').boundingBox(), middle = [plot.x + plot.width / 2, plot.y + 60];
	await page.mouse.move(...middle);
	for (let i = 0; i < 12; i++)
		await page.mouse.wheel(0, -200);
	await until(page, 'a tenth of it, at rest', () => window.outpost.view.panel.view.span < 800 && !window.outpost.view.panel.view.moving);
	const near = await range();
	assert.ok(Math.abs((near.from + near.to) / 2 - (from + 4000)) < 40, 'around the cursor');
	await page.mouse.down();
	await page.mouse.move(middle[0] + plot.width / 4, middle[1], { steps: 6 });
	await page.mouse.up();
	const aside = await range(), by = (near.from - aside.from) / (near.to - near.from);
	assert.ok(Math.abs(by - 0.25) < 0.02, `moved by ${by} of the width`);
	await until(page, 'rest', () => !window.outpost.view.panel.view.moving);
	const at = () => page.evaluate(() => JSON.stringify(window.outpost.view.panel.view.state));
	let steps = 0;
	for (let before = await at(); Math.abs((await range()).from - from) > 1e-3; before = await at()) {
		assert.ok(++steps <= 20, 'a way back that ends'); // one, or more if this machine was slow: a rest ends a step
		await page.mouse.dblclick(...middle);
		await until(page, 'one step back, at rest', (state) => { const { view } = window.outpost.view.panel; return JSON.stringify(view.state) !== state && !view.moving; }, before);
	}
	assert.ok(steps >= 2, 'the drag, and the wheel');
});

test('the strip leads anywhere in what was recorded', async () => {
	const track = await page.locator('.overview .track').boundingBox(), { oldest } = await page.evaluate(() => ({ oldest: window.outpost.view.panel.view.oldest }));
	await page.mouse.click(track.x + track.width / 2, track.y + track.height / 2);
	const { from, to } = await range(), middle = (oldest + Date.now()) / 2;
	assert.ok(Math.abs((from + to) / 2 - middle) < 0.02 * (Date.now() - oldest) + 1500, `${iso(from)} ... ${iso(to)}, not around ${iso(middle)}`);
	await drawnUntil(page, 'a picture', () => window.outpost.view.panel.lines.any && !window.outpost.view.panel.tiles.loading);
});

test('keys move, and the address restores what is shown', async () => {
	await page.locator('.wave').first().focus();
	await page.keyboard.press('+');
	await page.keyboard.press('ArrowLeft');
	await until(page, 'rest', () => !window.outpost.view.panel.view.moving);
	const here = await range(), other = await openPage(browser, page.url());
	await drawnUntil(other, 'the same picture', () => window.outpost.view?.panel?.lines?.any);
	const there = await range(other);
	assert.ok(Math.abs(there.from - here.from) < 0.01 && Math.abs(there.to - here.to) < 0.01);
	const said = async (p) => (await text(p, '#span-text')).split('\u00b7').slice(0, 2).map((w) => w.trim());
	assert.deepEqual(await said(other), await said(page));
	assert.deepEqual(other.seen.errors, []);
	await other.context().close();
	await page.keyboard.press('End');
	assert.equal(await page.locator('#live-btn').getAttribute('aria-pressed'), 'true');
	await page.keyboard.press(' ');
	assert.equal(await page.locator('#live-btn').getAttribute('aria-pressed'), 'false');
});

test('the export is what is on screen, record by record', async () => {
	const from = began + 1000, to = from + 1000;
	await show(from, to, '&fields=raw');
	await drawnUntil(page, 'records', () => { const { lines, tiles } = window.outpost.view?.panel ?? {}; return tiles && !tiles.loading && lines.bucketMs === 0 && lines.any; });
	await until(page, 'the link', (t) => document.getElementById('csv-link').href.includes(`from=${t}`), (from / 1000).toFixed(6));
	const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#csv-link').click()]);
	assert.match(download.suggestedFilename(), /^pbt\.sample.*\.csv$/);
	const [head, ...rows] = (await readFile(await download.path(), 'utf8')).trimEnd().split(/\r?\n/);
	assert.equal(head, 'seq,boot_ns,time,raw');
	const truth = new Map(seen().map((r) => [r.seq, r]));
	assert.ok(Math.abs(rows.length - 800) <= 8, `${rows.length} rows of a second`);
	for (const [seq, , time, raw] of rows.map((r) => r.split(','))) {
		assert.equal(+raw, truth.get(+seq)?.raw, `record ${seq}`);
		assert.ok(Math.abs(Date.parse(time) - truth.get(+seq).t) <= 1.1);
	}
	const lines = (await (await fetch(new URL(await page.locator('#jsonl-link').getAttribute('href'), box.url))).text()).trimEnd().split('\n');
	assert.equal(lines.length, rows.length);
	assert.equal(JSON.parse(lines[0]).seq, +rows[0].split(',')[0]);
});

test('an older hit leads to its waveform, with its trigger marked', async () => {
	const first = (await box.hits())[0];
	const other = await openPage(browser, box.url);
	await connected(other);
	await until(other, 'a hit that has left the buffer', () => {
		const { hits, sample } = window.outpost.view, { ring } = sample;
		const oldest = ring.bootNs[ring.start & ring.mask];
		window.older = [...hits.list, ...hits.past].filter((h) => h.bootNs < oldest && !h.button.disabled).at(-1);
		return window.older;
	}, null, 60000);
	const hit = await other.evaluate(() => { window.older.button.scrollIntoView(); const { number, peak, trigger_seq, seq } = window.older; return { number, peak, trigger_seq, seq }; });
	await other.locator(`.hits button[data-seq="${hit.seq}"]`).click();
	await drawnUntil(other, 'its waveform', () => window.outpost.view?.panel?.lines?.any && !window.outpost.view.panel.tiles.loading);
	assert.match(other.url(), /#\/history\/pbt\.sample\?from=.*mark=/);
	const { marks, from, to } = await other.evaluate(() => ({ marks: window.outpost.view.panel.marks, ...window.outpost.view.panel.view.range() }));
	assert.equal(marks[0].label, `Hit ${hit.number}`);
	assert.ok(from < marks[0].t && marks[0].t < marks[1].t && marks[1].t < to, 'trigger and pulse are on screen');
	const trigger = seen().find((r) => r.seq === hit.trigger_seq);
	assert.ok(Math.abs(trigger.t - marks[0].t) <= 1.1, `the mark is ${marks[0].t - trigger.t} ms off`);
	const { list } = await drawn(other), peak = Math.max(...list.filter((p) => p.x >= marks[0].t && p.x <= marks[1].t).map((p) => p.hi));
	assert.ok(peak > hit.peak * 0.9, `highest ${peak}, hit ${hit.peak}, made ${JSON.stringify(first)}`);
	await other.goBack();
	await connected(other);
	assert.deepEqual(other.seen.errors, []);
	await other.context().close();
});

test('where nothing was recorded the page says so, and draws nothing', async () => {
	await show(began - 90e3, began - 60e3);
	await until(page, 'a note', () => /Nothing was recorded here/.test(document.querySelector('.note:not([hidden])')?.innerText));
	await page.goto(`${box.url}#/history/no.such.topic`);
	await until(page, 'the reason', () => /no\.such\.topic is not kept/i.test(document.getElementById('view').innerText));
});

test('a phone shows it without scrolling sideways, and two fingers zoom', async () => {
	const phone = await openPage(browser, `${box.url}#/history/pbt.sample?live=60`, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
	await drawnUntil(phone, 'a picture', () => window.outpost.view?.panel?.lines?.any);
	const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
	assert.ok(wide <= 360, `${wide} px wide`);
	const fingers = (...steps) => phone.evaluate((list) => {
		const over = document.querySelector('.wave .u-over'), box = over.getBoundingClientRect();
		for (const [type, pointerId, at] of list)
			over.dispatchEvent(new PointerEvent(`pointer${type}`, { pointerId, pointerType: 'touch', clientX: box.left + at * box.width, clientY: box.top + 100, bubbles: true }));
		const { view } = window.outpost.view.panel;
		return { live: view.live, span: view.span };
	}, steps);
	const panned = await fingers(['down', 1, 0.2], ['move', 1, 0.3], ['move', 1, 0.7], ['up', 1, 0.7]);
	assert.ok(!panned.live && Math.abs(panned.span - 60e3) < 1);
	const pinched = await fingers(['down', 1, 0.4], ['down', 2, 0.6], ['move', 1, 0.3], ['move', 2, 0.7], ['up', 1, 0.3], ['up', 2, 0.7]);
	assert.ok(Math.abs(pinched.span - 30e3) < 1500, `spread to double: ${pinched.span} ms`);
	assert.deepEqual(phone.seen.errors, []);
	await phone.context().close();
});

test('a recorder that hangs is told of, and history stays readable', async () => {
	assert.deepEqual(page.seen.errors, []); // from here on /health says 503
	await show(began + 1000, began + 2000);
	await drawnUntil(page, 'a picture', () => window.outpost.view?.panel?.lines?.any);
	const { pid } = (await (await fetch(`${box.url}health`)).json()).services.recorder;
	process.kill(pid, 'SIGSTOP');
	try {
		await until(page, 'the warning', () => /recorder is silent/.test(document.querySelector('#history-warning:not([hidden])')?.innerText), null, 20000);
		await page.keyboard.press('Escape');
		await show(began + 1500, began + 2500);
		await drawnUntil(page, 'another picture', () => { const { lines, tiles } = window.outpost.view?.panel ?? {}; return lines?.any && !tiles.loading; });
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	await until(page, 'no warning', () => document.getElementById('history-warning').hidden, null, 30000);
});

test('an appliance without a recorder, and a store that is no database, are told apart', async () => {
	const bare = await new Appliance({}, { without: ['recorder'] }).start();
	try {
		const other = await openPage(browser, `${bare.url}#/history`);
		await until(other, 'what to do', () => /Nothing is kept yet[\s\S]*runs no recorder/i.test(document.getElementById('view').innerText));
		assert.ok((await text(other, '#view')).includes('outpost-recorder(8)'));
		await mkdir(join(bare.dir, 'state'), { recursive: true });
		await writeFile(join(bare.dir, 'state/history.db'), 'this is no database\n'.repeat(500));
		await until(other, 'the reason', () => /History cannot be read/i.test(document.getElementById('view').innerText), null, 30000);
		await other.goto(bare.url);
		await connected(other); // the live view does without
		await other.context().close();
	} finally {
		await bare.remove();
	}
});

test('a recorder without a place to write is not said to be about to', async () => {
	const poor = await new Appliance({ 'services.recorder.database': '/proc/nothing/history.db', 'services.web.history': '/proc/nothing/history.db' }).start();
	try {
		const own = await openPage(browser, `${poor.url}#/history`);
		await until(own, 'both to agree', () => /recorder is degraded: .*nothing\/history.db/.test(document.getElementById('history-warning')?.innerText) &&
			/not well, see above/.test(document.querySelector('.historymain')?.innerText), null, 30000);
		await own.context().close();
	} finally {
		await poor.remove();
	}
});
