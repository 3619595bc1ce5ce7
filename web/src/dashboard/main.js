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
import { alertsText, isOver, lastAlertText, limitsIn, limitsText, numberText, presence, sensorText } from './words.js';

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
		setAttr(this.unit, 'aria-label', this.fahrenheit ? 'Show degrees Celsius' : 'Show degrees Fahrenheit');
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
		this.showAlerts(data.alerts);
		setText($('alert-last'), lastAlertText(data.last_alert));
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
		const over = (v, [lo, hi]) => (reading && isOver(v, lo, hi) ? 'yes' : 'no');
		const temp = reading && (this.fahrenheit ? reading.temperature_f : reading.temperature_c);
		setText($('temp-limits'), known ? limitsText(...temperature, unit) : '');
		setText($('humidity-limits'), known ? limitsText(...humidity, '%') : '');
		setAttr(document.querySelector('.temp'), 'data-over', over(temp, temperature));
		setAttr(document.querySelector('.humidity'), 'data-over', over(reading?.humidity, humidity));
	}

	showAlerts(alerts) {
		const text = alertsText(alerts), raised = alerts?.length > 0;
		setText($('alert-state'), text);
		if (raised)
			setText($('alerts'), `ALERT: ${text}`);
		show($('alerts'), raised);
		document.title = raised ? `ALERT: ${text} - ${TITLE}` : TITLE;
	}

	/** What changes by itself: the age of the reading, and how long nothing was heard. */
	tellPresence() {
		const { source } = this;
		if (!source.data && !source.silent)
			return; // what the server wrote is right
		const now = presence(source.data, source.ageS(), source.silentS());
		const live = $('live'), notice = $('notice');
		setText(live, now.liveText);
		setAttr(live, 'data-live', now.live ? 'yes' : 'no');
		setAttr(document.querySelector('main'), 'data-stale', now.live ? 'no' : 'yes');
		if (now.notice)
			setText(notice, now.notice);
		show(notice, !!now.notice);
	}
}

window.dashboard = new Dashboard(); // for the browser's console: dashboard.source.data
