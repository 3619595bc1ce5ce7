// Minimum and maximum per pixel column: a 30 s window of an 800 Hz topic is 24,000 records, a phone
// has 390 pixels. Every peak survives, and a frame costs what the screen has, not what the sensor
// sends. Columns are aligned to absolute positions, so that a moving waveform does not shimmer.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const CUTS = 64; // silences within the picture that get their exact place

/** Room for the points of one plot; grows, never shrinks, and is used again for every frame. */
export class Points {
	constructor(series) {
		this.series = series;
		this.reserve(4096);
	}

	reserve(n) {
		if (this.x && this.x.length >= n)
			return;
		this.x = new Float64Array(n);
		this.y = this.series.map(() => new Float32Array(n));
		this.gaps = []; // indices into x whose line to the point before is broken
		this.n = 0;
	}
}

/**
 * Fills points with what the ring holds from position p0 up to, not including, p1.
 * x is in seconds relative to originNs. A hole in the sequence, or a silence, breaks the line.
 */
export function decimate(ring, p0, p1, columns, originNs, points) {
	const count = Math.max(0, p1 - p0);
	const per = Math.max(1, Math.ceil(count / Math.max(1, columns)));
	points.reserve(Math.min(count, 2 * (columns + 2)) + 2 * CUTS + 8);
	points.n = 0;
	points.gaps.length = 0;
	if (per <= 2)
		copyAll(ring, p0, p1, originNs, points);
	else
		fillColumns(ring, p0, p1, per, originNs, points);
	return points;
}

function copyAll(ring, p0, p1, originNs, points) {
	const { mask, bootNs } = ring;
	points.reserve(p1 - p0 + 8);
	for (let p = p0, n = 0; p < p1; p++, n++) {
		const at = p & mask;
		if (p > p0 && !ring.joined(p))
			points.gaps.push(n);
		points.x[n] = (bootNs[at] - originNs) * 1e-9;
		for (let s = 0; s < points.series.length; s++)
			points.y[s][n] = ring.columns[points.series[s]][at];
		points.n = n + 1;
	}
}

function fillColumns(ring, p0, p1, per, originNs, points) {
	const { mask, seq } = ring;
	let n = 0, cuts = 0;
	for (let a = p0; a < p1;) {
		let b = Math.min(p1, (Math.floor(a / per) + 1) * per);
		if (cuts < CUTS && silent(ring, a, b)) {
			b = silenceEnd(ring, a, b);
			cuts++;
		}
		const hole = a > p0 && !ring.joined(a);
		const holeWithin = seq[(b - 1) & mask] - seq[a & mask] !== b - 1 - a;
		if (hole || (holeWithin && n > 0))
			points.gaps.push(n);
		putColumn(ring, a, b, originNs, points, n);
		n += 2;
		a = b;
	}
	points.n = n;
}

/** Whether records a ... b-1 took longer than they and one longest step may. */
function silent({ bootNs, mask, stepNs, periodNs }, a, b) {
	return bootNs[(b - 1) & mask] - bootNs[a & mask] > stepNs + (b - 1 - a) * periodNs;
}

/** The first record after a silence between a and b; b if there is none. */
function silenceEnd({ bootNs, mask, stepNs }, a, b) {
	for (let p = a + 1; p < b; p++)
		if (bootNs[p & mask] - bootNs[(p - 1) & mask] > stepNs)
			return p;
	return b;
}

/** Two points for records a ... b-1: the lowest and the highest, in the order they came. */
function putColumn(ring, a, b, originNs, points, n) {
	const { mask, bootNs } = ring;
	const t0 = (bootNs[a & mask] - originNs) * 1e-9, t1 = (bootNs[(b - 1) & mask] - originNs) * 1e-9;
	points.x[n] = t0;
	points.x[n + 1] = Math.max(t0, (t0 + t1) / 2);
	for (let s = 0; s < points.series.length; s++) {
		const column = ring.columns[points.series[s]];
		let min = column[a & mask], max = min, minAt = a, maxAt = a;
		for (let p = a + 1; p < b; p++) {
			const v = column[p & mask];
			if (v < min) {
				min = v;
				minAt = p;
			} else if (v > max) {
				max = v;
				maxAt = p;
			}
		}
		points.y[s][n] = minAt <= maxAt ? min : max;
		points.y[s][n + 1] = minAt <= maxAt ? max : min;
	}
}
