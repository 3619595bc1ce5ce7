// The pure parts of the page's history without a browser: tiles, lines, time axis, spans, addresses.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.env.TZ = 'Europe/Zurich';
const web = (path) => import(pathToFileURL(join(process.env.OUTPOST_SOURCE ?? '.', 'web/src', path)));
const { Tiles, tileSize } = await web('data/tiles.js');
const { Lines, addRing, addTiles, cutGaps, findEmpty, longestStep, ringSeam } = await web('data/lines.js');
const { momentText, parseMoment } = await web('data/moment.js');
const { historyHash, readHistoryHash } = await web('data/address.js');
const { lengthText, spanText, timeLabels, timeStep, timeTicks } = await web('plot/timeaxis.js');
const { TimeView } = await web('plot/timeview.js');
const { exportPath } = await web('net/history.js');

const T = Date.parse('2026-11-21T15:00:00Z'), HOUR = 3600e3, DAY = 24 * HOUR, YEAR = 365 * DAY;

/** A recorder for tests: answers when told to; every point of a bucket is its own begin. */
class Recorder {
	constructor({ now = T, level = 'raw', bucketMs } = {}) {
		Object.assign(this, { now, level, bucketMs, asked: [], time: 0 });
		this.tiles = new Tiles((what, signal) => new Promise((resolve, reject) => {
			const ask = { ...what, resolve, reject, signal };
			signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
			this.asked.push(ask);
		}), () => this.now, () => this.time);
	}

	points({ from, to, points, fields }) {
		const bucketMs = this.bucketMs ?? (to - from) / points, t = [];
		for (let at = Math.ceil(from / bucketMs) * bucketMs; at < to; at += bucketMs)
			t.push(at);
		const column = Float64Array.from(t);
		return { level: this.level, bucketMs, clock: 'set', t: column, n: column.map(() => 1),
			fields: Object.fromEntries(fields.map((f) => [f, { min: column, max: column, mean: column }])) };
	}

	/** Answers everything that is still wanted. */
	async answer() {
		const open = this.asked.splice(0).filter((a) => !a.signal.aborted);
		for (const ask of open)
			ask.resolve(this.points(ask));
		await new Promise((done) => setImmediate(done));
		return open;
	}

	/** Looks at a span until nothing more is asked for. */
	async look(span, fields = ['raw'], points = 100) {
		const all = [];
		for (let i = 0; i < 20; i++) {
			this.tiles.want(span, points, fields);
			const some = await this.answer();
			all.push(...some);
			if (!some.length)
				return all;
		}
		throw new Error('it never rests');
	}
}

test('tiles: a span is fetched once, with a margin, at the width of the screen', async () => {
	const r = new Recorder(), span = { from: T - 3 * DAY, to: T - 2 * DAY };
	const first = await r.look(span);
	const width = 2 ** tileSize(DAY);
	assert.ok(width >= DAY / 2 && width < DAY);
	assert.ok(first.every((a) => a.points === 100 && a.to - a.from === width && a.from % width === 0));
	const shown = first.filter((a) => a.from < span.to && a.to > span.from);
	assert.ok(Math.min(...shown.map((a) => a.from)) <= span.from && Math.max(...shown.map((a) => a.to)) >= span.to, 'all of the span');
	assert.ok(first.length - shown.length <= 2, 'and one neighbour on each side');
	assert.equal((await r.look({ from: span.from + HOUR, to: span.to + HOUR })).length, 0, 'a small move needs nothing new');
	assert.equal((await r.look(span)).length, 0);
	assert.equal((await r.look(span, ['raw', 'other'])).length, shown.length, 'another field does');
});

test('tiles: what is visible comes before neighbours; what is left behind is called off', () => {
	const r = new Recorder(), span = { from: T - 3 * DAY, to: T - 2 * DAY };
	r.tiles.want(span, 100, ['raw']);
	assert.ok(r.asked.length >= 2 && r.asked.every((a) => a.from < span.to && a.to > span.from));
	const before = [...r.asked];
	r.tiles.want({ from: T - 30 * DAY, to: T - 29 * DAY }, 100, ['raw']);
	assert.ok(before.every((a) => a.signal.aborted), 'nobody waits for them');
	assert.ok(r.asked.slice(before.length).every((a) => !a.signal.aborted && a.from < T - 28 * DAY));
});

