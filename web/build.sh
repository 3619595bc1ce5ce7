#!/bin/sh
# build.sh - builds the page: build.sh SOURCE WORK OUT
#
# Sources are copied to WORK, so that a read-only checkout builds and node_modules never appears in
# it; packages are fetched only when the lock file or Node changed. OUT gets the files and, beside
# each that compresses, a .gz copy for the web service to send as it is.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
set -eu
source=$1 work=$2 out=$3

export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
export npm_config_progress=false npm_config_loglevel=error

mkdir -p "$work" "$out"
rm -rf "$work/src" "$work/public"
cp -R "$source/src" "$source/public" "$work/"
cp -f "$source/index.html" "$source/vite.config.js" "$source/package.json" \
	"$source/package-lock.json" "$work/"
chmod -R u+w "$work/src" "$work/public"
cd "$work"

key="$(node --version) $(cksum < package-lock.json)"
if [ "$(cat node_modules/.key 2>/dev/null || true)" != "$key" ]; then
	npm ci --ignore-scripts >npm.log 2>&1 || {
		cat npm.log >&2
		echo "web: npm could not fetch what package-lock.json names; see above" >&2
		exit 1
	}
	echo "$key" >node_modules/.key
fi

node node_modules/vite/bin/vite.js build --outDir dist --emptyOutDir
node node_modules/vite/bin/vite.js build --outDir dist --mode dashboard
for file in dist/*; do
	case $file in *.png) ;; *) gzip -9 -n -k -f "$file" ;; esac
done
cp dist/* "$out/"
