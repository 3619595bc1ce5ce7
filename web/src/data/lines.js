// What a history picture draws: tiles of the recorder one after the other, and at the live edge the
// records this page has heard itself. Each point is a bucket (x ... end, with lowest, highest and
// mean) or, where x equals end, one record. A point whose silence before it is longer than `stepMs`
// is cut off from the one before: gaps are drawn as gaps.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

/** Room for the points of one picture; grows, never shrinks, and is used again for every frame. */
export class Lines {
	constructor(fields) {
		this.fields = fields;
		this.room = 0;
		this.reserve(4096);
		this.reset();
	}

	reset() {
		this.n = 0;
		this.level = ''; // the coarsest that was used
		this.bucketMs = 0;
		this.most = { level: '', bucketMs: 0 }; // that of most of the picture
		this.shares = new Map(); // of each width of bucket: milliseconds that it covers
		this.unknownClock = false;
		this.damaged = 0; // chunks that could not be read
		this.seam = Infinity; // from here on the page's own records
		this.empty = []; // [from, to]: nothing was recorded before the first point, behind the last
	}

	reserve(n) {
		if (this.room >= n)
			return;
		const grow = (old) => {
			const bigger = new Float64Array(n);
			if (old)
				bigger.set(old);
			return bigger;
		};
		this.room = n;
		for (const name of ['x', 'end', 'count'])
			this[name] = grow(this[name]);
		for (const name of ['lo', 'hi', 'mid'])
			this[name] = this.fields.map((_, f) => grow(this[name]?.[f]));
		const cut = new Uint8Array(n);
		if (this.cut)
			cut.set(this.cut);
		this.cut = cut; // 1: no line from the point before
	}

	/** A new point at the end; its values are NaN until they are put. */
	push(x, end, count) {
		if (this.n === this.room)
			this.reserve(2 * this.room);
		const n = this.n++;
		this.x[n] = x;
		this.end[n] = end;
		this.count[n] = count;
		this.cut[n] = 0;
		return n;
	}

	/** First point that ends at or after a time. */
	at(time) {
		return bound(this.end, this.n, time);
	}
}

