// Dark or light: as the system says, until the button is pressed; pressing on comes back to that.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { h, remembered, setAttr } from './dom.js';

const LINES = ['--raw', '--envelope', '--threshold', '--line4', '--line5', '--line6'];

/** The colour of a field: what the appliance's own view gives it, else by its place. */
export const lineColour = (app, topic, field, place) => app.colours?.[topic]?.[field] ?? LINES[place % LINES.length];

const ORDER = ['auto', 'light', 'dark'];
const SIGNS = { auto: '◐', light: '☀', dark: '☾' };
const system = matchMedia('(prefers-color-scheme: dark)');
let theme = remembered.get('theme', 'auto');

const isDark = () => theme === 'dark' || (theme === 'auto' && system.matches);

function apply() {
	const root = document.documentElement;
	root.dataset.theme = isDark() ? 'dark' : 'light';
	const ground = getComputedStyle(root).getPropertyValue('--ground').trim();
	document.querySelector('meta[name=theme-color]')?.setAttribute('content', ground);
	window.dispatchEvent(new Event('themechange'));
}

system.addEventListener('change', apply);
apply();

export function themeButton() {
	const button = h('button', { type: 'button', class: 'icon', id: 'theme-btn' });
	const show = () => {
		button.textContent = SIGNS[theme];
		const text = `Colours: ${theme === 'auto' ? 'as the system' : theme}`;
		setAttr(button, 'aria-label', text);
		setAttr(button, 'title', text);
	};
	button.addEventListener('click', () => {
		theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
		remembered.set('theme', theme);
		apply();
		show();
	});
	show();
	return button;
}
