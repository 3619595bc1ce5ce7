// Wheel, touch and keyboard on a waveform. A live picture changes its window length; anything that
// points at a place in time freezes it first. Mouse drag selects a span (uPlot does that part).
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

/** Zooms by factor (< 1: closer) around the given fraction of the width. */
export function zoom(plot, factor, at = 0.5) {
	if (!plot.frozen) {
		plot.setSeconds(plot.seconds * factor);
		return;
	}
	const { fromNs, toNs } = plot.frozen, centre = fromNs + at * (toNs - fromNs);
	plot.show(centre - (centre - fromNs) * factor, centre + (toNs - centre) * factor);
}

/** Moves the picture by a fraction of its width; freezes it. */
export function pan(plot, fraction) {
	plot.freeze();
	const { fromNs, toNs } = plot.frozen, by = fraction * (toNs - fromNs);
	plot.show(fromNs + by, toNs + by);
}

/** What the keys do, for people and for screen readers. */
export const KEY_HELP = 'Plus and minus zoom, arrow keys move, space pauses, End goes back to live.';

export function gestures(plot) {
	const over = plot.u.over;
	over.style.touchAction = 'pan-y';
	over.addEventListener('wheel', (event) => wheel(plot, event), { passive: false });
	over.addEventListener('dblclick', () => plot.goLive());
	touch(plot, over);
	if (plot.keyed)
		return;
	plot.keyed = true;
	plot.el.addEventListener('keydown', (event) => keys(plot, event));
}

function wheel(plot, event) {
	if (event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
		if (!event.ctrlKey) {
			event.preventDefault();
			return pan(plot, (event.deltaX || event.deltaY) / 800);
		}
	} else if (!plot.el.contains(document.activeElement) && !plot.frozen) {
		return; // let the page scroll past a plot nobody is working with
	}
	event.preventDefault();
	const box = plot.u.over.getBoundingClientRect();
	zoom(plot, Math.exp(Math.sign(event.deltaY) * Math.min(0.4, Math.abs(event.deltaY) / 400)),
		(event.clientX - box.left) / box.width);
}

const KEYS = {
	'+': (plot) => zoom(plot, 0.5),
	'=': (plot) => zoom(plot, 0.5),
	'-': (plot) => zoom(plot, 2),
	ArrowLeft: (plot) => pan(plot, -0.1),
	ArrowRight: (plot) => pan(plot, 0.1),
	PageUp: (plot) => pan(plot, -0.9),
	PageDown: (plot) => pan(plot, 0.9),
	Home: (plot) => pan(plot, -1e6),
	End: (plot) => plot.goLive(),
	Escape: (plot) => plot.goLive(),
};

function keys(plot, event) {
	const action = KEYS[event.key];
	if (!action || event.ctrlKey || event.metaKey || event.altKey)
		return;
	event.preventDefault();
	action(plot);
}

const SLOP_PX = 12; // a finger that moves less has tapped, or scrolls the page

/** One finger drags sideways (up and down scrolls the page), two fingers zoom. */
function touch(plot, over) {
	const fingers = new Map();
	let last = null, begun = null;
	const measure = () => {
		const xs = [...fingers.values()];
		const middle = xs.reduce((a, b) => a + b, 0) / xs.length;
		return { n: xs.length, middle, apart: xs.length > 1 ? Math.max(20, Math.abs(xs[0] - xs[1])) : 0 };
	};
	const begin = (event) => {
		if (event.pointerType !== 'touch')
			return;
		fingers.set(event.pointerId, event.clientX);
		begun = last = measure();
	};
	const move = (event) => {
		if (!fingers.has(event.pointerId))
			return;
		fingers.set(event.pointerId, event.clientX);
		const now = measure(), box = over.getBoundingClientRect();
		if (now.n === 1 && begun && Math.abs(now.middle - begun.middle) < SLOP_PX)
			return;
		begun = null;
		if (now.n === 2)
			zoom(plot, last.apart / now.apart, (now.middle - box.left) / box.width);
		if (plot.frozen || now.n === 1)
			pan(plot, (last.middle - now.middle) / box.width);
		last = now;
	};
	const end = (event) => {
		fingers.delete(event.pointerId);
		begun = last = fingers.size ? measure() : null;
	};
	over.addEventListener('pointerdown', begin);
	over.addEventListener('pointermove', move);
	over.addEventListener('pointerup', end);
	over.addEventListener('pointercancel', end);
}
