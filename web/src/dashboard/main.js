// The dashboard of the temperature monitor, alive: the server has written the values into the page
// (dash_page.c); here they follow the appliance, and history, the light matrix and the other unit
// join them.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { h, remembered, setAttr, setText } from '../ui/dom.js';
import { Matrix } from './matrix.js';
import { Past } from './past.js';
import { Source } from './source.js';
import {
	alertsText, beyondText, lastAlertText, limitsIn, limitsText, numberText, presence, sensorText, sinceText, toldText,
	wellText, whenText,
} from './words.js';

const $ = (id) => document.getElementById(id);
const TITLE = document.title;
const show = (el, on) => setAttr(el, 'data-on', on ? 'yes' : 'no');

class Dashboard {
	constructor() {
		this.fahrenheit = remembered.get('dashboard.unit', 'C') === 'F';
		this.source = new Source();
		this.matrix = new Matrix($('matrix'));
		this.past = new Past($('history'), this.source, () => this.limits());
		this.unit = h('button', { type: 'button', id: 'unit', onclick: () => this.toggleUnit() });
		document.querySelector('.temp').append(this.unit);
		this.said = h('p', { class: 'unseen', id: 'said', role: 'status' }); // ages tick, and are not for reading aloud
		document.querySelector('main').append(this.said);
		this.source.addEventListener('data', () => this.heard());
		this.source.addEventListener('silent', () => this.tellPresence());
		setInterval(() => this.tellPresence(), 1000);
		this.showUnit();
	}

	limits() {
		return limitsIn(this.source.data?.thresholds, this.fahrenheit);
	}

	/* ---- units ------------------------------------------------------------------------ */

	toggleUnit() {
		this.fahrenheit = !this.fahrenheit;
		remembered.set('dashboard.unit', this.fahrenheit ? 'F' : 'C');
		this.showUnit();
		if (this.source.data)
			this.heard();
	}

	showUnit() {
		setText(this.unit, this.fahrenheit ? '\u00b0C' : '\u00b0F');
		setAttr(this.unit, 'aria-label', this.fahrenheit ? '\u00b0C: show degrees Celsius' : '\u00b0F: show degrees Fahrenheit');
		if (this.past.fahrenheit !== this.fahrenheit)
			this.past.setUnit(this.fahrenheit);
	}

	/* ---- values ----------------------------------------------------------------------- */

	heard() {
		const { data } = this.source, { reading } = data;
		if (reading)
			this.showReading(reading);
		this.showLimits(reading);
		setText($('sensor'), sensorText(data.sensor));
		setAttr(document.querySelector('main'), 'data-sensor', data.sensor.state);
		this.showAlerts(data.alerts, data.last_alert);
		setText($('told'), toldText(data.webhook));
		this.matrix.show(data.led);
		this.tellPresence();
	}

	showReading(reading) {
		const c = `${numberText(reading.temperature_c)}\u00b0C`, f = `${numberText(reading.temperature_f)}\u00b0F`;
		setText($('temp'), this.fahrenheit ? f : c);
		setText($('temp-small'), `(${this.fahrenheit ? c : f})`);
		setText($('humidity'), `${numberText(reading.humidity)}%`);
		setText($('updated'), reading.timestamp);
		show($('raw'), !reading.compensated);
		this.past.hear(reading);
	}

	showLimits(reading) {
		const { known, temperature, humidity } = this.limits(), unit = this.fahrenheit ? '\u00b0F' : '\u00b0C';
		const temp = reading && (this.fahrenheit ? reading.temperature_f : reading.temperature_c);
		setText($('temp-limits'), known ? limitsText(...temperature, unit) : '');
		setText($('humidity-limits'), known ? limitsText(...humidity, '%') : '');
		this.beyond = [this.showBeyond('temp', temp, temperature, unit), this.showBeyond('humidity', reading?.humidity, humidity, '%')].some(Boolean);
	}

	showBeyond(name, value, [lo, hi], unit) {
		const text = value === undefined || value === null ? '' : beyondText(value, lo, hi, unit);
		setText($(`${name}-beyond`), text);
		setAttr(document.querySelector(`.${name}`), 'data-over', text ? 'yes' : 'no');
		return text;
	}

	showAlerts(alerts, last) {
		const text = alertsText(alerts), raised = alerts?.length > 0, since = sinceText(alerts, last);
		setText($('alert-state'), text);
		if (raised)
			setText($('alerts'), `ALERT: ${text}`);
		show($('alerts'), raised);
		setText($('since'), since);
		show($('since'), !!since);
		setText($('alert-last'), lastAlertText(alerts, last));
		this.raised = raised ? `ALERT: ${text}` : '';
	}

	/** What changes by itself: the age of the reading, and how long nothing was heard. */
	tellPresence() {
		const { source } = this;
		if (!source.data && !source.silent)
			return; // what the server wrote is right
		const { data } = source, now = presence(data, source.ageS(), source.silentS(), source.isBehind());
		const live = $('live'), sensor = data?.sensor.state ?? 'unknown';
		setText(live, now.liveText);
		setAttr(live, 'data-live', now.live ? 'yes' : 'no');
		setAttr(document.querySelector('main'), 'data-stale', now.live ? 'no' : 'yes');
		if (now.liveText === 'OFFLINE')
			this.forget();
		this.showNotice([now.notice, ...(now.live || now.liveText !== 'OFFLINE' ? data.notices ?? [] : [])], now.live);
		if (data?.reading)
			setText($('age'), whenText(data.reading, source.ageS(), Date.now()));
		setText(this.said, sensor === 'ok' || !now.live ? now.liveText : `${now.liveText}, SENSOR ${sensorText({ state: sensor })}`);
		document.title = [this.raised, now.live ? '' : now.liveText, TITLE].filter(Boolean).join(' - ');
	}

	/** What was well when the appliance was last heard may be so no more. */
	forget() {
		setText($('sensor'), 'NOT KNOWN');
		setAttr(document.querySelector('main'), 'data-sensor', 'unknown');
		setText($('alert-state'), 'NOT KNOWN');
		this.matrix.show(null);
	}

	showNotice(lines, live) {
		const text = lines.filter(Boolean).join('\n'), well = live && !text && !this.raised && !this.beyond;
		if (text)
			setText($('notice'), text);
		show($('notice'), !!text);
		if (well)
			setText($('well'), wellText(this.limits()));
		show($('well'), well);
	}
}

window.dashboard = new Dashboard(); // for the browser's console: dashboard.source.data
