// Runs of equal values of one enum field, kept while records arrive: "from here to there the
// detector was in refractory". Drawing them then costs what is visible, not a scan of the ring.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

export class Spans {
	constructor(ring, field) {
		this.ring = ring;
		this.field = field;
		this.clear();
	}

	clear() {
		this.list = []; // {value, fromNs, toNs}, oldest first
		this.next = 0;
		this.epoch = this.ring.epoch;
	}

	/** Takes in what was appended since the last call, and forgets what the ring has forgotten. */
	update() {
		const { ring, list } = this;
		if (this.epoch !== ring.epoch)
			this.clear();
		const column = ring.columns[this.field];
		for (let p = Math.max(this.next, ring.start); p < ring.end; p++)
			this.take(column[p & ring.mask], ring.bootNs[p & ring.mask], p);
		this.next = ring.end;
		const oldest = ring.bootNs[ring.start & ring.mask];
		while (list.length > 1 && list[0].toNs < oldest)
			list.shift();
	}

	take(value, ns, position) {
		const list = this.list, last = list[list.length - 1];
		const joined = this.ring.joined(position);
		if (last && joined)
			last.toNs = ns;
		if (!last || last.value !== value || !joined)
			list.push({ value, fromNs: ns, toNs: ns });
	}
}
