# climate.py - the climate service on a real kernel's I2C adapter: i2c-stub, which has registers only.
#
# Its registers stand still: what is measured never changes, which is what `frozen_after` is about. It does
# no combined transfers, so this is the way by SMBus blocks; a block that counts up begins at the number
# with bit 7 set, so that is where the outputs stand.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import re

import machine
import outpost_test as ot

BUS = "/dev/hat"
# Registers of contract 3.4 and 3.5: calibration and counts of the check values.
HTS221 = {0x0F: [0xBC], 0xB0: [66, 144, 0xA8, 0x1D, 0, 0x04, 10, 0, 0, 0, 0xD8, 0x30, 0xFE, 0xFE, 0x0A, 0x0A],
          0xA7: [3, 0xA0, 0x0F, 0xE8, 0x03]}
LPS25H = {0x0F: [0xBD], 0xA7: [3, 0, 0x50, 0x3F, 0x20, 0xE0]}


def pokes(address, registers):
    return [["poke", BUS, address, reg, *values] for reg, values in registers.items()]


def hat(yaml, *steps):
    """A machine with both chips, on which the service is started with this file; then the steps."""
    machine.need()
    image = machine.Image()
    for name in ("outpost", "outpost-climate"):
        image.program(name)
    image.add("/box.yaml", yaml.encode(), 0o644)
    image.add("/temp", b"51121\n", 0o644)
    plan = [["module", "/i2c-dev.ko"], ["module", "/i2c-stub.ko", "chip_addr=0x5f,0x5c"],
            ["adapter", "SMBus stub", BUS], *pokes(0x5F, HTS221), *pokes(0x5C, LPS25H),
            ["start", "/bin/outpost-climate", "--appliance", "/box.yaml", "--runtime", "/run/box", "--state", "/run"],
            ["await", "/run/box/bus/climate.reading"], *steps, ["stop"]]
    lines = machine.boot(image, plan, ["i2c-dev", "i2c-stub"])
    assert "init: finished" in lines and "init: it ended with 0" in lines, "\n".join(lines)
    return lines


def tap(topic, count):
    return ["run", "/bin/outpost", "tap", topic, "--json", "--count", count, "--timeout", 60, "--runtime", "/run/box"]


YAML = ("appliance: box\nservices:\n  climate:\n    program: outpost-climate\n    device: i2c:/dev/hat\n"
        "    cpu_temp_path: /temp\n    interval_s: 0.2\n    round_ms: 1\n    retry_s: 0.2\n")


@ot.test(timeout=300)
def readings_come_through_the_kernel():
    lines = hat(YAML + "    frozen_after: 0\n", tap("climate.reading", 3))
    readings = [json.loads(x) for x in lines if x.startswith('{"topic":"climate.reading"')]
    assert len(readings) == 3, "\n".join(lines)
    for r in readings:  # 27.5057 and 25.5 degC, 45.4548 %RH, 1013 hPa
        assert abs(r["raw_c"] - (27.5057 + 25.5) / 2) < 1e-4 and r["humidity"] == 49.5, r
        assert r["pressure_hpa"] == 1013 and r["cpu_c"] == 51.121 and r["compensated"] == "yes", r
        assert r["temperature_c"] == 1.8, r  # 26.50285 - 24.61815 x 0.7 - 7.5
    assert not [x for x in lines if "degraded" in x], "\n".join(lines)


@ot.test(timeout=300)
def chips_that_stand_still_are_told():
    lines = hat(YAML + "    frozen_after: 3\n", tap("climate.reading", 3), tap("status.climate", 5))
    assert any(re.search("Error updating sensor data: frozen: .* over 3 readings", x) for x in lines), "\n".join(lines)
    states = [json.loads(x)["state"] for x in lines if x.startswith('{"topic":"status.climate"')]
    assert states[-1] == "degraded", states


ot.main()
