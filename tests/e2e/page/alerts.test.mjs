// Alerts on the page: counted, listed, muted, and tested, with a real receiver of webhooks.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Appliance, within } from './appliance.mjs';
import { connected, launch, openPage, text, until } from './browser.mjs';

let box, browser, page, receiver, received;

/** Takes webhooks; .next() gives the body of the next one. */
async function listen() {
	const waiting = [], bodies = [];
	const server = createServer((request, response) => {
		let body = '';
		request.on('data', (part) => (body += part));
		request.on('end', () => {
			response.writeHead(server.status ?? 200).end();
			bodies.push(JSON.parse(body));
			waiting.shift()?.(bodies.shift());
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	server.next = () => within(15000, 'a webhook', new Promise((resolve) => (bodies.length ? resolve(bodies.shift()) : waiting.push(resolve))));
	server.forget = () => bodies.splice(0);
	return server;
}

before(async () => {
	receiver = await listen();
	const rule = (n, values) => Object.fromEntries(Object.entries(values).map(([k, v]) => [`services.alerts.rules.${n}.${k}`, v]));
	box = await new Appliance({
		'services.alerts.rules.0.silent_s': 600, // however long the start takes
		'services.alerts.channels.2.url': `http://127.0.0.1:${receiver.address().port}/hook`,
		...rule(3, { name: 'any-hit', topic: 'pbt.hit', field: 'peak', above: 1, severity: 'critical', message: 'the plate was struck' }),
	}).start();
	browser = await launch();
	page = await openPage(browser, box.url);
	await connected(page);
});

after(async () => {
	await browser?.close();
	await box?.remove();
	receiver?.close();
});

const open = async () => {
	if (!await page.locator('.popover').isVisible().catch(() => false))
		await page.locator('#alerts-btn').click();
};

test('a raised alert is counted at once, and told behind the button', async () => {
	await until(page, 'one raised', () => document.querySelector('#alerts-btn .badge:not([hidden])')?.textContent === '1', null, 30000);
	assert.equal(await page.locator('#alerts-btn').getAttribute('data-colour'), 'bad');
	assert.equal((await receiver.next()).rule, 'any-hit');
	await open();
	await until(page, 'which, how bad, and why', () => /Raised now\s+any-hit critical\s+the plate was struck/i.test(document.querySelector('.popover').innerText));
	assert.match(await text(page, '.popover'), /Lately\s+any-hit raised/i);
	assert.match(await page.locator('.alerts time').first().innerText(), /^\d\d:\d\d:\d\d$/);
});

test('the test goes to every channel, and the answer tells', async () => {
	await open();
	receiver.forget();
	await page.locator('#alerts-test').click();
	const body = await receiver.next();
	assert.match(JSON.stringify(body), /test/i);
	await until(page, 'what became of it', () => /log: written; webhook: /.test(document.querySelector('.popover').innerText));
	receiver.status = 500;
	await until(page, 'a second test', () => {
		const told = document.querySelector('.popover [role=status]').textContent;
		if (!/Sending|webhook: .*500/.test(told))
			document.getElementById('alerts-test').click(); // too soon after the first is refused
		return /webhook: .*500/.test(told);
	});
	receiver.status = 200;
});

test('an alert can be muted for an hour, and told again', async () => {
	await open();
	await page.getByRole('button', { name: 'Mute for an hour' }).click();
	await until(page, 'muted', () => /any-hit critical, muted/.test(document.querySelector('.popover').innerText));
	const rules = async () => (await (await fetch(`${box.url}api/alerts`)).json()).rules;
	assert.ok((await rules()).find((r) => r.rule === 'any-hit').muted_s > 3500);
	await page.getByRole('button', { name: /^Tell again/ }).click();
	await until(page, 'not muted', () => !/muted/.test(document.querySelector('.popover').innerText));
	assert.equal((await rules()).find((r) => r.rule === 'any-hit').muted_s, 0);
	await page.keyboard.press('Escape');
	assert.equal(await page.locator('.popover').isVisible(), false);
});

test('a service that hangs is not taken for one that has nothing to tell', async () => {
	const { pid } = (await (await fetch(`${box.url}health`)).json()).services.alerts;
	await open();
	process.kill(pid, 'SIGSTOP'); // whoever watches over it kills it
	await until(page, 'that it is not known', () => document.getElementById('alerts-btn').dataset.colour === 'off' &&
		/Raised when last heard/i.test(document.querySelector('.popover').innerText), null, 30000);
	await until(page, 'its next life', () => document.getElementById('alerts-btn').dataset.colour !== 'off', null, 30000);
});

test('a phone shows them without scrolling sideways', async () => {
	const phone = await openPage(browser, box.url, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
	await connected(phone);
	await phone.locator('#alerts-btn').click();
	await until(phone, 'the list', () => /any-hit/.test(document.querySelector('.popover').innerText));
	assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth) <= 360);
	assert.deepEqual(phone.seen.errors, []);
	await phone.context().close();
});
