// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
//
// Built names carry no hash: the build system knows each file it makes, and the web service sends
// an ETag with each, so that a browser never keeps an old page. `--mode dashboard` builds what the
// dashboard of the temperature monitor loads, whose HTML the server writes, beside the page. `npm run dev` serves the page with
// hot reload and passes everything else on to a running appliance (OUTPOST_URL).
import { defineConfig } from 'vite';

const appliance = process.env.OUTPOST_URL ?? 'http://127.0.0.1:5000';
const passed = ['/health', '/status', '/metrics', '/api'];

const output = (name) => ({
	entryFileNames: `${name}.js`,
	chunkFileNames: `${name}-[name].js`,
	assetFileNames: `${name}[extname]`,
	inlineDynamicImports: true,
});
const kinds = {
	dashboard: { copyPublicDir: false, emptyOutDir: false, cssCodeSplit: false,
		rollupOptions: { input: 'src/dashboard/main.js', output: output('dashboard') } },
	production: { emptyOutDir: true, rollupOptions: { output: output('outpost') } },
};

export default defineConfig(({ mode }) => ({
	base: './',
	clearScreen: false,
	logLevel: 'warn',
	build: {
		target: ['es2020', 'chrome87', 'firefox85', 'safari14'],
		assetsDir: '',
		modulePreload: false,
		reportCompressedSize: false,
		...kinds[mode],
	},
	server: {
		proxy: {
			'/ws': { target: appliance.replace(/^http/, 'ws'), ws: true },
			...Object.fromEntries(passed.map((path) => [path, appliance])),
		},
	},
}));
