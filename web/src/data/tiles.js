// History as tiles: spans whose width is a power of two milliseconds and whose begin is a multiple
// of it, so that what was fetched once serves every picture that touches it. A picture takes the
// tiles just narrower than itself; where one is still on its way, a wider or narrower one that is
// here takes its place, so nothing flickers. What nobody looks at any more is not waited for.
//
// Tiles that reach beyond what is in store are asked for again when more is. Where records themselves
// were deleted, the coarser points there are come from a wider tile ("lift").
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const LIMIT = 96; // tiles kept
const AT_ONCE = 3;
const BACKOFF_MS = [1000, 2000, 4000, 8000];
const UP = 12, DOWN = 3; // how far stand-ins are looked for
const LIFT_MAX = 32; // 2^32 ms are 50 days
const POINTS_MIN = 4; // with fewer a tile says nothing

const width = (k) => 2 ** k;
const keyOf = (k, i) => `${k}/${i}`;

/** The exponent of the tiles for a span: at least two of them fill it. */
export const tileSize = (spanMs) => Math.ceil(Math.log2(spanMs / 2));

const clip = (parts, from, to) => parts.map((p) => ({ ...p, from: Math.max(p.from, from), to: Math.min(p.to, to) }))
	.filter((p) => p.from < p.to);

export class Tiles extends EventTarget {
	/**
	 * @param load ({from, to, points, fields}, signal) => Promise of what historyPoints() gives
	 * @param now () => wall milliseconds of the appliance
	 */
	constructor(load, now, clock = () => performance.now()) {
		super();
		Object.assign(this, { load, now, clock });
		this.oldest = -Infinity; // there is nothing before
		this.rawFrom = -Infinity; // records before this have been deleted
		this.stored = -Infinity; // all up to here is in store
		this.least = 0; // ms: narrower tiles would hold hardly a record
		this.fields = [];
		this.points = 1000;
		this.clear();
	}

	clear() {
		for (const { controller } of this.asked?.values() ?? [])
			controller.abort();
		this.tiles = new Map(); // key -> tile, least recently used first
		this.asked = new Map(); // key -> {controller, tile}
		this.failed = new Map(); // key -> {times, at, error}
		this.error = null; // of the last answer
	}

	tile(k, i) {
		return this.tiles.get(keyOf(k, i)) ?? null;
	}

	has(tile) {
		return !!tile && this.fields.every((f) => tile.fields[f]);
	}

	/** More of its time is in store than was when it was asked for; or it was for a smaller screen. */
	isStale(tile) {
		const end = (tile.i + 1) * width(tile.k);
		return 1.5 * tile.points < this.points || (tile.stored < end && tile.stored < this.stored);
	}

	/* ---- which ------------------------------------------------------------------------ */

	/** The tiles that a span needs, as {k, i, from, to}, rising: each serves from ... to, the whole of it
	 * unless it is there in place of narrower ones. */
	needed({ from, to }) {
		const k = tileSize(Math.max(to - from, 2 * this.least)), w = width(k), list = [];
		const end = Math.min(to, this.now());
		for (let i = Math.floor(Math.max(from, this.oldest) / w); i * w < end; i++) {
			const [up, at] = this.lifted(k, i), last = list[list.length - 1];
			if (last?.k === up && last.i === at)
				last.to = (i + 1) * w;
			else
				list.push({ k: up, i: at, from: i * w, to: (i + 1) * w });
		}
		return list;
	}

	/** The tile itself; or the wider one that has every record of it, or what is left of its time. */
	lifted(k, i) {
		const tile = this.tile(k, i), deleted = (i + 1) * width(k) <= this.rawFrom;
		const up = !tile && this.wholeAbove(k, i) || (!deleted || k >= LIFT_MAX ? 0 : tile ? this.liftOf(tile) : this.knownLift(k, i));
		return up ? this.lifted(k + up, Math.floor(i / width(up))) : [k, i];
	}

	/** How much wider the tile is that holds every single record already; 0: there is none. */
	wholeAbove(k, i) {
		for (let up = 1; up <= UP; up++) {
			const tile = this.tile(k + up, Math.floor(i / width(up)));
			if (tile?.bucketMs === 0 && tile.t.length && this.has(tile))
				return up;
		}
		return 0;
	}

	/** How much wider a tile must be to have something to say, as this one tells. */
	liftOf({ k, t, bucketMs }) {
		if (t.length >= POINTS_MIN || (t.length && bucketMs <= width(k) / POINTS_MIN))
			return 0;
		return t.length ? Math.max(1, Math.ceil(Math.log2(64 * bucketMs / width(k)))) : 6;
	}

	/** The same for a tile that is not here: as a wider one tells whose points are not as fine as asked. */
	knownLift(k, i) {
		for (let up = 1; up <= UP; up++) {
			const tile = this.tile(k + up, Math.floor(i / width(up)));
			if (tile && tile.bucketMs > 2 * width(tile.k) / tile.points && tile.bucketMs > width(k) / POINTS_MIN)
				return up;
		}
		return 0;
	}

