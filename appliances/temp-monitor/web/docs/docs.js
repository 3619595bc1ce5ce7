// docs.js - shows /swagger.json, and tries its operations with the token that is given.
//
// SPDX-FileCopyrightText: The Outpost authors
// SPDX-License-Identifier: MIT

const $ = (id) => document.getElementById(id);

function make(tag, text, ...children) {
	const element = document.createElement(tag);
	if (text) element.textContent = text;
	element.append(...children);
	return element;
}

// The definition that a schema names, all the way down, as an example of a value.
function example(api, schema) {
	if (schema.$ref) return example(api, api.definitions[schema.$ref.split('/').pop()]);
	if (schema.example !== undefined) return schema.example;
	if (schema.default !== undefined) return schema.default;
	if (schema.type === 'object') {
		return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, v]) => [k, example(api, v)]));
	}
	return { boolean: true, integer: 0, number: 0 }[schema.type] ?? schema.enum?.[0] ?? 'string';
}

const pretty = (value) => JSON.stringify(value, null, 2);

function responses(api, operation) {
	const table = make('table');
	for (const [status, response] of Object.entries(operation.responses)) {
		const cell = make('td', response.description);
		if (response.schema && status.startsWith('2')) cell.append(make('pre', pretty(example(api, response.schema))));
		table.append(make('tr', '', make('th', status), cell));
	}
	return table;
}

async function attempt(method, path, body, out) {
	const headers = { Authorization: `Bearer ${$('token').value}` };
	if (body) headers['Content-Type'] = 'application/json';
	out.textContent = 'Waiting.';
	try {
		const answer = await fetch(path, { method, headers, body: body?.value });
		const text = await answer.text();
		out.textContent = `${answer.status} ${answer.statusText}\n\n${text}`;
	} catch (error) {
		out.textContent = `No answer: ${error.message}`;
	}
}

function trial(api, method, path, operation) {
	const schema = operation.parameters?.find((p) => p.in === 'body')?.schema;
	const body = schema && make('textarea', pretty(example(api, schema)));
	const out = make('pre', '');
	const button = make('button', 'Try');
	out.hidden = true;
	button.addEventListener('click', () => {
		out.hidden = false;
		attempt(method.toUpperCase(), path, body, out);
	});
	return make('div', '', ...(body ? [body] : []), button, out);
}

function operationOf(api, path, method, operation) {
	const title = make('summary', '', make('span', method.toUpperCase()), make('code', path), ` ${operation.summary}`);
	title.firstChild.className = 'method';
	const needs = operation.security ? 'Needs the token.' : 'Open to everybody.';
	return make('details', '', title, make('div', '', make('p', needs), responses(api, operation),
		trial(api, method, path, operation)));
}

function show(api) {
	$('about').textContent = `${api.info.description}. Version ${api.info.version}.`;
	const groups = api.tags.map((tag) => {
		const group = make('section', '', make('h2', tag.name), make('p', tag.description));
		for (const [path, methods] of Object.entries(api.paths)) {
			for (const [method, operation] of Object.entries(methods)) {
				if (operation.tags.includes(tag.name)) group.append(operationOf(api, path, method, operation));
			}
		}
		return group;
	});
	$('operations').replaceChildren(...groups);
}

try {
	const answer = await fetch('/swagger.json');
	if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
	show(await answer.json());
} catch (error) {
	$('operations').textContent = `The document could not be loaded: ${error.message}`;
}