/** First index of n rising values that is >= wanted. */
function bound(values, n, wanted) {
	let lo = 0, hi = n;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (values[mid] < wanted)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const PART_MS = 1000;
const ORDER = { raw: 0, '1s': 1, '1min': 2, '1h': 3 };

/** Appends what the parts of Tiles.cover() hold, up to the time `until`. */
export function addTiles(lines, parts, until) {
	for (const { tile, from, to } of parts) {
		const end = Math.min(to, until);
		if (tile.t.length && (ORDER[tile.level] ?? 0) >= (ORDER[lines.level] ?? -1))
			lines.level = tile.level;
		lines.bucketMs = Math.max(lines.bucketMs, tile.t.length ? tile.bucketMs : 0);
		lines.unknownClock ||= tile.t.length > 0 && tile.clock === 'unknown';
		lines.damaged += tile.damaged ?? 0;
		if (tile.t.length)
			addShare(lines, tile, end - from);
		addTile(lines, tile, from, end);
	}
}

function addShare(lines, { level, bucketMs }, ms) {
	const share = (lines.shares.get(bucketMs) ?? 0) + ms;
	lines.shares.set(bucketMs, share);
	if (share >= (lines.shares.get(lines.most.bucketMs) ?? 0))
		lines.most = { level, bucketMs };
}

function addTile(lines, tile, from, end) {
	// The newest batch may end in the middle of a bucket: a short one waits for the rest.
	const { t, n, bucketMs } = tile, columns = lines.fields.map((f) => tile.fields[f]);
	const full = tile.stored < (tile.i + 1) * 2 ** tile.k && bucketMs <= PART_MS ? t.length - 1 : t.length;
	let i = bound(t, t.length, from);
	if (bucketMs && i && t[i - 1] + bucketMs > from)
		i--; // begins before and reaches in
	for (; i < (bucketMs ? full : t.length) && t[i] < end; i++) {
		const x = Math.max(t[i], from), p = lines.push(x, bucketMs ? Math.min(t[i] + bucketMs, end) : x, n[i]);
		columns.forEach((c, f) => {
			lines.lo[f][p] = c ? c.min[i] : NaN;
			lines.hi[f][p] = c ? c.max[i] : NaN;
			lines.mid[f][p] = c ? c.mean[i] : NaN;
		});
	}
}

/**
 * From where on a ring serves a picture with buckets of this width: the begin of the first bucket
 * that it holds whole. Infinity: it holds nothing.
 */
export function ringSeam(ring, clock, bucketMs) {
	if (!ring?.end)
		return Infinity;
	const oldest = clock.wallMs(ring.bootNs[ring.start & ring.mask]);
	return bucketMs ? Math.ceil(oldest / bucketMs) * bucketMs : oldest;
}

/** Appends the records of a ring in seam <= t < to, in buckets of a width (0: each by itself). */
export function addRing(lines, ring, clock, seam, to, bucketMs) {
	lines.seam = seam;
	const toBoot = (wallMs) => wallMs * 1e6 - clock.wallMs(0) * 1e6;
	const p0 = ring.lowerBound(ring.bootNs, toBoot(seam)), p1 = ring.lowerBound(ring.bootNs, toBoot(to));
	const columns = lines.fields.map((f) => ring.columns[f]);
	for (let p = p0, next = -Infinity; p < p1;) {
		const t = clock.wallMs(ring.bootNs[p & ring.mask]);
		// One that lies on the border of two, as far as these numbers can tell, belongs to the second.
		const x = bucketMs ? Math.max(Math.floor(t / bucketMs) * bucketMs, next) : t;
		next = x + bucketMs;
		const end = bucketMs ? Math.max(p + 1, Math.min(p1, ring.lowerBound(ring.bootNs, toBoot(x + bucketMs)))) : p + 1;
		const at = lines.push(x, bucketMs ? Math.min(x + bucketMs, to) : x, end - p);
		lines.cut[at] = p > p0 && !ring.joined(p) ? 1 : 0;
		columns.forEach((column, f) => sumUp(lines, f, at, column, p, end, ring.mask));
		p = end;
	}
}

function sumUp(lines, f, at, column, p0, p1, mask) {
	let lo = Infinity, hi = -Infinity, sum = 0, n = 0;
	for (let p = p0; column && p < p1; p++) {
		const v = column[p & mask];
		if (v !== v)
			continue; // not a number: counts as nothing
		lo = v < lo ? v : lo;
		hi = v > hi ? v : hi;
		sum += v;
		n++;
	}
	if (!n)
		lo = hi = NaN;
	lines.lo[f][at] = lo;
	lines.hi[f][at] = hi;
	lines.mid[f][at] = n ? sum / n : NaN;
}

/** Cuts the line wherever more than stepMs, and most of a bucket, lie between a point and the next. */
export function cutGaps(lines, stepMs) {
	const { x, end } = lines;
	for (let i = 1; i < lines.n; i++)
		if (x[i] - end[i - 1] > Math.max(stepMs, 0.9 * Math.min(end[i] - x[i], end[i - 1] - x[i - 1])))
			lines.cut[i] = 1;
}

/**
 * Where a picture of `span` is empty before its first point and behind its last one, because nothing
 * was recorded there: before `oldest`, and for longer than stepMs where all up to `known` is here.
 */
export function findEmpty(lines, { from, to }, { oldest, known, stepMs }) {
	const add = (a, b, least) => b - a > least && lines.empty.push([a, b]);
	const first = lines.n ? lines.x[0] : known, last = lines.n ? lines.end[lines.n - 1] : Infinity;
	add(from, Math.min(to, oldest, lines.n ? first : oldest), 0);
	add(Math.max(from, oldest), Math.min(to, known, first), stepMs);
	add(Math.max(from, oldest, last), Math.min(to, known), stepMs);
}

/**
 * The longest silence that is no gap. Chunks hold every record of a fast topic; rows may have been
 * thinned or kept only on change, so that what is usual in the picture tells.
 */
export function longestStep(lines, { kind, rateHz, maxAgeMs }) {
	if (!rateHz)
		return Infinity; // events: never joined, so never cut
	const period = 1000 / rateHz;
	if (kind === 'chunks')
		return 8 * period;
	const steps = [];
	for (let i = 1; i < lines.n; i++)
		steps.push(lines.x[i] - lines.x[i - 1]);
	steps.sort((a, b) => a - b);
	return Math.max(2.5 * period, maxAgeMs ?? 0, 3 * (steps[steps.length >> 1] ?? 0));
}
