// What is shown, as a file: every record of the span on screen as CSV (not the decimated points),
// or the picture with its legend and time as PNG.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { exactText } from './net/schema.js';
import { download, rfc3339 } from './ui/dom.js';

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Records p0 ... p1-1 of a ring, laid out as `outpost tap --csv` does. */
export function csvText(ring, p0, p1, clock) {
	const lines = [['seq', 'boot_ns', 'time', ...ring.fields.map((f) => quoted(f.name))].join(',')];
	for (let p = p0; p < p1; p++) {
		const at = p & ring.mask, bootNs = ring.bootNs[at];
		lines.push([ring.seq[at], bootNs, rfc3339(clock.wallMs(bootNs)),
			...ring.fields.map((f) => quoted(exactText(f, ring.columns[f.name][at])))].join(','));
	}
	return `${lines.join('\r\n')}\r\n`;
}

function fileName(topic, wallMs, ending) {
	return `${topic}_${rfc3339(wallMs).slice(0, 19).replaceAll(':', '-')}Z.${ending}`;
}

/** Saves the records within a time span. Returns how many. */
export function saveCsv(ring, fromNs, toNs, clock) {
	const p0 = ring.lowerBound(ring.bootNs, fromNs), p1 = ring.lowerBound(ring.bootNs, toNs);
	const blob = new Blob([csvText(ring, p0, p1, clock)], { type: 'text/csv' });
	download(fileName(ring.schema.topic, clock.wallMs(fromNs), 'csv'), blob);
	return p1 - p0;
}

/** Saves a WavePlot as it stands. */
export function savePng(plot, title, legend, clock) {
	const { fromNs, toNs } = plot.span(), topic = plot.ring?.schema.topic ?? 'topic';
	savePicture([plot], { title, legend, topic, from: clock.wallMs(fromNs), to: clock.wallMs(toNs) });
}

/** Saves pictures of one time span, one above the other, with title, wall time and legend ([{label,
 * color}]) above them. */
export function savePicture(plots, { title, legend, topic, from, to }) {
	const sources = plots.map((p) => p.u.ctx.canvas), scale = devicePixelRatio, head = 52 * scale;
	const canvas = document.createElement('canvas'), [plot] = plots;
	canvas.width = sources[0].width;
	canvas.height = sources.reduce((sum, s) => sum + s.height, head);
	const c = canvas.getContext('2d');
	c.fillStyle = plot.color('--panel');
	c.fillRect(0, 0, canvas.width, canvas.height);
	let y = head;
	for (const source of sources) {
		c.drawImage(source, 0, y);
		y += source.height;
	}
	c.scale(scale, scale);
	drawHead(c, plot, { title, legend, from, to, right: canvas.width / scale - 14 });
	canvas.toBlob((blob) => download(fileName(topic, to, 'png'), blob), 'image/png');
}

function drawHead(c, plot, { title, legend, from, to, right }) {
	c.fillStyle = plot.color('--ink');
	c.font = '600 14px system-ui, sans-serif';
	c.fillText(title, 14, 22);
	c.font = '12px system-ui, sans-serif';
	let x = 14;
	for (const { label, color } of legend) {
		c.fillStyle = plot.color(color);
		c.fillRect(x, 37, 14, 3);
		c.fillStyle = plot.color('--muted');
		c.fillText(label, x + 19, 42);
		x += 33 + c.measureText(label).width;
	}
	c.textAlign = 'right';
	c.fillText(`${rfc3339(from)} … ${rfc3339(to).slice(to - from < 86400e3 ? 11 : 0)}`, right, 22);
}
