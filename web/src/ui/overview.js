// Where in all that was recorded one is: a strip from the oldest to now, with the span on screen marked.
// Pressing or dragging on it goes there. Keys do the same on the picture, so it is left out for screen
// readers.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { lengthText, spanText } from '../plot/timeaxis.js';
import { h, setAttr, setText } from './dom.js';

export class Overview {
	/** @param view TimeView */
	constructor(view) {
		this.view = view;
		this.window = h('div', { class: 'window' });
		this.track = h('div', { class: 'track' }, this.window);
		this.begin = h('span');
		this.el = h('div', { class: 'overview', 'aria-hidden': 'true', hidden: true }, this.begin, this.track, h('span', {}, 'now'));
		this.track.addEventListener('pointerdown', (event) => this.press(event));
		this.track.addEventListener('pointermove', (event) => this.held === event.pointerId && this.go(event));
		for (const type of ['pointerup', 'pointercancel'])
			this.track.addEventListener(type, () => (this.held = null));
	}

	press(event) {
		if (event.button !== 0)
			return;
		this.held = event.pointerId;
		if (event.isTrusted)
			this.track.setPointerCapture(event.pointerId);
		this.go(event);
	}

	/** Puts the middle of the span where the pointer is. */
	go(event) {
		const { left, width } = this.track.getBoundingClientRect(), { oldest, span } = this.view;
		const at = oldest + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (this.view.now() - oldest);
		this.view.move(at - span / 2, at + span / 2);
	}

	update({ from, to }) {
		const { oldest } = this.view, all = this.view.now() - oldest;
		this.el.hidden = !(all > 0) || to - from >= all;
		if (this.el.hidden)
			return;
		const percent = (part) => `${(100 * Math.min(1, Math.max(0, part))).toFixed(2)}%`;
		setAttr(this.window, 'style', `left: ${percent((from - oldest) / all)}; width: ${percent((to - from) / all)}`);
		setText(this.begin, `${lengthText(all)} ago`);
		setAttr(this.track, 'title', `Recorded: ${spanText(oldest, oldest + all)}`);
	}
}
