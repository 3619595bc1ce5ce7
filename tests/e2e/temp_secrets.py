# temp_secrets.py - canaries for secrets: they are given to the temperature monitor, everything is driven that could
# let them out, and then everything it wrote, said or became is searched for them.
#
# Searched: log, standard output and error, each HTTP answer with its fields, what every tool says, a backup,
# /proc/PID/cmdline and environ of every process while deliveries run, all files of the runtime directory (topics,
# sockets' names) and of the state directory (databases and their logs). Where a secret may be: in the memory of
# those that use it, in the environment file, and, given by the environment, in the environ of `outpost run` and of the
# one service that it is for.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import base64
import json
import os
import subprocess
import threading
import urllib.parse

import outpost_test as ot
import receivers

TOKEN, WRONG = "cAnBeareR0123456789abcdef0123", "cAnGuesseD0123456789abcdef012"
TUNNEL = "cAnTunneL0123456789abcdef0123"
FIRST = {"user": "cAnUseR1", "password": "cAn/PasS+1", "path": "cAnPatH1", "query": "cAnQuerY1"}
SECOND = {"user": "cAnUseR2", "password": "cAn/PasS+2", "path": "cAnPatH2", "query": "cAnQuerY2"}
TYPED = {"user": "cAnUseR3", "password": "cAn/PasS+3", "path": "cAnPatH3", "query": "cAnQuerY3"}  # by mistake
CANARIES = {"token": TOKEN, "guess": WRONG, "tunnel": TUNNEL,
            **{f"{which} {part}": value for which, url in (("first", FIRST), ("second", SECOND), ("typed", TYPED))
               for part, value in url.items()}}


def address(of, place, scheme="http"):
    quoted = {k: urllib.parse.quote(v, safe="") for k, v in of.items()}
    return f"{scheme}://{quoted['user']}:{quoted['password']}@{place}/services/T0/{of['path']}?sig={of['query']}"