test('tiles: while the finer ones load, the wider stand in, and the other way round', async () => {
	const r = new Recorder(), day = { from: T - 3 * DAY, to: T - 2 * DAY }, hour = { from: T - 60 * HOUR, to: T - 59 * HOUR };
	await r.look(day);
	r.tiles.want(hour, 100, ['raw']);
	let parts = r.tiles.cover(hour);
	assert.ok(r.tiles.loading && parts.length && parts.every((p) => p.tile.k === tileSize(DAY)), 'a day\'s points, cut to the hour');
	assert.ok(parts[0].from <= hour.from && parts[parts.length - 1].to >= hour.to);
	await r.look(hour);
	parts = r.tiles.cover(hour);
	assert.ok(parts.every((p) => p.tile.k === tileSize(HOUR)));
	const half = { from: T - 3 * DAY, to: T - DAY };
	r.tiles.want(half, 100, ['raw']);
	parts = r.tiles.cover(half);
	assert.ok(parts.some((p) => p.tile.k === tileSize(DAY)), 'narrower ones fill a wider one');
	for (let i = 1; i < parts.length; i++)
		assert.ok(parts[i].from >= parts[i - 1].to, 'in order, without overlap');
});

test('tiles: what reaches beyond the store is asked for again when there is more, the rest is not', async () => {
	const r = new Recorder(), span = { from: T - HOUR, to: T };
	r.tiles.stored = T - 30e3;
	const first = await r.look(span);
	assert.ok(first.some((a) => a.to > T), 'the tile that now lies in');
	assert.equal((await r.look(span)).length, 0, 'nothing new, nothing asked');
	r.tiles.stored = T - 10e3;
	r.tiles.want(span, 100, ['raw']);
	assert.ok(r.asked.length >= 1 && r.asked.every((a) => a.to > T - 30e3), 'only the unfinished');
	assert.ok(!r.tiles.loading && r.tiles.cover(span).every((p) => p.tile), 'and shown meanwhile');
	await r.look(span);
	assert.equal((await r.look(span)).length, 0);
});

test('tiles: a failure is told, waits, and is tried again', async () => {
	const r = new Recorder(), span = { from: T - 3 * DAY, to: T - 2 * DAY };
	r.tiles.want(span, 100, ['raw']);
	for (const ask of r.asked.splice(0))
		ask.reject(Object.assign(new Error('busy'), { status: 503, retryMs: 5000 }));
	await new Promise((done) => setImmediate(done));
	assert.equal(r.tiles.error.message, 'busy');
	r.time += 4000;
	assert.equal((await r.look(span)).length, 0, 'as long as it says');
	r.time += 2000;
	assert.ok((await r.look(span)).length >= 2);
	assert.equal(r.tiles.error, null);
});

test('tiles: where records are deleted, the points of a wider tile serve', async () => {
	const r = new Recorder({ level: '1min', bucketMs: 60e3 });
	r.tiles.rawFrom = T - DAY;
	const span = { from: T - 3 * DAY, to: T - 3 * DAY + 10e3 };
	await r.look(span, ['raw'], 400);
	const parts = r.tiles.cover(span);
	assert.ok(parts.length >= 1 && parts.every((p) => p.tile.t.length >= 4), 'a tile that holds minutes');
	assert.ok(parts[0].from <= span.from && parts[parts.length - 1].to >= span.to);
	for (let i = 1; i < parts.length; i++)
		assert.ok(parts[i].from >= parts[i - 1].to, 'in order, without overlap');
	const more = await r.look({ from: span.from + 9000, to: span.to + 9000 }, ['raw'], 400);
	assert.ok(more.every((a) => a.to - a.from > 120e3), 'and is known to serve its neighbours too');
});

test('tiles: what lies before the oldest is not asked for, and hides nothing behind it', async () => {
	const r = new Recorder(), points = r.points.bind(r), begin = T - DAY, span = { from: begin - 10e3, to: begin + 20e3 };
	r.points = (ask) => (ask.to <= begin ? { ...points(ask), t: new Float64Array(0), n: new Float64Array(0) } : points(ask));
	Object.assign(r.tiles, { oldest: begin - 700, rawFrom: begin }); // a bucket of a tier begins before its first record
	const asked = await r.look(span);
	assert.ok(asked.every((a) => a.to > begin - 700));
	const after = r.tiles.cover(span).filter((p) => p.from >= begin + 2 ** tileSize(30e3));
	assert.ok(after.length && after.every((p) => p.tile.k === tileSize(30e3)), 'records are drawn as fine as they are');
});

