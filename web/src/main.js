// The page: asks the appliance what it is, keeps the link, shows the bar every view shares
// (connection, service lights, theme) and opens the view the address names: `#/` is the appliance's
// own, `#/topics` and `#/topics/NAME` draw any topic from its declaration, `#/history/NAME?...` what
// was recorded of it.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { Feeds } from './data/feed.js';
import { Link } from './net/link.js';
import { Catalogue } from './net/catalogue.js';
import { Shell } from './ui/shell.js';
import { sensorhub } from './views/sensorhub.js';
import { history } from './views/history.js';
import { topics } from './views/topics.js';

// An appliance's own view; one without is shown by its topics.
const APPLIANCE_VIEWS = { sensorhub };

const url = new URL('ws', location.href);
url.protocol = url.protocol.replace('http', 'ws');

const link = new Link(url.href);
const feeds = new Feeds(link);
const catalogue = new Catalogue(link);
const app = { link, feeds, catalogue, clock: link.clock };
const shell = new Shell(app);
app.lights = shell.lights;
window.outpost = app; // for the browser's console: outpost.feeds.byTopic.get('pbt.sample').ring.newest()
let open = null;

function wantedView() {
	const [, first, last] = location.hash.split('?')[0].split('/');
	const own = APPLIANCE_VIEWS[catalogue.appliance], name = last && decodeURIComponent(last);
	if (first === 'history')
		return { key: `history/${last ?? ''}`, view: history, name };
	if (first !== 'topics' && own)
		return { key: 'own', view: own };
	return { key: `topics/${last ?? ''}`, view: topics, name };
}

function route() {
	if (!catalogue.appliance)
		return; // not known yet: the banner says what is going on
	const { key, view, name } = wantedView();
	app.colours = APPLIANCE_VIEWS[catalogue.appliance]?.colours; // of lines, by topic and field
	shell.navigate(key.split('/')[0], !!APPLIANCE_VIEWS[catalogue.appliance]);
	if (open?.key === key)
		return open.instance.revisit?.();
	open?.instance.destroy();
	const root = document.getElementById('view');
	root.replaceChildren();
	open = { key, instance: view(app, root, name) };
	app.view = open.instance;
	document.title = open.instance.title;
	shell.setHeadings(open.instance.headings);
}

window.addEventListener('hashchange', route);
catalogue.addEventListener('appliance', route);
route();
