// A topic's declaration, as the server sends it before the first frame: which columns a record
// has, where they lie, and how a value is read. Nothing here knows a topic by name.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const u64 = (view, at) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
const i64 = (view, at) => view.getUint32(at, true) + view.getInt32(at + 4, true) * 4294967296;

// How each type is read, and the array that holds a column of it. 64-bit integers become doubles:
// exact up to 2^53, which is 104 days of nanoseconds and any counter we shall live to see.
const TYPES = {
	u8: [(v, at) => v.getUint8(at), Uint8Array],
	i8: [(v, at) => v.getInt8(at), Int8Array],
	u16: [(v, at) => v.getUint16(at, true), Uint16Array],
	i16: [(v, at) => v.getInt16(at, true), Int16Array],
	u32: [(v, at) => v.getUint32(at, true), Uint32Array],
	i32: [(v, at) => v.getInt32(at, true), Int32Array],
	u64: [u64, Float64Array],
	i64: [i64, Float64Array],
	f32: [(v, at) => v.getFloat32(at, true), Float32Array],
	f64: [(v, at) => v.getFloat64(at, true), Float64Array],
	enum: [(v, at) => v.getUint8(at), Uint8Array],
};

const utf8 = new TextDecoder();

function readText(bytes) {
	return (view, at) => {
		const raw = new Uint8Array(view.buffer, view.byteOffset + at, bytes);
		const end = raw.indexOf(0);
		return utf8.decode(end < 0 ? raw : raw.subarray(0, end));
	};
}

/**
 * The fields of a schema, ready to read records with. A field of a type this page does not know
 * is left out rather than guessed.
 * @returns {{name, type, unit, help, labels, numeric, offset, read, Column}[]}
 */
export function planFields(schema) {
	const fields = [];
	for (const f of schema.fields) {
		const text = f.type === 'text';
		if (!text && !TYPES[f.type])
			continue;
		const [read, Column] = text ? [readText(f.bytes), Array] : TYPES[f.type];
		fields.push({
			...f, read, Column, unit: f.unit ?? '', help: f.help ?? '', labels: f.labels ?? null,
			numeric: !text && f.type !== 'enum',
		});
	}
	return fields;
}

/** The shortest decimal text that reads back as the same 32-bit float. */
function shortFloat(value) {
	for (let digits = 1; digits < 9; digits++) {
		const text = value.toPrecision(digits);
		if (Math.fround(+text) === value)
			return String(+text);
	}
	return String(+value.toPrecision(9));
}

/** The value in full, as the CSV export and `outpost tap --csv` write it. */
export function exactText(field, value) {
	if (field.labels)
		return field.labels[value] ?? String(value);
	if (field.numeric && !Number.isFinite(value))
		return ''; // CSV has no word for it
	return field.type === 'f32' ? shortFloat(value) : String(value);
}

/** The value for people: four or five telling digits, thousands apart, labels for enums. */
export function shownText(field, value) {
	if (value === undefined || value === null)
		return '–';
	if (field.labels)
		return field.labels[value] ?? String(value);
	if (!field.numeric)
		return value || '–';
	if (Number.isInteger(value))
		return value.toLocaleString('en', { useGrouping: true }).replaceAll(',', '\u202f');
	const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
	return value.toFixed(digits);
}

/** Which to draw before anybody chose: up to four numbers of one unit, measured ones (floats that
 * are no time) before counters. */
export function firstFields(fields) {
	const measured = fields.filter((f) => f.type?.startsWith('f') && f.unit && !/^[mun]?s$/.test(f.unit));
	const unit = (measured[0] ?? fields[0])?.unit;
	return fields.filter((f) => f.unit === unit).slice(0, 4).map((f) => f.name);
}
