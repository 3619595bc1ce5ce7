// The page's pure parts without a browser: rings, decimation, exact text.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const web = (path) => import(pathToFileURL(join(process.env.OUTPOST_SOURCE ?? '.', 'web/src', path)));
const { Ring } = await web('data/ring.js');
const { Points, decimate } = await web('data/decimate.js');
const { Spans } = await web('data/spans.js');
const { readHeader } = await web('net/frame.js');
const { exactText, planFields, shownText } = await web('net/schema.js');
const { niceRange } = await web('plot/range.js');

const SCHEMA = { topic: 't', rate_hz: 800, max_age_ms: 1000, record_bytes: 24, fields: [
	{ name: 'big', type: 'u64', offset: 0, bytes: 8 },
	{ name: 'level', type: 'f32', offset: 8, bytes: 4, unit: 'counts' },
	{ name: 'raw', type: 'u16', offset: 12, bytes: 2 },
	{ name: 'phase', type: 'enum', offset: 14, bytes: 1, labels: ['armed', 'wait'] },
	{ name: 'note', type: 'text', offset: 15, bytes: 9 },
	{ name: 'later', type: 'q128', offset: 0, bytes: 16 },
] };
const STRIDE = 32;

/** A frame as outpost-ws(7) describes it. */
function frame(firstSeq, records, { bootNs = 9e12, missed = 0 } = {}) {
	const view = new DataView(new ArrayBuffer(48 + records.length * STRIDE));
	const u64 = (at, v) => view.setBigUint64(at, BigInt(v), true);
	view.setUint8(0, 1);
	view.setUint8(1, 1);
	view.setUint16(2, 7, true);
	view.setUint32(4, records.length, true);
	u64(8, firstSeq);
	u64(16, missed);
	u64(24, bootNs);
	u64(32, 1700000000000000000n);
	view.setUint32(40, STRIDE, true);
	records.forEach((r, i) => {
		const at = 48 + i * STRIDE;
		u64(at, r.ns);
		u64(at + 8, r.big ?? 0);
		view.setFloat32(at + 16, r.level ?? 0, true);
		view.setUint16(at + 20, r.raw ?? 0, true);
		view.setUint8(at + 22, r.phase ?? 0);
		[...(r.note ?? '')].forEach((c, k) => view.setUint8(at + 23 + k, c.charCodeAt(0)));
	});
	return readHeader(view.buffer);
}

const run = (n, from = 0, fn = () => ({})) => Array.from({ length: n }, (_, i) => ({ ns: 1e9 + (from + i) * 1.25e6, ...fn(from + i) }));

test('a frame that lies about its size, or is of another version, is refused', () => {
	assert.equal(readHeader(new ArrayBuffer(47)), null);
	const short = new Uint8Array(48 + STRIDE);
	short.set([1, 1, 0, 0, 2]);
	new DataView(short.buffer).setUint32(40, STRIDE, true);
	assert.equal(readHeader(short.buffer), null);
	short.set([2, 1, 0, 0, 1]);
	assert.equal(readHeader(short.buffer), null);
});

test('records are read at their offsets; an unknown type is left out', () => {
	const ring = new Ring(SCHEMA, 16);
	ring.append(frame(5, [{ ns: 1e9, big: 2n ** 53n - 1n, level: 0.1, raw: 1023, phase: 1, note: 'abc' }]), 8);
	assert.deepEqual(ring.newest(), { seq: 5, bootNs: 1e9, big: 2 ** 53 - 1, level: Math.fround(0.1), raw: 1023, phase: 1, note: 'abc' });
});

test('a ring keeps the newest, skips what it has, counts holes, clears when numbers begin anew', () => {
	const ring = new Ring(SCHEMA, 8);
	assert.equal(ring.append(frame(0, run(6)), 8), 6);
	assert.equal(ring.append(frame(3, run(6, 3)), 8), 3, 'three of six were there');
	assert.equal(ring.append(frame(20, run(2, 20)), 8), 2);
	assert.equal(ring.gaps, 11);
	assert.equal(ring.length, 8);
	assert.equal(ring.find(2), -1, 'overwritten');
	assert.equal(ring.seq[ring.find(21) & ring.mask], 21);
	ring.append(frame(0, [{ ns: 8e12 }]), 8);
	assert.deepEqual([ring.length, ring.lastSeq()], [1, 0], 'another bus');
	ring.append(frame(9, [{ ns: 5 }], { bootNs: 6 }), 8);
	assert.deepEqual([ring.length, ring.lastSeq()], [1, 9], 'a rebooted host');
});

