// What the appliance is and has: its name and services from /health, its topics from /api/topics.
// Asked for again every few seconds while the page is visible, and at once after a reconnection.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const PERIOD_MS = 5000;

export class Catalogue extends EventTarget {
	constructor(link) {
		super();
		this.appliance = '';
		this.services = []; // names, in the order of /health
		this.topics = [];
		this.health = null;
		this.link = link;
		this.refresh();
		setInterval(() => this.tick(), PERIOD_MS);
		link.addEventListener('state', () => link.state === 'connected' && this.refresh());
	}

	/** Once the appliance is known, there is no use in asking while the link is down. */
	tick() {
		if (!document.hidden && (this.link.state === 'connected' || !this.appliance))
			this.refresh();
	}

	async refresh() {
		const [appliance] = await Promise.all([this.readHealth(), this.readTopics()]);
		if (!appliance || appliance === this.appliance)
			return;
		this.appliance = appliance;
		this.dispatchEvent(new Event('appliance'));
	}

	async json(path) {
		try {
			const answer = await fetch(path, { cache: 'no-store' });
			return await answer.json(); // /health says 503 with the same body when something failed
		} catch {
			return null; // the link says that nobody answers
		}
	}

	/** @returns {Promise<string>} the appliance's name; '' if nobody answered */
	async readHealth() {
		const health = await this.json('health');
		if (!health?.services)
			return '';
		this.health = health;
		const names = Object.keys(health.services);
		if (names.join() !== this.services.join()) {
			this.services = names;
			this.dispatchEvent(new Event('services'));
		}
		return health.appliance;
	}

	async readTopics() {
		const answer = await this.json('api/topics');
		if (!answer?.topics)
			return;
		this.topics = answer.topics;
		this.dispatchEvent(new Event('topics'));
	}
}
