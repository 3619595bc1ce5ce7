#!/bin/sh
# run.sh - one of the page's test files under Node: run.sh TEST WORK
#
# The browser driver is fetched once into WORK (in the build directory), beside copies of the tests,
# since Node looks for packages beside the file that asks. One at a time: several tests share WORK.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
set -eu
test=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
: "${CHROMIUM:=$(command -v chromium || command -v chromium-browser || true)}"
export CHROMIUM

mkdir -p "$work"
exec 9>"$work/.lock"
flock 9
for file in "$here"/*.mjs "$here"/package.json "$here"/package-lock.json; do
	cmp -s "$file" "$work/${file##*/}" || cp "$file" "$work/"
done
cd "$work"
if grep -q browser.mjs "$test"; then
	[ -n "$CHROMIUM" ] || { echo "no browser: sudo apt-get install chromium" >&2; exit 1; }
	key=$(cksum <package-lock.json)
	if [ "$(cat node_modules/.key 2>/dev/null || true)" != "$key" ]; then
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
		echo "$key" >node_modules/.key
	fi
fi
exec 9>&-
exec node --test-reporter=tap "$test"
