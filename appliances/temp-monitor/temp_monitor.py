#!/usr/bin/env python3
# temp_monitor.py - starts the temperature monitor for development, under the name it always had.
#
# The monitor is no Python program any more: this hands over to start_production.sh, which says what to do
# if Outpost is not built yet.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import sys

script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "start_production.sh")
os.execv(script, [script, "--development", *sys.argv[1:]])