def forms(text):
    """The text as it is, as URLs quote it, in hexadecimal, and inside base64 of whatever is around it."""
    data = text.encode()
    found = {data, urllib.parse.quote(text, safe="").encode(), data.hex().encode(), json.dumps(text)[1:-1].encode(),
             text.replace("/", "\\/").encode()}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data)
        found.add(whole[(before * 8 + 5) // 6:(before + len(data)) * 8 // 6])
    return found | {base64.b64encode(data).rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")}


NEEDLES = {name: forms(value) for name, value in CANARIES.items()}


def search(where, data, but=()):
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogateescape")
    for name, needles in NEEDLES.items():
        for needle in needles:
            at = data.find(needle)
            assert at < 0 or name in but, f"{name} in {where}: ...{data[max(0, at - 80):at + 60]}..."


def search_files(directory):
    n = 0
    for path in directory.rglob("*"):
        search("a file's name", str(path))
        if path.is_file():
            search(path, path.read_bytes())
            n += 1
    return n


class Watch:
    """Reads cmdline, environ and name of every process below one, as long as it lives, again and again."""

    def __init__(self, pid):
        self.top, self.seen, self.over = pid, {}, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.over.wait(0.005):
            for pid in [self.top, *ot._below(self.top)]:
                self.read(pid)

    def read(self, pid):
        try:
            program = os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[-1]
            for part in ("cmdline", "environ", "comm"):
                with open(f"/proc/{pid}/{part}", "rb") as f:
                    self.seen.setdefault((program, part), set()).add(f.read())
        except OSError:
            pass  # it has just ended

    def stop(self):
        self.over.set()
        self.thread.join()
        return {program for program, _ in self.seen}


class Monitor(ot.Process):
    """The appliance with its secrets in a private file, or in its environment."""

    def __init__(self, url, by):
        self.base = ot.directory() / by
        self.runtime, self.state, self.env_file = self.base / "rt", self.base / "state", self.base / ".env"
        for path in (self.runtime, self.state):
            path.mkdir(parents=True)
        self.port, self.readings = ot.free_port(), self.base / "mock.json"
        self.read(20)
        self.secrets = secrets = {"BEARER_TOKEN": TOKEN, "SLACK_WEBHOOK_URL": url, "CLOUDFLARED_TOKEN": TUNNEL}
        self.env_file.touch(0o600)
        self.env_file.write_text("".join(f"{k}={v}\n" for k, v in secrets.items()) if by == "file" else "")
        variables = {"PATH": os.environ["PATH"], "USE_MOCK_SENSOR": "1", "MOCK_SENSOR_FILE": self.readings,
                     "SAMPLING_INTERVAL": "0.2", "CPU_TEMP_PATH": "/nonexistent", "LOG_FILE": self.base / "logs/log",
                     "WEBHOOK_RETRY_DELAY": "1", "WEBHOOK_TIMEOUT": "5", "STATUS_UPDATE_ENABLED": "1",
                     **({} if by == "file" else secrets)}
        for name, value in os.environ.items():  # of a sanitizer
            if name.endswith("SAN_OPTIONS") or name.startswith("LD_"):
                variables[name] = value
        super().__init__("env", "-i", *(f"{k}={v}" for k, v in variables.items() if k not in secrets),
                         *(["sh", "-c", 'set -a; . "$0"; set +a; exec "$@"', self.secret_file(secrets)]
                           if by == "environment" else []),
                         ot.OUTPOST, "run", "temp-monitor", "--env", self.env_file, "--runtime", self.runtime,
                         "--state", self.state, "--set", f"services.web.listen=127.0.0.1:{self.port}",
                         "--set", "services.climate.round_ms=1", "--set", "log.repeat_s=0")
        self.wait_line("^ready", 30)
        self.answers = []

    def secret_file(self, secrets):
        path = ot.directory() / "given"
        path.write_text("".join(f"{k}='{v}'\n" for k, v in secrets.items()))
        return path

    def read(self, celsius):
        beside = self.readings.with_suffix(".new")
        beside.write_text(json.dumps({"temp_humidity": celsius + 7.5, "temp_pressure": celsius + 7.5, "humidity": 46}))
        beside.rename(self.readings)

    def ask(self, path, method="GET", body=None, token=TOKEN, **headers):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = ot.request(f"http://127.0.0.1:{self.port}{path}", method=method, data=data, timeout=30,
                            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers})
        self.answers.append((method, path, answer.status, str(answer.headers), answer.body))
        return answer

    def aim(self, url, **more):
        answer = self.ask("/api/webhook/config", "PUT", {"webhook": {"url": url, "retry_count": 1, **more}})
        assert answer.status == 200, answer.body


def echo(status):
    """A receiver that repeats what it was told, as it stands and decoded."""
    def act(handler, got):
        basic = got.headers["Authorization"]
        user = base64.b64decode(basic.split()[1]).decode()
        said = f"{got.path} {basic} {user} {urllib.parse.quote(user, safe='')} {json.dumps(got.path.split('/'))} "
        receivers.answer(handler, status, said.encode(), Location=got.path, X_Said=said, Retry_After="0")
    return act


def garbage(handler, got):
    handler.wfile.write(b"\0\1" + got.path.encode() + b"\r\n\r\n")
    handler.close_connection = True


def fail_in_each_way(box, to):
    """Each kind of failure of a delivery, of a test message and of an alert."""
    place = f"localhost:{to.port}"
    for act in (echo(500), echo(404), echo(302), echo(307), garbage, receivers.resets(), receivers.resets(b"HTTP/1.1 200"),
                receivers.says(200, b"x", Content_Length="100")):
        to.answers["*"] = act
        box.aim(address(SECOND, place))
        box.ask("/api/webhook/test", "POST", {})
    for url in (address(SECOND, "localhost:9"), address(SECOND, "nowhere.invalid"), address(SECOND, place, "https")):
        box.aim(url)
        assert box.ask("/api/webhook/test", "POST", {}).status == 500
    to.answers["*"] = receivers.hangs
    box.aim(address(SECOND, place), timeout=5)
    assert box.ask("/api/webhook/test", "POST", {}).status == 500
    to.answers["*"] = echo(503)
    box.read(40)
    after = len(box.output())
    box.wait_line("Webhook failed after 1 attempts: [0-9a-f]+-again-", 30, after)
    to.answers["*"] = echo(200)
    box.wait_line("Webhook alerts sent: ", 30, after)
    assert box.ask("/api/webhook/test", "POST", {}).status == 200


def mistakes(box):
    """What operators and strangers type."""
    for url in (address(TYPED, "localhost", "ftp"), address(TYPED, ""), address(TYPED, "[::1"), address(TYPED, "a b"),
                address(TYPED, "localhost:99999"), TYPED["path"], address(TYPED, "localhost") + "\n" + TYPED["path"]):
        box.ask("/api/webhook/config", "PUT", {"webhook": {"url": url}})
    box.ask("/api/webhook/config", "PUT", {"webhook": {"url": address(TYPED, "localhost"), "retry_count": "x"}})
    box.ask("/api/webhook/config", "PUT", b'{"webhook": {"url": "' + address(TYPED, "localhost").encode())
    for path in ("/api/temp", "/api/raw", "/metrics", "/api/webhook/config", "/api/verify-token"):
        box.ask(path, token=WRONG)
        box.ask(path + "?token=" + WRONG, token=WRONG, Cookie=f"outpost-token={WRONG}")
        box.ask(path, Authorization=f"Basic {base64.b64encode(WRONG.encode()).decode()}")


def ask_everything(box):
    for path in ("/", "/health", "/metrics", "/api/temp", "/api/raw", "/api/verify-token", "/api/webhook/config", "/docs",
                 "/swagger.json", "/dashboard/data", "/dashboard/history?from=-1h", "/status", "/api/alerts", "/api/topics",
                 "/nothing", "/api/webhook/none", "/app/"):
        box.ask(path)
    box.ask("/metrics", Accept="text/plain; version=0.0.4")
    for method, path in (("POST", "enable"), ("POST", "disable"), ("POST", "enable"), ("DELETE", "config")):
        box.ask("/api/webhook/" + path, method, {})


def tools_say(box, by):
    """The output of every tool, and the files of a backup."""
    at = ["--runtime", box.runtime]
    env = {k: v for k, v in os.environ.items() if k not in box.secrets} | (box.secrets if by == "environment" else {})
    commands = [["status", *at], ["status", "--json", *at], ["outbox", "list", "--state", box.state, *at],
                ["outbox", "list", "--json", "--state", box.state, *at],
                ["config", "show", "temp-monitor", "--env", box.env_file],
                ["config", "check", "temp-monitor", "--env", box.env_file],
                ["backup", box.base / "backup.tar.zst", "temp-monitor", "--state", box.state, "--env", box.env_file]]
    commands += [["call", "alerts", method, "--json", *at] for method in ("config", "list", "status", "ping", "none")]
    commands += [["tap", topic, "--json", "--last", 20, "--count", 20, "--timeout", 0.2, *at]
                 for topic in ("alerts.state", "alerts.event", "status.alerts", "status.web", "climate.reading")]
    for command in commands:
        done = subprocess.run([str(ot.OUTPOST), *map(str, command)], env=env, capture_output=True,
                              timeout=ot.patient(60), check=False)
        search(" ".join(map(str, command)), done.stdout + done.stderr)
    plain = subprocess.run(["zstd", "-dcq", box.base / "backup.tar.zst"], capture_output=True, check=True).stdout
    assert len(plain) > 10000
    search("the backup", plain)


ALLOWED = {  # in environ, of secrets that were given by the environment: who must hold it
    "outpost": {"token", "tunnel", *(f"first {part}" for part in FIRST)},
    "outpost-temp-monitor": {"token"},
    "outpost-alerts": {f"first {part}" for part in FIRST},
}


def nothing_in_proc(watch, by):
    programs = watch.stop()
    assert programs >= {"outpost", "outpost-alerts", "outpost-post", "outpost-climate", "outpost-recorder",
                        "outpost-temp-monitor"}, programs
    for (program, part), contents in watch.seen.items():
        but = ALLOWED.get(program, ()) if by == "environment" and part == "environ" else ()
        for content in contents:
            search(f"{part} of {program}", content, but)


def run_with(by):
    with receivers.Receiver({"*": echo(500)}) as to:
        with Monitor(address(FIRST, f"localhost:{to.port}"), by) as box:
            watch = Watch(box.pid)
            box.read(40)
            box.wait_line("Webhook failed after 3 attempts: ", 30)
            assert to.got[0].path.endswith(f"/{FIRST['path']}?sig={FIRST['query']}")
            basic = base64.b64encode(f"{FIRST['user']}:{FIRST['password']}".encode()).decode()
            assert to.got[0].headers["Authorization"] == f"Basic {basic}"
            fail_in_each_way(box, to)
            mistakes(box)
            ask_everything(box)
            tools_say(box, by)
            assert search_files(box.runtime) > 8
            search_files(box.state)
            assert box.stop() == 0
            nothing_in_proc(watch, by)
            for answer in box.answers:
                search(f"the answer of {answer[:3]}", f"{answer[3]}\n".encode() + answer[4])
            search("its output", "\n".join(box.output()))
            assert search_files(box.state) >= 3 and search_files(box.base / "logs") >= 1
            search_files(box.runtime)


@ot.test(timeout=120)
def canaries_in_a_file_are_found_nowhere():
    run_with("file")


@ot.test(timeout=120)
def canaries_in_the_environment_are_found_only_with_those_they_are_for():
    run_with("environment")


@ot.test(timeout=60)
def a_start_that_fails_does_not_say_them():
    env = ot.directory() / ".env"
    for wrong in (f"BEARER_TOKEN={TOKEN} {TOKEN}", f"BEARER_TOKEN={TOKEN}\nSLACK_WEBHOOK_URL={address(FIRST, 'x', 'ftp')}",
                  f"BEARER_TOKEN={TOKEN}\nSLACK_WEBHOOK_URL={FIRST['path']}",
                  f"BEARER_TOKEN={TOKEN}\nSLACK_WEBHOOK_URL={address(FIRST, 'x')}\nWEBHOOK_TIMEOUT=0",
                  f"BEARER_TOKEN='{TOKEN}\nSLACK_WEBHOOK_URL={address(FIRST, 'x')}"):
        env.write_text(wrong + "\n")
        for command in (["run", "temp-monitor", "--runtime", ot.directory(), "--state", ot.directory()],
                        ["config", "check", "temp-monitor"], ["config", "show", "temp-monitor"]):
            done = subprocess.run(["env", "-i", f"LOG_FILE={ot.directory()}/log", str(ot.OUTPOST), *map(str, command),
                                   "--env", str(env)], capture_output=True, timeout=ot.patient(20), check=False)
            assert command[0] != "run" or done.returncode == 1, done
            search(f"{command} with {wrong!r}", done.stdout + done.stderr)
    env.unlink()
    search_files(ot.directory())


ot.main()
