// What the sensor hub draws beneath and above its waveform: phases of the detector as shading, the
// threshold as it was in force, hits at the sample that triggered them.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const SHADES = { settling: '--shade-settling', capture: '--shade-capture', pulse: '--shade-pulse', refractory: '--shade-hold', wait: '--shade-hold' };

function clipped(plot, ctx, draw) {
	const { left, top, width, height } = plot.u.bbox;
	ctx.save();
	ctx.beginPath();
	ctx.rect(left, top, width, height);
	ctx.clip();
	draw(left, top, width, height);
	ctx.restore();
}

export function drawPhases(plot, ctx, spans, ring) {
	const labels = ring.fields.find((f) => f.name === 'phase')?.labels ?? [];
	const { fromNs, toNs } = plot.drawn;
	clipped(plot, ctx, (left, top, width, height) => {
		for (let i = spans.list.length - 1; i >= 0; i--) {
			const span = spans.list[i], shade = SHADES[labels[span.value]];
			if (span.toNs < fromNs)
				break;
			if (!shade || span.fromNs > toNs)
				continue;
			const x0 = plot.xOf(span.fromNs);
			ctx.fillStyle = plot.ink(shade);
			ctx.fillRect(x0, top, Math.max(1, plot.xOf(span.toNs) - x0), height);
		}
	});
}

/** A dashed line, with a step where pbt.stats says that the setting was changed. */
export function drawThreshold(plot, ctx, ring, now) {
	const { fromNs, toNs } = plot.drawn;
	clipped(plot, ctx, (left, top, width) => {
		ctx.strokeStyle = plot.ink('--threshold');
		ctx.lineWidth = 1.5 * devicePixelRatio;
		ctx.setLineDash([10 * devicePixelRatio, 5 * devicePixelRatio]);
		ctx.beginPath();
		let level = ring?.end ? ring.value('threshold', ring.start) : now;
		ctx.moveTo(left, plot.yOf(level));
		for (let p = ring?.start ?? 0; p < (ring?.end ?? 0); p++) {
			const next = ring.value('threshold', p), ns = ring.bootNs[p & ring.mask];
			if (next === level)
				continue;
			if (ns > fromNs && ns < toNs) {
				ctx.lineTo(plot.xOf(ns), plot.yOf(level));
				ctx.lineTo(plot.xOf(ns), plot.yOf(next));
			} else if (ns <= fromNs) {
				ctx.moveTo(left, plot.yOf(next));
			}
			level = next;
		}
		ctx.lineTo(left + width, plot.yOf(level));
		ctx.stroke();
	});
}

export function drawHits(plot, ctx, hits, selected) {
	const { fromNs, toNs } = plot.drawn, px = devicePixelRatio;
	clipped(plot, ctx, (left, top, width, height) => {
		ctx.textAlign = 'left';
		ctx.textBaseline = 'alphabetic';
		let next = Infinity; // labels go from right to left and skip where they would overlap
		for (const hit of hits) { // newest first
			if (!hit.triggerNs || hit.triggerNs > toNs || hit.fireNs < fromNs)
				continue;
			const x = plot.xOf(hit.triggerNs), fire = plot.xOf(hit.fireNs);
			drawHit(plot, ctx, hit, { x, fire, top, height, px, strong: hit === selected });
			const text = `#${hit.number}  ${hit.peak.toFixed(0)}`;
			ctx.font = `600 ${11 * px}px system-ui, sans-serif`;
			const wide = ctx.measureText(text).width;
			const end = Math.min(next, left + width);
			next = x; // its flag stands there, labelled or not
			if (x + wide + 14 * px > end)
				continue;
			ctx.fillStyle = plot.ink(hit === selected ? '--ink' : '--muted');
			ctx.fillText(text, x + 8 * px, top + 12 * px);
		}
	});
}

/** The line at the trigger sample, a flag, and the peak as a level from trigger to fire. */
function drawHit(plot, ctx, hit, { x, fire, top, height, px, strong }) {
	ctx.globalAlpha = strong ? 1 : 0.55;
	ctx.strokeStyle = ctx.fillStyle = plot.ink('--ink');
	ctx.lineWidth = px;
	ctx.setLineDash([]);
	ctx.beginPath();
	ctx.moveTo(x, top);
	ctx.lineTo(x, top + height);
	ctx.stroke();
	ctx.globalAlpha = 1;
	ctx.beginPath();
	ctx.moveTo(x, top + 3 * px);
	ctx.lineTo(x + 6 * px, top + 8 * px);
	ctx.lineTo(x, top + 13 * px);
	ctx.fill();
	const y = plot.yOf(hit.peak);
	ctx.strokeStyle = plot.ink('--envelope');
	ctx.lineWidth = 2 * px;
	ctx.beginPath();
	ctx.moveTo(x, y);
	ctx.lineTo(Math.max(fire, x + 7 * px), y);
	ctx.stroke();
}
