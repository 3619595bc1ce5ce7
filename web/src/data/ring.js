// The last records of one topic, one typed array per field. Records are appended from frames; the
// oldest are overwritten. Positions are absolute (0, 1, 2 ... since the ring was made or cleared),
// so that a view can hold on to one while the ring moves on: position p lives in slot p & mask.
//
// Sequence numbers rise strictly within the ring. What the server sends twice (backlog after a new
// subscription) is skipped; a topic that starts again (new bus, rebooted host) clears the ring.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { planFields } from '../net/schema.js';
import { slotAt, slotBootNs } from '../net/frame.js';

const powerOfTwo = (n) => 2 ** Math.ceil(Math.log2(Math.max(2, n)));

export class Ring {
	/** @param capacity records to keep, rounded up to a power of two */
	constructor(schema, capacity) {
		this.schema = schema;
		this.fields = planFields(schema);
		this.capacity = powerOfTwo(capacity);
		this.mask = this.capacity - 1;
		this.stepNs = (schema.max_age_ms || Infinity) * 1e6; // the longest from a record to the next
		this.periodNs = schema.rate_hz > 0 ? 1e9 / schema.rate_hz : this.stepNs;
		this.seq = new Float64Array(this.capacity);
		this.bootNs = new Float64Array(this.capacity);
		this.columns = {};
		for (const f of this.fields)
			this.columns[f.name] = new f.Column(this.capacity);
		this.clear();
	}

	clear() {
		this.end = 0; // position after the newest record
		this.epoch = (this.epoch ?? 0) + 1; // grows when positions lose their meaning
		this.gaps = 0; // records missing between those that are here
	}

	get start() {
		return Math.max(0, this.end - this.capacity);
	}

	get length() {
		return Math.min(this.end, this.capacity);
	}

	lastSeq() {
		return this.end ? this.seq[(this.end - 1) & this.mask] : -1;
	}

	lastBootNs() {
		return this.end ? this.bootNs[(this.end - 1) & this.mask] : 0;
	}

	value(name, position) {
		return this.columns[name][position & this.mask];
	}

	/** Whether the record at this position goes on from the one before: none is missing, and the
	 * source was not silent for longer than it declares. */
	joined(position) {
		const at = position & this.mask, before = (position - 1) & this.mask;
		return position > this.start && this.seq[at] === this.seq[before] + 1 &&
			this.bootNs[at] - this.bootNs[before] <= this.stepNs;
	}

	/** The newest record as {seq, bootNs, name: value, ...}, or null. */
	newest() {
		return this.end ? this.record(this.end - 1) : null;
	}

	record(position) {
		const at = position & this.mask;
		const record = { seq: this.seq[at], bootNs: this.bootNs[at] };
		for (const f of this.fields)
			record[f.name] = this.columns[f.name][at];
		return record;
	}

	/**
	 * Appends a frame's records. record_offset comes from the schema message.
	 * @returns {number} records that were new
	 */
	append(header, recordOffset) {
		if (this.end && header.bootNs < this.lastBootNs())
			this.clear(); // the host has rebooted: its clock began anew
		let added = 0;
		for (let i = 0; i < header.count; i++)
			added += this.appendSlot(header, i, recordOffset);
		return added;
	}

	appendSlot(header, i, recordOffset) {
		const seq = header.firstSeq + i, bootNs = slotBootNs(header, i);
		const last = this.lastSeq();
		if (seq <= last) {
			if (bootNs <= this.lastBootNs())
				return 0; // seen
			this.clear(); // numbers began anew while time went on: another bus
		} else if (this.end) {
			this.gaps += seq - last - 1;
		}
		const at = this.end & this.mask, from = slotAt(header, i) + recordOffset;
		this.seq[at] = seq;
		this.bootNs[at] = bootNs;
		for (const f of this.fields)
			this.columns[f.name][at] = f.read(header.view, from + f.offset);
		this.end++;
		return 1;
	}

	/** First position whose value in this rising array (seq or bootNs) is >= wanted. */
	lowerBound(array, wanted) {
		let lo = this.start, hi = this.end;
		while (lo < hi) {
			const mid = Math.floor((lo + hi) / 2);
			if (array[mid & this.mask] < wanted)
				lo = mid + 1;
			else
				hi = mid;
		}
		return lo;
	}

	/** Position of the record with this sequence number, or -1. */
	find(seq) {
		const p = this.lowerBound(this.seq, seq);
		return p < this.end && this.seq[p & this.mask] === seq ? p : -1;
	}
}
