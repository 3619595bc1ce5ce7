// Chromium for the tests, watched: what it prints as an error, and every request that it makes.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { chromium } from 'playwright-core';
import { PATIENCE } from './appliance.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export async function launch() {
	return chromium.launch({
		executablePath: CHROMIUM,
		timeout: 30000 * PATIENCE,
		args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync',
			'--disable-component-update', '--no-first-run', '--no-default-browser-check',
			'--disable-dev-shm-usage'],
	});
}

/** A page of its own context; page.seen has errors, requests and WebSocket messages sent. */
export async function openPage(browser, url, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	context.setDefaultTimeout(30000 * PATIENCE);
	const page = await context.newPage();
	page.seen = { errors: [], requests: [], sent: [] };
	page.on('pageerror', (error) => page.seen.errors.push(error.stack ?? String(error)));
	page.on('console', (m) => m.type() === 'error' && page.seen.errors.push(m.text()));
	page.on('request', (r) => page.seen.requests.push(r.url()));
	page.on('websocket', (ws) => {
		page.seen.requests.push(ws.url());
		ws.on('framesent', (frame) => page.seen.sent.push(JSON.parse(frame.payload)));
	});
	await page.goto(url);
	return page;
}

export const text = (page, selector) => page.locator(selector).innerText();
export const number = async (page, selector) => parseFloat(await text(page, selector));

/** Waits until a function of the page is true; the error names what was awaited. */
export async function until(page, what, fn, arg, timeout = 15000) {
	try {
		await page.waitForFunction(fn, arg, { timeout: timeout * PATIENCE, polling: 50 });
	} catch (error) {
		const state = await page.evaluate(() => document.body.innerText.slice(0, 1500));
		throw new Error(`waited for: ${what}\n${error.message}\nthe page shows:\n${state}`);
	}
}

export const connected = (page) => until(page, 'a connection with data', () =>
	document.getElementById('status-text').textContent === 'Connected' &&
	window.outpost.feeds.byTopic.get('pbt.sample')?.ring?.end > 2000);

/** A digest of the canvas' pixels, and how many are not its background. */
export const pixels = (page, id) => page.evaluate((canvasId) => {
	const canvas = document.getElementById(canvasId);
	const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
	let hash = 2166136261, painted = 0;
	for (let i = 0; i < data.length; i += 4) {
		const rgba = (data[i] << 24) ^ (data[i + 1] << 16) ^ (data[i + 2] << 8) ^ data[i + 3];
		hash = Math.imul(hash ^ rgba, 16777619);
		painted += data[i + 3] > 0 ? 1 : 0;
	}
	return { hash, painted };
}, id);