test('decimation keeps every extreme, stays in time order, and breaks at holes', () => {
	const ring = new Ring(SCHEMA, 32768), points = new Points(['raw']);
	const spikes = new Set([777, 12345, 19999]);
	ring.append(frame(0, run(20000, 0, (i) => ({ raw: spikes.has(i) ? 1000 + (i % 7) : i % 5 }))), 8);
	ring.append(frame(20500, run(3000, 20500, () => ({ raw: 3 }))), 8);
	decimate(ring, 0, ring.end, 400, 1e9, points);
	assert.ok(points.n <= 2 * 402, `${points.n} points for 400 columns`);
	for (let i = 1; i < points.n; i++)
		assert.ok(points.x[i] >= points.x[i - 1], `x falls at ${i}`);
	for (const s of spikes)
		assert.ok(points.y[0].subarray(0, points.n).includes(1000 + (s % 7)), `spike at ${s}`);
	assert.equal(points.gaps.length, 1);
	decimate(ring, 100, 200, 400, 1e9, points);
	assert.equal(points.n, 100, 'few records are drawn as they are');
});

test('a silence is no line, however far the picture is', () => {
	const ring = new Ring(SCHEMA, 32768), points = new Points(['raw']), later = 10e9;
	const before = run(4007), after = run(4000, 4007).map((r) => ({ ...r, ns: r.ns + later }));
	ring.append(frame(0, [...before, ...after]), 8);
	assert.equal(ring.joined(4006), true);
	assert.equal(ring.joined(4007), false, 'no number is missing, but time is');
	for (const columns of [40, 400, 9000]) {
		decimate(ring, 0, ring.end, columns, 1e9, points);
		const [gap] = points.gaps;
		assert.equal(points.gaps.length, 1);
		assert.ok(points.x[gap - 1] < 4007 * 1.25e-3 && points.x[gap] >= 10, `from ${points.x[gap - 1]} to ${points.x[gap]}`);
	}
});

test('columns do not move when the window does', () => {
	const ring = new Ring(SCHEMA, 32768), a = new Points(['raw']), b = new Points(['raw']);
	ring.append(frame(0, run(16000, 0, (i) => ({ raw: (i * 7919) % 1024 }))), 8);
	decimate(ring, 0, 8000, 400, 0, a);
	decimate(ring, 13, 8013, 400, 0, b);
	assert.deepEqual([...b.y[0].subarray(2, 700)], [...a.y[0].subarray(2, 700)]);
});

test('spans follow an enum and break at holes', () => {
	const ring = new Ring(SCHEMA, 64), spans = new Spans(ring, 'phase');
	ring.append(frame(0, run(10, 0, (i) => ({ phase: i >= 4 && i < 7 ? 1 : 0 }))), 8);
	ring.append(frame(20, run(2, 20)), 8);
	spans.update();
	assert.deepEqual(spans.list.map((s) => s.value), [0, 1, 0, 0]);
	assert.equal(spans.list[1].fromNs, 1e9 + 4 * 1.25e6);
	assert.equal(spans.list[1].toNs, 1e9 + 7 * 1.25e6);
});

test('numbers are written in full for files, briefly for people', () => {
	const [big, level, , phase] = planFields(SCHEMA);
	assert.equal(exactText(level, Math.fround(0.1)), '0.1');
	assert.equal(exactText(level, Math.fround(40.123456)), '40.123455');
	assert.equal(exactText(big, 2 ** 53 - 1), '9007199254740991');
	assert.equal(exactText(level, NaN), '');
	assert.equal(exactText(phase, 1), 'wait');
	assert.equal(exactText(phase, 9), '9');
	assert.equal(shownText(level, 12.3456), '12.35');
	assert.equal(shownText(big, 1234567), '1\u202f234\u202f567');
});

test('axis ranges are round and never empty', () => {
	assert.deepEqual(niceRange(3, 97), [0, 100]);
	const [lo, hi] = niceRange(5, 5);
	assert.ok(lo < 5 && hi > 5);
});
