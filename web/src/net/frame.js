// The binary frame of outpost-ws(7): a 48-byte little-endian header, then slots as they lie on the
// bus. The header is read once; records are read field by field straight out of the message.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

export const FRAME_VERSION = 1;
export const HEADER_BYTES = 48;

const u64 = (view, at) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;

/**
 * The header of a frame, or null if this is not a frame we can read (another version, or shorter
 * than it says).
 */
export function readHeader(buffer) {
	if (buffer.byteLength < HEADER_BYTES)
		return null;
	const view = new DataView(buffer);
	const header = {
		view,
		backlog: view.getUint8(1) === 2,
		id: view.getUint16(2, true),
		count: view.getUint32(4, true),
		firstSeq: u64(view, 8),
		missed: u64(view, 16),
		bootNs: u64(view, 24),
		wallNs: u64(view, 32),
		stride: view.getUint32(40, true),
	};
	if (view.getUint8(0) !== FRAME_VERSION || header.stride < 8 ||
	    HEADER_BYTES + header.count * header.stride > buffer.byteLength)
		return null;
	return header;
}

/** Byte offset of slot i; its boot_ns is there, its record `record_offset` bytes further. */
export const slotAt = (header, i) => HEADER_BYTES + i * header.stride;

export const slotBootNs = (header, i) => u64(header.view, slotAt(header, i));
