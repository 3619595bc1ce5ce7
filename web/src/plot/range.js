// The automatic y range: grows at once when the signal leaves it, shrinks only after the signal has
// been small for a while, so that the scale does not breathe with every hit.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const SHRINK_AFTER_MS = 2000;

function niceStep(span) {
	const raw = span / 5, power = 10 ** Math.floor(Math.log10(raw));
	return power * [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999);
}

export function niceRange(lo, hi) {
	if (!(hi > lo)) {
		const pad = Math.abs(lo) * 0.05 || 1;
		[lo, hi] = [lo - pad, lo + pad];
	}
	const step = niceStep(hi - lo);
	return [Math.floor(lo / step) * step, Math.ceil(hi / step) * step];
}

export class AutoRange {
	constructor() {
		this.reset();
	}

	reset() {
		this.range = null;
		this.smallSince = 0;
	}

	next(points, isHidden) {
		const [lo, hi] = extent(points, isHidden);
		if (lo > hi)
			return this.range ?? [0, 1];
		const wanted = niceRange(lo, hi), now = performance.now();
		const have = this.range;
		if (!have || lo < have[0] || hi > have[1]) {
			this.range = have ? niceRange(Math.min(lo, have[0]), Math.max(hi, have[1])) : wanted;
			this.smallSince = now;
		} else if (wanted[1] - wanted[0] > 0.7 * (have[1] - have[0])) {
			this.smallSince = now;
		} else if (now - this.smallSince > SHRINK_AFTER_MS) {
			this.range = wanted;
		}
		return this.range;
	}
}

function extent(points, isHidden) {
	let lo = Infinity, hi = -Infinity;
	for (let s = 0; s < points.series.length; s++) {
		if (isHidden(s))
			continue;
		const y = points.y[s];
		for (let i = 0; i < points.n; i++) {
			if (y[i] < lo)
				lo = y[i];
			if (y[i] > hi)
				hi = y[i];
		}
	}
	return [lo, hi];
}
