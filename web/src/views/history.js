// Time travel: any topic that is kept, from a year to a millisecond. The list of what is kept, the
// panel of the chosen topic, and what is to be said when there is nothing to see or nothing is kept.
// The address follows what is shown.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { historyHash, readHistoryHash } from '../data/address.js';
import { whatIsKept, writeWhatIsHeld } from '../net/history.js';
import { h, remembered, setAttr, setText } from '../ui/dom.js';
import { TimePanel } from '../ui/timepanel.js';

const LIST_MS = 10000;

export function history(app, root, name) {
	return new History(app, root, name);
}

class History {
	constructor(app, root, name) {
		Object.assign(this, { app, name, kept: null, recorder: null, error: null });
		this.title = name ? `History of ${name} - Outpost` : 'History - Outpost';
		this.headings = ['History', name ?? 'What was recorded'];
		this.where = readHistoryHash(location.hash);
		this.select = h('select', { id: 'history-topic', 'aria-label': 'Topic', onchange: () => this.choose(this.select.value) });
		this.warning = h('p', { class: 'strip', id: 'history-warning', role: 'status', hidden: true });
		this.clockWarning = h('p', { class: 'strip', id: 'clock-warning', role: 'status', hidden: true },
			h('strong', {}, 'The clock was not set '), 'when some of this was recorded: its times may be wrong. Order and durations are right.');
		this.damage = h('p', { class: 'strip', id: 'damage-warning', role: 'status', hidden: true },
			h('strong', {}, 'Some of this is damaged '), 'where it is stored, and left out.');
		this.main = h('div', { class: 'historymain' });
		this.head = h('div', { hidden: true }, this.select);
		root.append(h('div', { class: 'history' }, this.head, this.warning, this.clockWarning, this.damage, this.main));
		this.timer = setInterval(() => this.tick(), 1000);
		this.refresh();
		writeWhatIsHeld().then(() => this.gone || this.refresh()); // else up to a commit interval is missing
	}

	destroy() {
		clearInterval(this.timer);
		this.gone = true;
		this.panel?.destroy();
	}

	/** The address was changed from outside: a link, the browser's back button. */
	revisit() {
		this.where = readHistoryHash(location.hash);
		this.panel?.apply(this.where);
	}

	tick() {
		if (!document.hidden && this.app.link.state === 'connected' && performance.now() - (this.askedAt ?? -Infinity) > LIST_MS)
			this.refresh();
		if (!this.panel)
			this.explain();
		this.warn();
	}

	async refresh() {
		this.askedAt = performance.now();
		try {
			const { recorder, topics } = await whatIsKept();
			this.kept = topics.sort((a, b) => a.topic.localeCompare(b.topic));
			Object.assign(this, { recorder, error: null });
		} catch (error) {
			this.error = error;
		}
		if (!this.gone)
			this.update();
	}

	/* ---- which topic ------------------------------------------------------------------ */

	update() {
		const { kept, name } = this, info = kept?.find((t) => t.topic === name);
		if (kept?.length)
			this.fillSelect();
		if (!name && kept?.length)
			return location.replace(historyHash(this.usual(), this.where));
		if (info && this.panel)
			return this.panel.setInfo(info);
		if (info)
			return this.open(info);
		if (!this.panel)
			this.explain();
	}

	/** Which one to show who has not said: the one of last time, else the fastest. */
	usual() {
		const last = remembered.get('history.topic', ''), { kept } = this;
		return (kept.find((t) => t.topic === last) ?? kept.find((t) => t.kind === 'chunks') ?? kept[0]).topic;
	}

	fillSelect() {
		const names = this.kept.map((t) => t.topic), key = names.join();
		if (this.listed !== key)
			this.select.replaceChildren(...(names.includes(this.name) ? [] : [h('option', { value: '' }, 'Choose a topic\u2026')]),
				...names.map((n) => h('option', { value: n, selected: n === this.name }, n)));
		this.listed = key;
		this.head.hidden = !!this.panel;
	}

	/** Another topic, the same span of time. */
	choose(topic) {
		const { fields, marks, ...span } = this.panel?.address() ?? this.where;
		if (topic)
			location.hash = historyHash(topic, { ...span, marks });
	}

	open(info) {
		remembered.set('history.topic', info.topic);
		this.panel = new TimePanel(this.app, info, this.where, this.select);
		this.panel.addEventListener('address', () => this.setAddress());
		this.head.hidden = true; // the list of topics stands in the panel now
		this.main.replaceChildren(this.panel.el);
	}

	/** In place: a drag is no new page. Jumps are made by links, and make one. */
	setAddress() {
		const hash = historyHash(this.name, this.panel.address());
		if (hash !== location.hash)
			window.history.replaceState(null, '', hash);
	}

	/* ---- what is to be said ----------------------------------------------------------- */

	explain() {
		const [head, ...what] = this.explanation();
		const key = [head, ...what].join();
		if (this.explained !== key)
			this.main.replaceChildren(h('section', { class: 'panel hint' }, h('h3', {}, head), ...what.map((t) => h('p', { class: 'empty' }, t))));
		this.explained = key;
	}

	explanation() {
		const { kept, error, name } = this;
		if (!kept && !error)
			return ['Looking up what was recorded\u2026'];
		if (error && error.status === 0)
			return ['History is not reachable', 'The appliance does not answer. It is asked again every few seconds.'];
		if (error)
			return ['History cannot be read', error.message, 'It is tried again every few seconds.'];
		if (!kept.length && this.recorder && this.app.lights.complaint(this.recorder.service))
			return ['Nothing is kept yet', 'The recorder is not well, see above. What it holds appears here when that is mended.'];
		if (!kept.length)
			return ['Nothing is kept yet', this.recorder ? 'There is a recorder. What it keeps appears here a few seconds after it was published.'
				: 'This appliance runs no recorder. Add one to its file, with the topics to keep: see outpost-recorder(8).'];
		return [`${name} is not kept`, 'The recorder keeps only the topics it is told to: see outpost-recorder(8). Choose another one above.'];
	}

	/** What the recorder itself complains of: a full disk, or that it does not run. */
	warn() {
		const { kept, recorder } = this, known = kept && this.app.link.state === 'connected';
		const error = this.panel && (this.panel.tiles.error ?? this.error);
		const text = !known ? '' : error?.status ? `History cannot be read: ${error.message}. It is tried again.`
			: recorder ? this.app.lights.complaint(recorder.service) ?? ''
			: kept.length ? 'This appliance runs no recorder now: what is here is from before, nothing is added.' : '';
		setText(this.warning, text);
		this.warning.hidden = !text;
		this.clockWarning.hidden = !this.panel?.lines.unknownClock;
		this.damage.hidden = !this.panel?.lines.damaged;
		setAttr(this.select, 'aria-invalid', String(!!this.error));
	}
}
