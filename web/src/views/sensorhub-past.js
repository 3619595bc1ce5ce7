// Hits out of the recorder: the list of those that were, and the way from one to its waveform.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { historyHash } from '../data/address.js';
import { records, whatIsKept } from '../net/history.js';

const LIST = 200;
const AROUND_MS = 1500; // a capture is shorter than this
const BEFORE_MS = 400, AFTER_MS = 800; // of the waveform around a hit

/** {rows: newest first, samples: whether waveforms are kept}; empty where nothing is. */
export async function recordedHits(signal) {
	try {
		const kept = (await whatIsKept(signal)).topics.map((t) => t.topic), samples = kept.includes('pbt.sample');
		const rows = kept.includes('pbt.hit')
			? await records('pbt.hit', { from: 0, to: Date.now() + 86400e3, order: 'desc', limit: LIST }, signal) : [];
		return { rows, samples };
	} catch {
		return { rows: [], samples: false }; // no recorder, or it cannot be read: the list of this page remains
	}
}

/** Wall times of the samples that triggered and ended a hit, by their numbers; of the hit itself where
 * they are not to be had. */
async function timesOf(hit, wallMs, signal) {
	const found = {};
	try {
		const around = { from: wallMs - AROUND_MS, to: wallMs + AROUND_MS / 10, fields: ['raw'] };
		for (const { seq, time } of await records('pbt.sample', around, signal))
			found[seq] = Date.parse(time);
	} catch {
		// deleted since, or not readable now: the view says so
	}
	return { trigger: found[hit.trigger_seq] ?? wallMs, fire: found[hit.fire_seq] ?? wallMs };
}

export async function hitAddress(app, hit, signal) {
	const wallMs = hit.wallMs ?? app.clock.wallMs(hit.bootNs);
	const { trigger, fire } = await timesOf(hit, wallMs, signal);
	const marks = [{ t: trigger, label: `Hit ${hit.number}` }, ...(fire > trigger ? [{ t: fire, label: 'Pulse' }] : [])];
	return historyHash('pbt.sample', { from: trigger - BEFORE_MS, to: fire + Math.max(AFTER_MS, 1.5 * (fire - trigger)), marks });
}
