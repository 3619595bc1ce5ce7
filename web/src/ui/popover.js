// The one box that opens below a button of the bar: a service's state, the alerts. A click beside it
// or Escape closes it.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { h, setAttr } from './dom.js';

const MARGIN = 8;

class Popover {
	/** Opens below a button, or closes if it is open there. fill() => [key, () => children]: what it
	 * shows; made anew only when the key changes. */
	toggle(button, label, fill) {
		if (this.button === button)
			return this.close();
		this.make();
		Object.assign(this, { button, fill, key: null });
		setAttr(this.el, 'aria-label', label);
		this.el.hidden = false;
		this.update();
		const box = button.getBoundingClientRect();
		const left = Math.max(MARGIN, Math.min(box.left, innerWidth - this.el.offsetWidth - MARGIN));
		this.el.style.left = `${left + scrollX}px`;
		this.el.style.top = `${box.bottom + 6 + scrollY}px`;
	}

	make() {
		if (this.el)
			return;
		this.el = h('div', { class: 'popover', role: 'dialog', hidden: true });
		document.body.append(this.el);
		document.addEventListener('click', (e) => e.composedPath().some((n) => n === this.button || n === this.el) || this.close());
		document.addEventListener('keydown', (e) => e.key === 'Escape' && this.close());
	}

	/** Called by whoever owns what is shown, when that may have changed. */
	update() {
		if (!this.button)
			return;
		if (!this.button.isConnected)
			return this.close();
		const [key, children] = this.fill();
		if (key === this.key)
			return;
		const focused = this.el.contains(document.activeElement) && document.activeElement.id;
		this.key = key;
		this.el.replaceChildren(...children());
		if (focused)
			document.getElementById(focused)?.focus();
	}

	close() {
		this.button = null;
		if (this.el)
			this.el.hidden = true;
	}
}

export const popover = new Popover();
