// The frame budget. A drawing may be asked for at every display frame; it is done at most that
// often, and less often the dearer it gets, so that an old phone keeps up: above 8 ms of script per
// drawing the pace halves, after three cheap seconds it doubles again. A display that itself falls
// behind (frames late although our script is cheap: a weak graphics unit) counts as dear too.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const BUDGET_MS = 8;
const PACES_MS = [0, 33, 66, 133, 266]; // least time between two drawings
const PATIENCE_MS = 3000;

/** The quickest pace worth having: calm for who asked for less motion, 30/s on phones (battery). */
function quickestPace() {
	if (matchMedia('(prefers-reduced-motion: reduce)').matches)
		return 3;
	return matchMedia('(pointer: coarse)').matches ? 1 : 0;
}

export class Governor extends EventTarget {
	/** @param draw called with the frame's time; returns true to be called again */
	constructor(draw) {
		super();
		this.draw = draw;
		this.quickest = quickestPace();
		this.pace = this.quickest;
		this.costMs = 0; // moving mean of the script time of one drawing
		this.drawnAt = 0;
		this.changedAt = 0;
		this.count = 0;
		this.fps = 0;
		this.onFrame = (now) => this.frame(now);
	}

	/** Asks for a drawing at the next frame that the budget allows. */
	request() {
		this.id ??= requestAnimationFrame(this.onFrame);
	}

	stop() {
		cancelAnimationFrame(this.id);
		this.id = undefined;
	}

	frame(now) {
		this.id = undefined;
		if (now - this.drawnAt < PACES_MS[this.pace] - 4)
			return this.request();
		const since = now - this.drawnAt;
		this.drawnAt = now;
		const t0 = performance.now();
		const again = this.draw(now);
		this.learn(performance.now() - t0, since, now);
		if (again)
			this.request();
	}

	learn(cost, since, now) {
		this.count++;
		this.costMs += (cost - this.costMs) * (this.count < 10 ? 0.5 : 0.08);
		if (since < 1000)
			this.fps += (1000 / Math.max(1, since) - this.fps) * 0.08;
		const late = since < 1000 && this.count > 60 && 1000 / this.fps > 2.5 * Math.max(16.7, PACES_MS[this.pace]);
		const dear = this.costMs > BUDGET_MS || late;
		const cheap = this.costMs < BUDGET_MS / 2 && !late;
		if (dear && now - this.changedAt > 500 && this.pace < PACES_MS.length - 1)
			this.setPace(this.pace + 1, now);
		else if (cheap && now - this.changedAt > PATIENCE_MS && this.pace > this.quickest)
			this.setPace(this.pace - 1, now);
	}

	setPace(pace, now) {
		this.pace = pace;
		this.changedAt = now;
		this.fps = 1000 / Math.max(16.7, PACES_MS[pace]);
		this.dispatchEvent(new Event('pace'));
	}

	/** Frames per second worth asking the server for at this pace, at most `wanted`. */
	feedRate(wanted) {
		return Math.min(wanted, [60, 20, 10, 6, 3][this.pace]);
	}
}
