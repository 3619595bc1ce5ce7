#!/bin/sh
#
# docker-entrypoint.sh COMMAND... - becomes COMMAND as the user outpost. Started as root it first gives that
# user the groups of the devices of the container, whose numbers are those of the host, and the log
# directory, which Docker makes for root; then every right is gone for good.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
set -eu
[ "$(id -u)" -eq 0 ] || exec "$@"

groups=$(for device in /dev/i2c-* /dev/fb* /dev/input/event*; do
	[ -e "$device" ] && stat -c %g "$device"
done | sort -u | grep -vx 0 | paste -sd, -) || true
chown outpost:outpost /app/logs /var/lib/outpost 2>/dev/null || true # what matters is told by who writes
set -- --reuid outpost --regid outpost --no-new-privs --inh-caps=-all "$@"
if [ -n "$groups" ]; then
	exec setpriv --groups "$groups" "$@"
fi
exec setpriv --clear-groups "$@"