test('tiles: where every record is here already, looking closer needs nothing', async () => {
	const r = new Recorder({ bucketMs: 10 }), points = r.points.bind(r);
	r.points = (ask) => (ask.to - ask.from <= 10 * ask.points ? { ...points(ask), bucketMs: 0 } : points(ask));
	r.tiles.least = 64;
	const first = await r.look({ from: T - DAY, to: T - DAY + 1500 }, ['raw'], 200);
	assert.ok(first.length >= 2);
	for (const span of [700, 90, 5, 1])
		assert.equal((await r.look({ from: T - DAY + 600, to: T - DAY + 600 + span }, ['raw'], 200)).length, 0, `${span} ms`);
	const far = await r.look({ from: T - 2 * DAY, to: T - 2 * DAY + 1 }, ['raw'], 200);
	assert.ok(far.every((a) => a.to - a.from >= 64), 'and no tile is narrower than a few records');
});

test('tiles: memory is bounded', async () => {
	const r = new Recorder();
	for (let i = 0; i < 100; i++)
		await r.look({ from: T - (i + 2) * 10 * HOUR, to: T - (i + 2) * 10 * HOUR + HOUR });
	assert.ok(r.tiles.tiles.size <= 96, `${r.tiles.tiles.size} tiles`);
});

const tile = (t, bucketMs, more = {}) => {
	const x = Float64Array.from(t);
	return { level: bucketMs ? '1s' : 'raw', bucketMs, clock: 'set', t: x, n: x.map(() => 1), fields: { v: { min: x.map(() => 1), max: x.map(() => 3), mean: x.map(() => 2) } }, ...more };
};
const xs = (lines) => [...lines.x.subarray(0, lines.n)], ends = (lines) => [...lines.end.subarray(0, lines.n)];
const cuts = (lines) => [...lines.cut.subarray(0, lines.n)];

test('lines: what most of the picture is made of is told, not its coarsest part', () => {
	const lines = new Lines(['v']), fine = tile([0, 100, 4900], 100), wide = tile([5000], 1000);
	addTiles(lines, [{ tile: wide, from: -500, to: 0 }, { tile: fine, from: 0, to: 5000 }, { tile: wide, from: 5000, to: 6000 }], Infinity);
	assert.deepEqual([lines.most.bucketMs, lines.bucketMs], [100, 1000]);
	lines.reset();
	assert.deepEqual(lines.most, { level: '', bucketMs: 0 });
});

test('lines: tiles are cut to their place, and rise', () => {
	const lines = new Lines(['v']), wide = tile([0, 1000, 2000, 3000], 1000), fine = tile([1500, 1600, 1700], 100);
	addTiles(lines, [{ tile: wide, from: 500, to: 1500 }, { tile: fine, from: 1500, to: 2000 }, { tile: wide, from: 2000, to: 4000 }], Infinity);
	assert.deepEqual(xs(lines), [500, 1000, 1500, 1600, 1700, 2000, 3000]);
	assert.deepEqual(ends(lines), [1000, 1500, 1600, 1700, 1800, 3000, 4000]);
	assert.deepEqual([lines.level, lines.bucketMs, lines.unknownClock], ['1s', 1000, false]);
	addTiles(lines, [{ tile: tile([5000], 0, { clock: 'unknown' }), from: 5000, to: 6000 }], Infinity);
	assert.equal(lines.unknownClock, true);
	assert.equal(lines.at(1600), 2, 'the first that ends there or later');
});

test('lines: a short bucket that is not full yet waits for the rest', () => {
	const k = 13, drawn = (stored, bucketMs) => {
		const lines = new Lines(['v']);
		addTiles(lines, [{ tile: tile([0, bucketMs, 2 * bucketMs], bucketMs, { k, i: 0, stored }), from: 0, to: 2 ** k }], Infinity);
		return lines.n;
	};
	assert.deepEqual([drawn(250, 100), drawn(2 ** k, 100), drawn(4500, 2000)], [2, 3, 3]);
});

