// The bar every view shares: headings, views, connection, theme; service lights; and the banner
// that says what is wrong and what to do about it.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { Alerts } from './alerts.js';
import { h, setAttr, setText } from './dom.js';
import { Lights } from './lights.js';
import { themeButton } from './theme.js';

const STATE_TEXT = { connecting: 'Connecting…', connected: 'Connected', disconnected: 'Disconnected' };

const TOKEN = 'outpost-token';
const hasToken = () => document.cookie.includes(`${TOKEN}=`);

export class Shell {
	constructor(app) {
		this.app = app;
		this.h1 = h('h1', {}, 'Outpost');
		this.h2 = h('h2', {}, 'Live view');
		this.dot = h('span', { id: 'status-dot', class: 'dot', 'aria-hidden': 'true' });
		this.text = h('span', { id: 'status-text' }, STATE_TEXT.connecting);
		this.status = h('div', { id: 'connection-status', class: 'pill', role: 'status', 'data-state': 'connecting' },
			this.dot, this.text);
		this.own = h('a', { href: '#/' }, 'Live');
		this.topics = h('a', { href: '#/topics' }, 'Topics');
		this.history = h('a', { href: '#/history' }, 'History');
		this.nav = h('nav', { 'aria-label': 'Views' }, this.own, this.topics, this.history);
		this.lights = new Lights(app);
		this.alerts = new Alerts(app);
		document.getElementById('top').append(
			h('div', { class: 'brand' }, this.h1, this.h2),
			h('div', { class: 'bar' }, h('div', { class: 'signals' }, this.lights.el, this.alerts.el), this.nav, this.status, themeButton()));
		this.banner = document.getElementById('banner');
		app.link.addEventListener('state', () => this.update());
		setInterval(() => this.update(), 500);
		this.update();
	}

	setHeadings([first, second]) {
		setText(this.h1, first);
		setText(this.h2, second);
	}

	/** @param view 'own', 'topics' or 'history' */
	navigate(view, hasOwn) {
		if (hasOwn)
			this.nav.prepend(this.own);
		else
			this.own.remove();
		for (const [name, link] of [['own', this.own], ['topics', this.topics], ['history', this.history]])
			setAttr(link, 'aria-current', name === view ? 'page' : 'false');
	}

	update() {
		const { link } = this.app;
		// While retries go on, "disconnected" stays: it must not flicker with each attempt.
		const state = link.state === 'connecting' && link.cause ? 'disconnected' : link.state;
		setAttr(this.status, 'data-state', state);
		setText(this.text, STATE_TEXT[state]);
		this.showBanner(state === 'disconnected' ? this.trouble() : null);
	}

	trouble() {
		const { link } = this.app;
		const left = Math.ceil((link.retryAt - performance.now()) / 1000);
		if (link.cause === 'locked')
			return { head: 'This appliance asks for its access token.', next: '', locked: true,
				what: hasToken() ? 'The one that was given is not right.' : 'Who set it up has it: services.web.token in its settings.' };
		const next = link.state === 'disconnected' && left > 0 ? `Next try in ${left} s.` : 'Trying now…';
		if (link.cause === 'busy')
			return { head: 'The appliance is busy.', next,
				what: 'It answers, but takes no further viewer now. Close a page that nobody watches, or raise services.web.max_clients.' };
		return { head: 'No connection to the appliance.', next,
			what: 'Check that it has power and that this device is on its network. What was received stays on screen.' };
	}

	showBanner(trouble) {
		this.banner.hidden = !trouble;
		if (!trouble)
			return;
		if (!this.bannerNext) {
			this.bannerHead = h('strong');
			this.bannerWhat = h('span');
			this.bannerNext = h('span', { class: 'next', 'aria-hidden': 'true' });
			this.retry = h('button', { type: 'button', onclick: () => this.app.link.retryNow() }, 'Try now');
			this.token = h('input', { type: 'password', name: 'token', 'aria-label': 'Access token', autocomplete: 'current-password', required: true });
			this.unlock = h('form', { onsubmit: (event) => this.open(event) }, this.token, ' ', h('button', {}, 'Open'));
			this.banner.append(h('p', {}, this.bannerHead, ' ', this.bannerWhat), this.bannerNext, this.retry, this.unlock);
		}
		this.retry.hidden = !!trouble.locked;
		this.unlock.hidden = !trouble.locked;
		setText(this.bannerHead, trouble.head);
		setText(this.bannerWhat, trouble.what);
		setText(this.bannerNext, trouble.next);
	}

	/** Neither a WebSocket nor a download can send the token but as a cookie; it ends with the browser. */
	open(event) {
		event.preventDefault();
		const { protocol, href } = location, path = new URL('.', href).pathname;
		document.cookie = `${TOKEN}=${encodeURIComponent(this.token.value)}; Path=${path}; SameSite=Strict${protocol === 'https:' ? '; Secure' : ''}`;
		location.reload();
	}
}
