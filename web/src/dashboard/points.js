// How many points of a span of history are worth asking for.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { tileSize } from '../data/tiles.js';

const DAY = 86400e3;

/** So many points, unless each were most of a day: then a day each, or nights and days would alternate. */
export function pointsOf(spanMs, columns) {
	const tileMs = 2 ** tileSize(spanMs);
	return tileMs / columns < DAY / 8 ? columns : Math.max(1, Math.min(columns, Math.round(tileMs / DAY)));
}