test('lines: a gap is a gap, a slow topic is none', () => {
	const lines = new Lines(['v']);
	addTiles(lines, [{ tile: tile([0, 1000, 5000, 6000], 1000), from: 0, to: 9000 }], Infinity);
	cutGaps(lines, longestStep(lines, { kind: 'chunks', rateHz: 800 }));
	assert.deepEqual(cuts(lines), [0, 0, 1, 0]);
	const slow = new Lines(['v']), minutes = Array.from({ length: 30 }, (_, i) => i * 60e3).filter((t) => t < 600e3 || t > 1200e3);
	addTiles(slow, [{ tile: tile(minutes, 0), from: 0, to: 1e9 }], Infinity);
	cutGaps(slow, longestStep(slow, { kind: 'rows', rateHz: 1, maxAgeMs: 3000 }));
	assert.deepEqual(cuts(slow).flatMap((c, i) => (c ? [slow.x[i]] : [])), [1260e3], 'kept once a minute; only the ten minutes are a gap');
	assert.equal(longestStep(slow, { kind: 'rows', rateHz: 0 }), Infinity, 'events are never joined');
});

/** A ring of 10 records per second from boot second 100 on, as data/ring.js makes it. */
function ring(n, holes = new Set()) {
	const bootNs = Float64Array.from({ length: 1024 }, (_, i) => 100e9 + i * 1e8), v = Float64Array.from({ length: 1024 }, (_, i) => i);
	return { end: n, start: 0, mask: 1023, bootNs, columns: { v }, joined: (p) => !holes.has(p),
		lowerBound: (array, wanted) => { let p = 0; while (p < n && array[p] < wanted) p++; return p; } };
}
const CLOCK = { wallMs: (ns) => T + ns * 1e-6 };

test('where nothing was recorded is told apart from what is not here yet', () => {
	const empty = (points, span, known, stepMs = 10) => {
		const lines = new Lines(['raw']);
		for (const [x, end] of points)
			lines.push(x, end, 1);
		findEmpty(lines, span, { oldest: 100, known, stepMs });
		return lines.empty;
	};
	const all = { from: 0, to: 1000 };
	assert.deepEqual(empty([[100, 400]], all, 1000), [[0, 100], [400, 1000]]);
	assert.deepEqual(empty([[100, 400]], all, 600), [[0, 100], [400, 600]]);
	assert.deepEqual(empty([[100, 995]], all, 1000), [[0, 100]], 'a short silence is none');
	assert.deepEqual(empty([[100, 400]], all, -Infinity), [[0, 100]], 'still loading');
	assert.deepEqual(empty([[150, 150], [400, 400]], all, 1000, Infinity), [[0, 100]], 'events');
	assert.deepEqual(empty([], { from: 200, to: 300 }, 1000), [[200, 300]], 'within a gap');
	assert.deepEqual(empty([[260, 400]], { from: 200, to: 300 }, 1000), [[200, 260]], 'the end of a gap');
	assert.deepEqual(empty([], { from: 0, to: 50 }, 1000), [[0, 50]], 'before all');
	assert.deepEqual(empty([[60, 200]], all, -Infinity), [[0, 60]], 'heard, but not in store yet');
	assert.deepEqual(empty([[100, 2000]], { from: 200, to: 300 }, 1500), []);
});

test('lines: live records go on where the recorder ends, in whole buckets', () => {
	const live = ring(200, new Set([150])), seam = ringSeam(live, CLOCK, 3000), lines = new Lines(['v']);
	assert.ok(seam >= T + 100e3 && seam < T + 103e3 && seam % 3000 === 0, 'not in the middle of a bucket');
	const kept = Array.from({ length: 200 }, (_, i) => T - 60e3 + i * 1000);
	addTiles(lines, [{ tile: tile(kept, 1000), from: T - 60e3, to: T + 300e3 }], seam);
	const n = lines.n;
	assert.equal(lines.end[n - 1], seam, 'up to the seam');
	addRing(lines, live, CLOCK, seam, T + 119e3, 3000);
	assert.equal(lines.x[n], seam, 'and on from it');
	const first = Math.ceil((seam - T - 100e3) / 100);
	assert.deepEqual([lines.lo[0][n], lines.hi[0][n], lines.mid[0][n], lines.count[n]], [first, first + 29, first + 14.5, 30]);
	cutGaps(lines, longestStep(lines, { kind: 'chunks', rateHz: 10 }));
	assert.equal(lines.cut.subarray(0, n + 1).indexOf(1), -1, 'no gap at the seam');
	const each = new Lines(['v']);
	addRing(each, live, CLOCK, ringSeam(live, CLOCK, 0), T + 1e9, 0);
	assert.deepEqual([each.n, each.cut[150], each.cut[151], each.x[7]], [200, 1, 0, T + 100700]);
	assert.equal(ringSeam(ring(0), CLOCK, 0), Infinity);
});

