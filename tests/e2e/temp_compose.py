# temp_compose.py - the temperature monitor's Compose file as Compose reads it, and what its image is made of. The image
# itself is built by `make check-image`.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import re
import shutil
import subprocess

import outpost_test as ot

SOURCE = ot.SOURCE / "appliances/temp-monitor"
SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = f"BEARER_TOKEN={SECRET}\n"
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}


def compose(env, *files):
    """The program directory's services as Compose understands them, as data."""
    at = ot.directory() / "temp_monitor"
    (at / "tree").mkdir(parents=True)
    for file in SOURCE.glob("docker-compose*.yml"):
        shutil.copy(file, at)
    (at / ".env").write_text(env)
    if shutil.which("docker") and ot.run("docker", "compose", "version").returncode == 0:
        tool = ["docker", "compose"]
    elif shutil.which("docker-compose"):
        tool = ["docker-compose"]  # the first of its kind does not know ":+"
        token = re.search(r"^CLOUDFLARED_TOKEN=(.*)$", env, re.M)
        file = at / "docker-compose.yml"
        file.write_text(file.read_text().replace("0${CLOUDFLARED_TOKEN:+1}", "01" if token and token[1] else "00"))
    else:
        raise ot.Skip("neither docker compose nor docker-compose is installed")
    done = subprocess.run([*tool, *[a for f in files for a in ("-f", f)], "config"], cwd=at, env=CLEAN,
                          capture_output=True, text=True)
    shutil.rmtree(at)
    assert done.returncode == 0, done.stderr
    # The system's Python has the YAML that docker-compose brought.
    data = subprocess.run(["/usr/bin/python3", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"],
                          input=done.stdout, capture_output=True, text=True)
    if "No module named 'yaml'" in data.stderr:
        raise ot.Skip("python3-yaml is not installed")
    return json.loads(data.stdout)["services"]


def mebibytes(value):
    return int(value.rstrip("m")) if str(value).endswith("m") else int(value) >> 20


def copies(service):
    return int(service["deploy"]["replicas"])


@ot.test(timeout=60)
def compose_takes_the_file():
    with_token, without = compose(TOKEN + "CLOUDFLARED_TOKEN=t\n"), compose(TOKEN)
    monitor = without["temp-monitor"]
    assert mebibytes(monitor["mem_limit"]) == 512 and mebibytes(monitor["mem_reservation"]) == 256
    assert monitor["restart"] == "unless-stopped" and "privileged" not in monitor
    check = monitor["healthcheck"]
    assert (check["interval"], check["timeout"], check["retries"]) == ("30s", "10s", 3), check
    port = monitor["ports"][0]
    assert "limits" not in json.dumps(monitor.get("deploy", {})) and not any(k.startswith("cpu") for k in monitor), monitor
    assert len(monitor["ports"]) == 1 and str(port["published"]) == "8080" and int(port["target"]) == 8080
    assert monitor["environment"]["BEARER_TOKEN"] == SECRET, "env_file"
    assert monitor["environment"]["HOST"] == "0.0.0.0", "the tunnel asks it from its own container"
    assert monitor["environment"]["LOG_FILE"] == "/app/logs/temp_monitor.log"
    text = json.dumps(monitor["volumes"]) + json.dumps(monitor["devices"])
    for part in ("/app/logs", "/app/static", "/dev/i2c-1"):
        assert part in text, (part, text)
    assert monitor["read_only"] is True and monitor["cap_drop"] == ["ALL"] and len(monitor["cap_add"]) == 3
    assert copies(with_token["cloudflared"]) == 1 and copies(without["cloudflared"]) == 0
    assert with_token["cloudflared"]["environment"]["TUNNEL_TOKEN"] == "t"
    moved = compose(TOKEN + "PORT=9090\n")["temp-monitor"]
    assert str(moved["ports"][0]["published"]) == "9090" and moved["environment"]["PORT"] == "9090"
    led = compose(TOKEN, "docker-compose.yml", "docker-compose.led.yml")["temp-monitor"]
    assert "/dev/fb1" in json.dumps(led["devices"]) and "/dev/i2c-1" in json.dumps(led["devices"])


@ot.test()
def the_image_is_what_the_contract_says_of_it():
    lines = (SOURCE / "Dockerfile").read_text().replace("\\\n", " ")
    assert "\nEXPOSE 8080\n" in lines and "\nUSER outpost\n" in lines and "\nSTOPSIGNAL SIGTERM\n" in lines
    check = re.search(r"^HEALTHCHECK (.*)$", lines, re.M)[1]
    assert re.match(r"--interval=30s --timeout=10s --start-period=10s --retries=3\s+CMD outpost health ", check), check
    for source in re.findall(r"^COPY ((?!--)[^\n]+) \S+$", lines, re.M):
        for path in source.split():
            assert (ot.SOURCE / path).exists(), path
    kept_out = (ot.SOURCE / ".dockerignore").read_text().split()
    # From the directory as Compose has it, though it be a link elsewhere.
    context = re.search(r"context: \$\{OUTPOST_SOURCE:-(\S+)\}", (SOURCE / "docker-compose.yml").read_text())[1]
    link = ot.directory() / "temp_monitor"
    link.symlink_to(SOURCE)
    assert (pathlib.Path(os.path.normpath(link / context)) / "appliances/temp-monitor/Dockerfile").samefile(
        SOURCE / "Dockerfile")
    assert "**/.env" in kept_out and ".git" in kept_out, "no secret in an image"


ot.main()
