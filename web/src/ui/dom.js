// Small help for making elements, remembering choices and telling the time.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

/** h('button', {class: 'x', onclick: f, 'aria-label': 't'}, 'text', child, ...) */
export function h(tag, props = {}, ...children) {
	const el = document.createElement(tag);
	for (const [key, value] of Object.entries(props)) {
		if (key.startsWith('on'))
			el.addEventListener(key.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			el.setAttribute(key, value === true ? '' : value);
	}
	el.append(...children.filter((c) => c !== null && c !== undefined));
	return el;
}

/** Sets text only if it differs: most of what a page shows each second has not changed. */
export function setText(el, text) {
	if (el.textContent !== text)
		el.textContent = text;
}

export function setAttr(el, name, value) {
	if (el.getAttribute(name) !== value)
		el.setAttribute(name, value);
}

/** A choice that survives the visit, where the browser allows it. */
export const remembered = {
	get(key, fallback) {
		try {
			return localStorage.getItem(`outpost.${key}`) ?? fallback;
		} catch {
			return fallback;
		}
	},
	set(key, value) {
		try {
			localStorage.setItem(`outpost.${key}`, value);
		} catch {
			// private mode: it holds for this visit
		}
	},
};

/** One of several: a row of buttons of which one is pressed. */
export function choice(label, options, chosen, onchoose) {
	const row = h('div', { class: 'choice', role: 'group', 'aria-label': label });
	const buttons = options.map(([value, text, title]) =>
		h('button', { type: 'button', 'data-value': value, title: title ?? null, onclick: () => onchoose(value) }, text));
	row.append(...buttons);
	row.choose = (value) => buttons.forEach((b) =>
		setAttr(b, 'aria-pressed', String(b.dataset.value === String(value))));
	row.choose(chosen);
	return row;
}

const two = (n) => String(n).padStart(2, '0');

/** Local time of day with milliseconds. */
export function clockText(ms) {
	const d = new Date(ms);
	return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}

/** A duration for people: 0.4 s, 12 s, 3 min 5 s, 2 h 7 min, 4 d 3 h. */
export function durationText(seconds) {
	if (!Number.isFinite(seconds))
		return 'never';
	const s = Math.floor(seconds);
	if (seconds < 10)
		return `${seconds.toFixed(1)} s`;
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** RFC 3339 in UTC with milliseconds, as the appliance writes it. */
export const rfc3339 = (wallMs) => new Date(Math.floor(wallMs)).toISOString();

export function download(name, blob) {
	const url = URL.createObjectURL(blob);
	const a = h('a', { href: url, download: name });
	document.body.append(a);
	a.click();
	a.remove();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}
