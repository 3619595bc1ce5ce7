#!/bin/sh
#
# start_production.sh [--development] [OPTION...] - starts the temperature monitor in the foreground;
# options are those of outpost-run(1). The shell becomes `outpost run`, so that signals and
# systemd reach it.
#
# outpost is looked for in $OUTPOST, in the tree around this directory (build/), and on the PATH.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here" && cd "$(pwd -P)/../.." && pwd)

find_outpost()
{
	for path in "${OUTPOST:-}" "$tree/build/outpost"; do
		[ -n "$path" ] && [ -x "$path" ] && echo "$path" && return
	done
	command -v outpost
}

mode=production
if [ "${1:-}" = --development ]; then
	mode=development
	shift
else
	export PRODUCTION_MODE=true
fi
if [ -r /proc/device-tree/model ]; then
	echo "Running on: $(tr -d '\0' </proc/device-tree/model)"
fi
cd "$here"
outpost=$(find_outpost) || {
	echo "Error: outpost is neither built nor installed." >&2
	echo "Build it with: make -C $tree build      (or install it with: make -C $tree install)" >&2
	exit 1
}
mkdir -p logs
# The port of .env and of --set counts. Of settings that are wrong the start itself tells, and no address is
# promised then; status 2: options that only `outpost run` knows.
settings()
{
	"$outpost" config show "$here/temp-monitor.yaml" web "$@" 2>/dev/null
}
shown=$(settings "$@") || { [ $? -eq 2 ] && shown=$(settings); } || shown=
port=$(echo "$shown" | sed -n 's/^ *listen: .*:\([0-9]*\)"\{0,1\}  #.*/\1/p')
echo "Starting Temperature Monitor in $mode mode..."
if [ -n "$port" ]; then
	echo "Server will be available at http://localhost:$port"
	echo "Health endpoint: http://localhost:$port/health"
	echo "Metrics endpoint: http://localhost:$port/metrics"
	echo "API documentation: http://localhost:$port/docs"
fi
exec "$outpost" run "$here/temp-monitor.yaml" "$@"
