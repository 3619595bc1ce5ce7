// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
//
// Built names carry no hash: the build system knows each file it makes, and the web service sends
// an ETag with each, so that a browser never keeps an old page. `npm run dev` serves the page with
// hot reload and passes everything else on to a running appliance (OUTPOST_URL).
import { defineConfig } from 'vite';

const appliance = process.env.OUTPOST_URL ?? 'http://127.0.0.1:5000';
const passed = ['/health', '/status', '/metrics', '/api'];

export default defineConfig({
	base: './',
	clearScreen: false,
	logLevel: 'warn',
	build: {
		target: ['es2020', 'chrome87', 'firefox85', 'safari14'],
		assetsDir: '',
		modulePreload: false,
		reportCompressedSize: false,
		rollupOptions: {
			output: {
				entryFileNames: 'outpost.js',
				chunkFileNames: 'outpost-[name].js',
				assetFileNames: 'outpost[extname]',
				inlineDynamicImports: true,
			},
		},
	},
	server: {
		proxy: {
			'/ws': { target: appliance.replace(/^http/, 'ws'), ws: true },
			...Object.fromEntries(passed.map((path) => [path, appliance])),
		},
	},
});
