# Outpost's front door. Meson does the building (see meson.build); this file only spares you from
# knowing it. `make` or `make help` lists what there is.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT

BUILD ?= build
APPLIANCE ?= sensorhub
ARGS ?=
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
TARGET = installed
DEPS = packaging/install-deps

BOOT = PYTHONPATH=tests/lib OUTPOST_BUILD=$(abspath $(BUILD)) OUTPOST_SOURCE=$(CURDIR) python3

.PHONY: help run check check-image check-systemd check-vm build bench fault fuzz format lint install clean

help: ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: build ## install what is missing, build, start the sensor hub with a simulated board
	@echo "starting $(APPLIANCE); open the address after \"ready:\" in a browser, Ctrl-C stops it"
	@exec $(BUILD)/outpost run $(APPLIANCE) --sim $(ARGS)

build: ## install what is missing, then build into build/ (TARGET=all: tests too)
	@$(DEPS) run build
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD)
	@ninja -C $(BUILD) -j $(JOBS) $(TARGET)

check: ## every test but the long ones; the last line says how many passed
	@$(DEPS) run build test
	@tests/check $(CHECK)

check-systemd: build ## the temperature monitor as a unit of a systemd booted in a container (root)
	@$(DEPS) boot
	@$(BOOT) tests/boot/temp_monitor.py

check-image: build ## the temperature monitor's image, built and run without Docker (root, ten minutes)
	@$(DEPS) image
	@$(BOOT) tests/boot/temp_image.py

bench: ## measure speed and size against docs/budgets.md
	@$(DEPS) run build test bench
	@[ ! -f $(BUILD)/build.ninja ] || meson setup --reconfigure $(BUILD) >/dev/null # finds new peers
	@$(MAKE) --no-print-directory build TARGET=all
	@tests/bench/run $(BENCH)

check-vm: ## tests on whole machines under QEMU, a real kernel and its I2C adapter (fetches a kernel once)
	@$(DEPS) run build test vm
	@$(MAKE) --no-print-directory build TARGET=all
	@meson test -C $(BUILD) --suite vm --no-rebuild --verbose

fault: ## the fault tests at full length (half an hour)
	@$(DEPS) run build test
	@tests/fault/run $(FAULT)

fuzz: ## each fuzz target for FUZZ_SECONDS (60)
	@$(DEPS) run build test
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

format: ## lay out the C code as .clang-format says
	@$(DEPS) test
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

lint: ## layout, static analysis, scripts, manual pages
	@$(DEPS) build test
	@tests/lint

install: build ## install under the prefix (DESTDIR= is honoured)
	@meson install -C $(BUILD) --no-rebuild

clean: ## remove what was built
	@rm -rf build build-*