test('lines: a live record on the border of two buckets is in one of them', () => {
	const live = ring(200), offset = T * 1e6 + 123456789, clock = { wallMs: (ns) => (ns + offset) * 1e-6 };
	for (let bucket = 250; bucket < 2000; bucket *= 1.013) {
		// As the numbers of the bus allow it, records within a rounding error of every border.
		const first = Math.ceil(clock.wallMs(0) / bucket);
		live.bootNs.forEach((_, i) => live.bootNs[i] = (first + i / 3) * bucket * 1e6 - offset);
		const lines = new Lines(['v']), from = clock.wallMs(live.bootNs[0]);
		addRing(lines, live, clock, from, from + 1e9, bucket);
		const points = Array.from({ length: lines.n }, (_, i) => [lines.x[i], lines.count[i]]);
		assert.ok(points.every(([x], i) => !i || Math.abs(x - points[i - 1][0] - bucket) < 0.01), `one after the other, ${bucket} ms each`);
		assert.equal(points.reduce((sum, [, n]) => sum + n, 0), 200 - live.lowerBound(live.bootNs, from * 1e6 - clock.wallMs(0) * 1e6));
	}
});

test('lines: a value that is no number counts as nothing', () => {
	const live = ring(20), lines = new Lines(['v', 'other']);
	live.columns.v[3] = NaN;
	addRing(lines, live, CLOCK, T + 100e3, T + 102e3, 1000);
	assert.deepEqual([lines.lo[0][0], lines.hi[0][0], lines.mid[0][0]], [0, 9, 42 / 9]);
	assert.ok(Number.isNaN(lines.mid[1][0]), 'a field that is not there');
});

test('axis: marks are round, in local time, and labelled briefly, from a year to a microsecond', () => {
	const at = (from, to, most = 10) => {
		const step = timeStep(from, to, most), ticks = timeTicks(from, to, step);
		assert.ok(ticks.length >= 1 && ticks.length <= most + 1, `${ticks.length} marks for ${to - from} ms`);
		for (let i = 1; i < ticks.length; i++)
			assert.ok(ticks[i] > ticks[i - 1]);
		return timeLabels(ticks, step);
	};
	for (let span = 0.01; span < 10 * YEAR; span *= 1.7)
		at(T - span, T);
	assert.deepEqual(at(T - YEAR, T, 6), ['Jan\n2026', 'Mar', 'May', 'Jul', 'Sep', 'Nov']);
	assert.deepEqual(at(T - 2 * DAY, T, 4), ['00:00\n20 Nov', '12:00', '00:00\n21 Nov', '12:00'], 'midnight here, not in Greenwich');
	assert.deepEqual(at(T, T + 4e3, 4), ['16:00:00\n21 Nov', '16:00:01', '16:00:02', '16:00:03', '16:00:04']);
	assert.deepEqual(at(T + 0.1, T + 1.1, 5), ['00.0002 s\n16:00  21 Nov', '00.0004 s', '00.0006 s', '00.0008 s', '00.0010 s']);
	const summer = Date.parse('2026-10-24T22:00:00Z'); // midnight before the clock goes back
	assert.deepEqual(at(summer, summer + 37 * HOUR, 4), ['00:00\n25 Oct', '12:00', '00:00\n26 Oct', '12:00']);
});

test('spans and lengths in words', () => {
	assert.deepEqual([0.25, 1, 1500, 60e3, HOUR, 36 * HOUR, YEAR].map(lengthText), ['250 \u00b5s', '1 ms', '1.5 s', '1 min', '1 h', '1.5 d', '365 d']);
	assert.equal(spanText(T, T + HOUR), '21 Nov 2026 16:00 \u2013 17:00');
	assert.equal(spanText(T, T + 1.5), '21 Nov 2026 16:00:00.000000 \u2013 16:00:00.001500');
	assert.equal(spanText(T - YEAR, T), '21 Nov 2025 \u2013 21 Nov 2026');
});

