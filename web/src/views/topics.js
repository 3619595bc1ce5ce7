// Any topic, drawn from its declaration: the list of what the appliance publishes, and for the
// chosen one its newest record, its numbers over time (one picture per unit, since volts and counts
// share no axis), and for slow topics the last records as a table.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { durationText, h, setAttr, setText } from '../ui/dom.js';
import { TopicPane } from './topic-pane.js';

const STATE_COLOUR = { live: 'ok', stale: 'warn', idle: 'off', dead: 'bad' };

export function topics(app, root, name) {
	return new Topics(app, root, name);
}

class Topics {
	constructor(app, root, name) {
		this.app = app;
		this.name = name;
		this.title = name ? `${name} - Outpost` : 'Topics - Outpost';
		this.headings = ['Outpost', name ?? 'Topics'];
		this.items = new Map();
		this.list = h('ul', { class: 'topiclist' });
		this.empty = h('p', { class: 'empty' }, 'No topic yet. Services announce theirs when they start.');
		this.main = h('div', { class: 'topicmain' });
		root.append(h('div', { class: `topics ${name ? 'chosen' : 'unchosen'}` },
			h('section', { class: 'panel topicpanel', 'aria-label': 'Topics' }, h('h3', {}, 'Topics'), this.empty, this.list), this.main));
		this.onTopics = () => this.refresh();
		app.catalogue.addEventListener('topics', this.onTopics);
		app.link.addEventListener('state', this.onTopics);
		if (name)
			this.pane = new TopicPane(app, this.main, name);
		else
			this.main.append(h('section', { class: 'panel hint' }, h('p', { class: 'empty' }, 'Choose a topic. Its fields, units and rate come from its own declaration.')));
		this.timer = setInterval(() => this.pane?.update(), 250);
		this.refresh();
	}

	destroy() {
		clearInterval(this.timer);
		this.app.catalogue.removeEventListener('topics', this.onTopics);
		this.app.link.removeEventListener('state', this.onTopics);
		this.pane?.destroy();
	}

	refresh() {
		const all = [...this.app.catalogue.topics].sort((a, b) => a.topic.localeCompare(b.topic));
		const names = all.map((t) => t.topic).join();
		if (names !== this.names) {
			this.names = names;
			this.items = new Map(all.map((t) => [t.topic, this.item(t)]));
			this.list.replaceChildren(...[...this.items.values()].map((i) => i.li));
		}
		for (const topic of all)
			this.describe(this.items.get(topic.topic), topic);
		this.empty.hidden = all.length > 0;
	}

	item({ topic }) {
		const dot = h('span', { class: 'dot', 'aria-hidden': 'true' }), rate = h('small');
		const link = h('a', { href: `#/topics/${encodeURIComponent(topic)}`, 'data-topic': topic,
			'aria-current': topic === this.name ? 'page' : null }, dot, h('span', { class: 'name' }, topic), rate);
		return { li: h('li', {}, link), link, rate };
	}

	/** What a topic does now: not known without a connection. */
	describe(item, t) {
		const here = this.app.link.state === 'connected', hz = t.measured_hz ?? 0;
		setAttr(item.link, 'data-colour', here && STATE_COLOUR[t.state] || 'off');
		const age = t.age_ms === null || t.age_ms === undefined ? '' : `${durationText(t.age_ms / 1000)} ago`;
		setText(item.rate, !here ? '' : hz >= 0.5 ? `${hz >= 10 ? hz.toFixed(0) : hz.toFixed(1)} Hz` : age);
		setAttr(item.link, 'title', `${t.schema?.help ?? ''} (${here ? t.state : 'not known'})`);
	}
}
