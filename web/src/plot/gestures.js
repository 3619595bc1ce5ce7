// Wheel, fingers, mouse and keyboard on a picture of time. What they do there is the plot's own:
// zoomBy(factor, at), panBy(fraction of the width), home(), back(), goLive(). A plot that drags with
// the mouse (dragPans) also takes the wheel without being in use; the others leave the mouse to
// uPlot, which selects a span.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

/** What the keys do, for people and for screen readers. */
export const KEY_HELP = 'Plus and minus zoom, arrow keys move, space pauses, End goes back to live.';

export function gestures(plot) {
	const over = plot.u.over;
	over.style.touchAction = 'pan-y';
	over.addEventListener('wheel', (event) => wheel(plot, event), { passive: false });
	const taps = touch(plot, over);
	over.addEventListener('dblclick', (event) => event.timeStamp - taps.backAt > 1000 && plot.back());
	if (plot.keyed)
		return;
	plot.keyed = true;
	plot.el.addEventListener('keydown', (event) => keys(plot, event));
}

function wheel(plot, event) {
	if (event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
		if (!event.ctrlKey) {
			event.preventDefault();
			return plot.panBy((event.deltaX || event.deltaY) / 800);
		}
	} else if (!plot.el.contains(document.activeElement) && !plot.frozen && !plot.dragPans) {
		return; // let the page scroll past a plot nobody is working with
	}
	event.preventDefault();
	const box = plot.u.over.getBoundingClientRect();
	plot.zoomBy(Math.exp(Math.sign(event.deltaY) * Math.min(0.4, Math.abs(event.deltaY) / 400)),
		(event.clientX - box.left) / box.width);
}

const KEYS = {
	'+': (plot) => plot.zoomBy(0.5),
	'=': (plot) => plot.zoomBy(0.5),
	'-': (plot) => plot.zoomBy(2),
	ArrowLeft: (plot) => plot.panBy(-0.1),
	ArrowRight: (plot) => plot.panBy(0.1),
	PageUp: (plot) => plot.panBy(-0.9),
	PageDown: (plot) => plot.panBy(0.9),
	Home: (plot) => plot.home(),
	Backspace: (plot) => plot.back(),
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
const SLOP_MOUSE_PX = 3;
const DOUBLE_TAP_MS = 350;

/** One finger, or a mouse that drags, moves sideways (up and down scrolls the page); two fingers zoom. */
function touch(plot, over) {
	const fingers = new Map(), taps = { at: -Infinity, backAt: -Infinity };
	let last = null, begun = null;
	const measure = () => {
		const xs = [...fingers.values()];
		const middle = xs.reduce((a, b) => a + b, 0) / xs.length;
		return { n: xs.length, middle, apart: xs.length > 1 ? Math.max(20, Math.abs(xs[0] - xs[1])) : 0 };
	};
	const begin = (event) => {
		const drags = plot.dragPans && event.button === 0;
		if (event.pointerType !== 'touch' && !drags)
			return;
		if (drags && event.isTrusted)
			over.setPointerCapture(event.pointerId); // goes on outside of the picture
		fingers.set(event.pointerId, event.clientX);
		begun = last = measure();
	};
	const move = (event) => {
		if (!fingers.has(event.pointerId))
			return;
		fingers.set(event.pointerId, event.clientX);
		const now = measure(), box = over.getBoundingClientRect();
		const slop = event.pointerType === 'touch' ? SLOP_PX : SLOP_MOUSE_PX;
		if (now.n === 1 && begun && Math.abs(now.middle - begun.middle) < slop)
			return;
		begun = null;
		if (now.n === 2)
			plot.zoomBy(last.apart / now.apart, (now.middle - box.left) / box.width);
		if (plot.frozen || now.n === 1)
			plot.panBy((last.middle - now.middle) / box.width);
		last = now;
	};
	const tapped = (event) => {
		const twice = event.timeStamp - taps.at < DOUBLE_TAP_MS;
		taps.at = twice ? -Infinity : event.timeStamp;
		if (!twice)
			return;
		taps.backAt = event.timeStamp; // some browsers also say dblclick
		plot.back();
	};
	const end = (event) => {
		if (event.type === 'pointerup' && event.pointerType === 'touch' && begun?.n === 1)
			tapped(event);
		fingers.delete(event.pointerId);
		begun = last = fingers.size ? measure() : null;
	};
	over.addEventListener('pointerdown', begin);
	over.addEventListener('pointermove', move);
	over.addEventListener('pointerup', end);
	over.addEventListener('pointercancel', end);
	return taps;
}