const view = (t) => {
	const v = new TimeView(() => t.now);
	v.oldest = T - YEAR;
	return v;
};

test('view: live follows, zooms at its edge, and is left by pointing into the past', () => {
	const t = { now: T }, v = view(t);
	assert.deepEqual(v.range(), { from: T - HOUR, to: T });
	t.now += 5000;
	assert.equal(v.range().to, T + 5000);
	v.zoom(0.5);
	assert.ok(v.live && v.span === HOUR / 2);
	v.zoom(0.5, 0.5);
	assert.ok(!v.live && v.span === HOUR / 4);
	assert.equal((v.range().from + v.range().to) / 2, t.now - HOUR / 4, 'around where it points');
	v.destroy();
});

test('view: panning stops at the oldest, runs into live, and zooming knows its bounds', () => {
	const t = { now: T }, v = view(t);
	v.pan(-0.5);
	assert.deepEqual(v.range(), { from: T - 1.5 * HOUR, to: T - 0.5 * HOUR });
	v.pan(2);
	assert.ok(v.live, 'now is the edge');
	v.show(T - YEAR, T - YEAR + HOUR);
	v.pan(-10);
	assert.ok(v.range().from >= T - YEAR - HOUR / 2);
	for (let i = 0; i < 60; i++)
		v.zoom(0.5, 0.3);
	assert.ok(Math.abs(v.range().to - v.range().from - 1) < 1e-3, 'a millisecond');
	for (let i = 0; i < 80; i++)
		v.zoom(2);
	assert.ok(v.live && v.span <= 2 * 366 * DAY);
	v.home();
	v.destroy();
});

test('view: back leads to where one was, step by step', () => {
	const t = { now: T }, v = view(t), settled = [];
	v.addEventListener('settled', () => settled.push(v.span));
	v.show(T - DAY, T - DAY + HOUR);
	v.settle();
	v.zoom(0.5);
	v.zoom(0.5);
	v.settle();
	assert.deepEqual(settled, [HOUR, HOUR / 4], 'two turns of the wheel are one step');
	v.back();
	v.settle();
	assert.deepEqual(v.range(), { from: T - DAY, to: T - DAY + HOUR });
	v.back();
	v.settle();
	assert.ok(v.live && v.span === HOUR);
	v.back();
	assert.ok(v.live, 'and no further');
	v.destroy();
});

test('addresses lead back to the same moment', () => {
	assert.equal(momentText(T + 0.5), '2026-11-21T15:00:00.000500Z');
	assert.equal(momentText(T + 125), '2026-11-21T15:00:00.125Z');
	for (const ms of [T, T + 0.125, T + 999.999, 0, 1.25])
		assert.ok(Math.abs(parseMoment(momentText(ms)) - ms) < 6e-4);
	assert.ok(Number.isNaN(parseMoment('yesterday')) && Number.isNaN(parseMoment(null)));
	const where = { from: T, to: T + 1.5, fields: ['raw', 'envelope'], marks: [{ t: T + 1, label: 'Hit 12 & more' }, { t: T + 1.25, label: '' }] };
	const hash = historyHash('pbt.sample', where);
	assert.match(hash, /^#\/history\/pbt\.sample\?from=2026-11-21T15:00:00\.000Z&to=2026-11-21T15:00:00\.001500Z&fields=raw,envelope&mark=/);
	assert.deepEqual(readHistoryHash(hash), where);
	assert.deepEqual(readHistoryHash(historyHash('t', { live: HOUR })), { live: HOUR, marks: [] });
	assert.deepEqual(readHistoryHash('#/history/t?from=2026-11-21T15:00:00Z&to=2026-11-20T15:00:00Z&mark=x,,'), { marks: [] }, 'nonsense is left out');
});

test('export addresses name the span in full', () => {
	assert.equal(exportPath('pbt.sample', { from: T + 0.5, to: T + 1000, fields: ['raw'], format: 'csv', level: '1s' }),
		`api/topics/pbt.sample/export?format=csv&from=${T / 1000}.000500&to=${T / 1000 + 1}.000000&fields=raw&level=1s`);
});