	/**
	 * Looks after a span: what is missing is asked for, nearest to the middle first, then one
	 * neighbour on each side; what is asked for in vain is called off.
	 */
	want(span, points, fields) {
		this.points = points;
		this.fields = fields;
		const shown = this.needed(span), middle = (span.from + span.to) / 2;
		const away = ({ from, to }) => Math.abs((from + to) / 2 - middle);
		const missing = shown.filter((n) => this.lacks(n)).sort((a, b) => away(a) - away(b));
		const here = shown.every(({ k, i }) => this.tile(k, i));
		const near = missing.length || !here ? [] : this.neighbours(shown).filter((n) => !this.tile(n.k, n.i) && this.lacks(n));
		this.callOff([...missing, ...near]);
		for (const n of missing)
			this.ask(n.k, n.i);
		if (!this.asked.size && near.length)
			this.ask(near[0].k, near[0].i);
		this.loading = missing.length > 0 && shown.some(({ k, i }) => !this.has(this.tile(k, i)));
	}

	lacks({ k, i }) {
		const failed = this.failed.get(keyOf(k, i)), tile = this.tile(k, i);
		if (failed && this.clock() < failed.at)
			return false;
		return !this.has(tile) || this.isStale(tile);
	}

	neighbours(shown) {
		if (!shown.length)
			return [];
		const first = shown[0], last = shown[shown.length - 1];
		const sides = [{ k: last.k, i: last.i + 1 }, { k: first.k, i: first.i - 1 }];
		return sides.filter(({ k, i }) => i * width(k) < this.now() && (i + 1) * width(k) > this.oldest);
	}

	/* ---- asking ----------------------------------------------------------------------- */

	callOff(wanted) {
		const keys = new Set(wanted.map(({ k, i }) => keyOf(k, i)));
		for (const [key, { controller }] of this.asked) {
			if (keys.has(key))
				continue;
			this.asked.delete(key);
			controller.abort();
		}
	}

	ask(k, i) {
		const key = keyOf(k, i), { fields } = this, same = this.asked.get(key);
		if (same && fields.every((f) => same.fields.includes(f)))
			return;
		if (this.asked.size >= AT_ONCE && !same)
			return;
		same?.controller.abort();
		const controller = new AbortController(), from = i * width(k), asked = { controller, fields };
		this.asked.set(key, asked);
		const { points, stored } = this;
		this.load({ from, to: from + width(k), points, fields }, controller.signal)
			.then((answer) => this.asked.get(key) === asked && this.arrived(key, { k, i, points, stored, ...answer }))
			.catch((error) => this.asked.get(key) === asked && this.missed(key, error));
	}

	arrived(key, tile) {
		this.asked.delete(key);
		this.failed.delete(key);
		this.error = null;
		this.tiles.delete(key);
		this.tiles.set(key, tile);
		for (const old of this.tiles.keys()) {
			if (this.tiles.size <= LIMIT)
				break;
			this.tiles.delete(old);
		}
		this.dispatchEvent(new Event('change'));
	}

	missed(key, error) {
		this.asked.delete(key);
		const times = (this.failed.get(key)?.times ?? 0) + 1;
		const wait = Math.max(error.retryMs ?? 0, BACKOFF_MS[Math.min(times, BACKOFF_MS.length) - 1]);
		this.failed.set(key, { times, at: this.clock() + wait });
		this.error = error;
		this.dispatchEvent(new Event('change'));
	}

	/* ---- what to draw ----------------------------------------------------------------- */

	/** The best there is for a span: [{tile, from, to}], rising, each to be drawn from ... to. */
	cover(span) {
		return this.needed(span).flatMap((n) => this.best(n));
	}

	best({ k, i, from, to }) {
		const own = this.tile(k, i);
		if (own)
			return this.use([{ tile: own, from, to }]);
		const parts = this.below(k, i, DOWN);
		if (parts)
			return this.use(clip(parts, from, to));
		for (let up = 1; up <= UP; up++) {
			const tile = this.tile(k + up, Math.floor(i / width(up)));
			if (tile)
				return this.use([{ tile, from, to }]);
		}
		return this.use(clip(this.below(k, i, 1, true) ?? [], from, to));
	}

	/** The same span from narrower tiles; null unless they fill it (or some is enough). */
	below(k, i, depth, some = false) {
		const parts = [2 * i, 2 * i + 1].map((j) => {
			const tile = this.tile(k - 1, j);
			if (tile)
				return [{ tile, from: j * width(k - 1), to: (j + 1) * width(k - 1) }];
			return depth > 1 ? this.below(k - 1, j, depth - 1) : null;
		});
		if (some ? parts.every((p) => !p) : parts.some((p) => !p))
			return null;
		return parts.filter(Boolean).flat();
	}

	use(parts) {
		for (const { tile } of parts) {
			const key = keyOf(tile.k, tile.i);
			this.tiles.delete(key);
			this.tiles.set(key, tile);
		}
		return parts;
	}
}
