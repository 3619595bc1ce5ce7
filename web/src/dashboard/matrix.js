// The light matrix of the board as it is now, eight by eight.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { h, setAttr } from '../ui/dom.js';

const DOTS = 64;

export class Matrix {
	constructor(root) {
		this.dots = Array.from({ length: DOTS }, () => h('i'));
		this.grid = h('div', { class: 'matrix', id: 'led', role: 'img', 'aria-label': 'Light matrix' }, ...this.dots);
		this.el = h('section', { class: 'panel lights', 'aria-labelledby': 'led-head' },
			h('h2', { id: 'led-head' }, 'LED MATRIX'), this.grid);
		root.append(this.el);
		this.show(null);
	}

	/** @param led 64 colours RRGGBB row by row from the top left, or null: not known */
	show(led) {
		if (led === this.shown)
			return;
		this.shown = led;
		setAttr(this.grid, 'data-known', led ? 'yes' : 'no');
		this.light(led ?? '');
		if (!led)
			setAttr(this.grid, 'aria-label', 'Light matrix, not known');
	}

	light(led) {
		let lit = 0;
		this.dots.forEach((dot, i) => {
			const rgb = led.slice(6 * i, 6 * i + 6), dark = !rgb || rgb === '000000';
			dot.style.backgroundColor = dark ? '' : `#${rgb}`;
			lit += dark ? 0 : 1;
		});
		setAttr(this.grid, 'aria-label', lit ? `Light matrix, ${lit} of 64 lights on` : 'Light matrix, dark');
	}
}
