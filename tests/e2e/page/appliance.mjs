// Starts `outpost run` of an appliance with its simulator for a test and ends it; every wait has a condition and a
// deadline. Ends only what it started.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BUILD = process.env.OUTPOST_BUILD ?? 'build';
const SOURCE = process.env.OUTPOST_SOURCE ?? '.';
const OUTPOST = join(BUILD, 'outpost');

export async function freePort() {
	for (;;) {
		const port = 15000 + Math.floor(Math.random() * 17000); // below those that the system gives away
		const server = createServer().listen(port, '127.0.0.1');
		if (await new Promise((resolve) => server.once('listening', () => resolve(true)).once('error', () => resolve(false)))) {
			server.close();
			await once(server, 'close');
			return port;
		}
	}
}

/** Times in tests are those of a quiet machine; what is allowed is PATIENCE times as long. */
export const PATIENCE = +(process.env.OUTPOST_PATIENCE ?? 4);

export function within(ms, what, promise) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: not within ${ms * PATIENCE} ms`)), ms * PATIENCE);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The sensor hub. */
export class Appliance {
	/** @param without services that are left out of the appliance's file */
	constructor(settings = {}, { without = [] } = {}) {
		this.settings = settings;
		this.without = without;
		this.log = [];
	}

	async start() {
		this.dir ??= await mkdtemp(join(tmpdir(), 'outpost-page-'));
		this.port ??= await freePort();
		const set = { 'services.web.listen': `127.0.0.1:${this.port}`, ...this.settings };
		this.process = spawn(OUTPOST, ['run', await this.file(), '--sim',
			'--runtime', join(this.dir, 'run'), '--state', join(this.dir, 'state'),
			...Object.entries(set).flatMap(([k, v]) => ['--set', `${k}=${v}`])],
		{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
		this.exited = once(this.process, 'exit');
		this.url = await within(20000, 'ready', new Promise((resolve, reject) => {
			this.exited.then(([code]) => reject(new Error(`outpost run left with ${code}:\n${this.log.join('\n')}`)));
			for (const stream of [this.process.stdout, this.process.stderr])
				createInterface(stream).on('line', (line) => {
					this.log.push(line);
					const ready = /\bready: (http:\S+)/.exec(line);
					if (ready)
						resolve(ready[1]);
				});
		}));
		return this;
	}

	/** The sensor hub as it ships, but its simulator also writes what it does. */
	async file() {
		const yaml = await readFile(join(SOURCE, 'appliances/sensorhub/sensorhub.yaml'), 'utf8');
		this.truth = join(this.dir, 'truth');
		const path = join(this.dir, 'sensorhub.yaml');
		const told = yaml.replace(/(args: \[--link, .*)\]/, `$1, --truth, "${this.truth}"]`);
		if (told === yaml)
			throw new Error('the simulator of sensorhub.yaml takes no --link any more');
		await writeFile(path, this.without.reduce((text, name) => {
			const less = text.replace(new RegExp(`^  ${name}:\\n(?:    .*\\n|\\n)*`, 'm'), '');
			if (less === text)
				throw new Error(`sensorhub.yaml has no service ${name}`);
			return less;
		}, told));
		return path;
	}

	/** The simulator's own word: {boot_ns, peak_adc, duration_ms, ...} of each hit so far. */
	async hits() {
		return (await readFile(this.truth, 'utf8')).trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
	}

	/** Tells the simulated board something; see outpost-sim-pbt(1). */
	async board(command) {
		await writeFile(join(this.dir, 'run/sim/pbt.control'), `${command}\n`);
	}

	/** A clean stop, as systemd does it. Returns the exit status. */
	async stop() {
		if (this.process.exitCode !== null)
			return this.process.exitCode;
		this.process.kill('SIGTERM');
		const [code] = await within(15000, 'clean stop', this.exited);
		return code;
	}

	async remove() {
		await this.stop();
		await rm(this.dir, { recursive: true, force: true });
	}

	/** `outpost tap TOPIC` in the background; .lines grows. */
	tap(topic, ...options) {
		const child = spawn(OUTPOST, ['tap', topic, ...options, '--runtime', join(this.dir, 'run')],
			{ stdio: ['ignore', 'pipe', 'inherit'] });
		const lines = [];
		createInterface(child.stdout).on('line', (line) => lines.push(line));
		const exited = once(child, 'exit');
		return {
			lines,
			stop: () => {
				child.kill('SIGTERM');
				return exited;
			},
		};
	}
}

/** The temperature monitor: a reading each other second. */
export class TempMonitor extends Appliance {
	constructor(settings = {}) {
		super({ 'services.climate.interval_s': 2, 'services.climate.retry_s': 0.5, ...settings });
	}

	async file() {
		return join(SOURCE, 'appliances/temp-monitor/temp-monitor.yaml');
	}

	/** Tells the simulated board something; see outpost-sim-sense-hat(1). */
	async board(command) {
		await writeFile(join(this.dir, 'run/sim/hat.control'), `${command}\n`);
	}

	/** `outpost call`; see outpost-call(1). */
	async call(service, method, ...args) {
		const child = spawn(OUTPOST, ['call', '--runtime', join(this.dir, 'run'), service, method, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
		const [code] = await once(child, 'exit');
		if (code !== 0)
			throw new Error(`outpost call ${service} ${method} left with ${code}`);
	}

	/** The wall clock of everything in it is ahead by so much, and nobody has set it (tests/lib/shim.h). Before start(). */
	async setClocks(aheadMs) {
		this.dir ??= await mkdtemp(join(tmpdir(), 'outpost-page-'));
		const shim = Buffer.alloc(600), path = join(this.dir, 'shim');
		shim.write('OPSHIM01');
		shim.writeBigInt64LE(BigInt(aheadMs) * 1000000n, 40); // wall_offset_ns
		shim.write(await realpath(this.dir), 88); // dir
		await writeFile(path, shim);
		this.env = { LD_PRELOAD: join(BUILD, 'tests/liboutpost-shim.so'), OUTPOST_SHIM: path };
	}

	/** A history of so many days that ends now, as if it had run before. Before start(). */
	async makePast(days) {
		this.dir ??= await mkdtemp(join(tmpdir(), 'outpost-page-'));
		await mkdir(join(this.dir, 'state'), { recursive: true });
		const child = spawn(join(BUILD, 'tests/e2e/climate_make'),
			[join(this.dir, 'state/history.db'), String(Math.floor(Date.now() / 1000)), String(days)], { stdio: ['ignore', 'ignore', 'inherit'] });
		const [code] = await once(child, 'exit');
		if (code !== 0)
			throw new Error(`climate_make left with ${code}`);
	}
}
