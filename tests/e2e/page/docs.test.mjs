// The page of the API's description (/docs) in Chromium: every operation is there with what it answers, may be tried
// with the token, and nothing is loaded from elsewhere.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TempMonitor } from './appliance.mjs';
import { launch, openPage, text, until } from './browser.mjs';

const TOKEN = 'a-token-of-this-test-0123456789';
let box, browser, page, api;

before(async () => {
	box = await new TempMonitor({ 'services.web.token': TOKEN }).start();
	api = await (await fetch(new URL('/swagger.json', box.url))).json();
	browser = await launch();
	page = await openPage(browser, new URL('/docs', box.url).href);
	await until(page, 'the operations', () => document.querySelector('#operations details'));
});

after(async () => {
	await browser?.close();
	await box?.remove();
});

/** What the page says when an operation is tried; as a person does it. */
async function attempt(method, path) {
	const operation = page.locator('details', { has: page.locator('summary', { hasText: new RegExp(`^${method.toUpperCase()}\\s*${path}\\s`) }) });
	assert.equal(await operation.count(), 1, `${method} ${path}`);
	if (!await operation.evaluate((el) => el.open))
		await operation.locator('summary').click();
	const out = operation.locator('div > pre').last(), before = await out.textContent();
	await operation.getByRole('button', { name: 'Try' }).click();
	await until(page, `an answer to ${method} ${path}`, ([el, old]) => el.textContent !== old && el.textContent !== 'Waiting.', [await out.elementHandle(), before]);
	return out.innerText();
}

test('every operation is on the page, with each of its answers', async () => {
	assert.equal(await page.title(), 'Temperature Monitor API');
	assert.equal(await text(page, 'h1'), api.info.title);
	const shown = await page.locator('#operations details').evaluateAll((all) => all.map((el) => ({
		method: el.querySelector('.method').textContent, path: el.querySelector('code').textContent,
		answers: [...el.querySelectorAll('th')].map((th) => th.textContent), token: el.textContent.includes('Needs the token.'),
	})));
	const described = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) => ({
		method: method.toUpperCase(), path, answers: Object.keys(o.responses), token: Boolean(o.security),
	})));
	const sorted = (list) => list.map((x) => JSON.stringify(x)).sort();
	assert.deepEqual(sorted(shown), sorted(described));
	assert.ok(described.length >= 10);
});

test('an operation is tried with the token, and without it refused', async () => {
	assert.match(await attempt('get', '/api/verify-token'), /^401 Unauthorized\s+\{"error":"Authorization header/);
	await page.locator('#token').fill(TOKEN);
	assert.match(await attempt('get', '/api/verify-token'), /^200 OK\s+\{"message":"Token is valid","valid":true\}/);
	assert.match(await attempt('get', '/health'), /^200 OK\s+\{.*"status":"healthy"/);
	assert.match(await attempt('post', '/api/webhook/test'), /^400 Bad Request\s+\{"message": "Webhook not configured"\}/);
});

test('a body is what the person wrote, the example at first', async () => {
	const body = page.locator('textarea');
	assert.equal(await body.count(), 1);
	assert.deepEqual(JSON.parse(await body.inputValue()).thresholds, { temp_min_c: 15, temp_max_c: 27, humidity_min: 30, humidity_max: 70 });
	await page.locator('details', { has: body }).locator('summary').click();
	await body.fill('{"thresholds": {"temp_min_c": 12.5}}');
	assert.match(await attempt('put', '/api/webhook/config'), /^200 OK\s+\{"message": "Webhook configuration updated successfully", .*"temp_min_c": 12\.5/);
	await body.fill('{"thresholds": {"temp_min_c": "x"}}');
	assert.match(await attempt('put', '/api/webhook/config'), /^400 Bad Request\s+\{"message": "temp_min_c must be a number"\}/);
});

test('nothing comes from elsewhere, and nothing goes wrong', async () => {
	const origin = new URL(box.url).origin;
	assert.ok(page.seen.requests.length >= 4);
	assert.deepEqual(page.seen.requests.filter((url) => !url.startsWith(`${origin}/`)), []);
	// Refused attempts are said to be errors by the browser; nothing else is.
	assert.deepEqual(page.seen.errors.filter((e) => !/status of 40[01]/.test(e)), []);
});
