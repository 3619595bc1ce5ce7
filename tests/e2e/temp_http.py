# temp_http.py - the temperature monitor's HTTP as its clients know it: every route, byte by byte, with good
# and bad input, with and without the token.
#
# The climate service runs as a mock whose readings a file says. For the webhook routes a stand-in speaks for
# the alerts service (outpost-call(7)), so that each of its answers can be had, the wrong ones too.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading

import outpost_test as ot
import packages
import receivers

TOKEN = "a-token-of-the-tests"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
NEEDED = b"Authorization header with Bearer token required"
INVALID = b"Invalid bearer token"
PLAIN = ("/health", "/metrics", "/api/temp", "/api/raw", "/api/verify-token")
HOOK = "/api/webhook/"
HOOKS = (("GET", "config"), ("PUT", "config"), ("POST", "test"), ("POST", "enable"), ("POST", "disable"))


class Alerts:
    """Speaks for the alerts service: config, configure, test, as it is told to."""

    def __init__(self, runtime):
        (runtime / "call").mkdir(parents=True, exist_ok=True)
        self.asked, self.fail, self.delivered = [], {}, True
        self.may_test = threading.Event()  # until then a test message is under way
        self.may_test.set()
        self.may_configure = threading.Event()  # the same of a change
        self.may_configure.set()
        self.slack = {"type": "slack", "url": None, "enabled": True, "attempts": 3, "backoff_ms": 5000,
                      "timeout_ms": 10000}
        self.rules = {"temp_high": {"above": "32.0", "below": None}, "temp_low": {"above": None, "below": "15.0"},
                      "humidity_high": {"above": "70.0", "below": None},
                      "humidity_low": {"above": None, "below": "20"}}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(runtime / "call/alerts.sock"))
        self.socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.socket.accept()[0]
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        with client, contextlib.suppress(OSError), client.makefile("rwb") as stream:
            for line in stream:
                wish = json.loads(line)
                stream.write(json.dumps(self.answer(wish["method"], wish.get("args", {}))).encode() + b"\n")
                stream.flush()

    def answer(self, method, args):
        self.asked.append((method, args))
        if method in self.fail:
            code, error = self.fail[method]
            return {"ok": False, "code": code, "error": error}
        if method == "test":
            assert self.may_test.wait(ot.patient(30))
            return {"ok": True, "result": {"delivered": self.delivered, "message": "as told"}}
        if method == "configure":
            assert self.may_configure.wait(ot.patient(30))
            self.slack.update(args.get("channels", {}).get("slack", {}))
            for name, limits in args.get("rules", {}).items():
                self.rules[name].update(limits)
        url = self.slack["url"]
        origin = url and "/".join(url.split("/")[:3])
        return {"ok": True, "result": {"channels": {"slack": {**self.slack, "url": origin}}, "rules": self.rules}}


class Rig:
    def __init__(self, web):
        self.web, self.port, self.url = web, web.port, web.url

    def raw(self, data):
        """Everything the server says to these bytes until it closes."""
        got = b""
        with socket.create_connection(("127.0.0.1", self.port), ot.patient(10)) as s:
            s.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                while chunk := s.recv(65536):
                    got += chunk
        return got

    def ask(self, method, path, headers=AUTH, body=None):
        """Status, header fields and body, by a socket: nothing is added to what is said here."""
        lines = [f"{method} {path} HTTP/1.0", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head, _, rest = self.raw("\r\n".join(lines + ["", ""]).encode("latin-1") + (body or b"")).partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        return int(first.split()[1]), {k.lower(): v for k, v in (f.split(": ", 1) for f in fields)}, rest

    def get(self, path, headers=AUTH):
        return self.ask("GET", path, headers)

    def hook(self, method, path, body=None, headers=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if data is not None else {}
        status, _, rest = self.ask(method, HOOK + path, {**AUTH, **kind, **(headers or {})}, data)
        return status, rest


@contextlib.contextmanager
def monitor(*sets, readings=None, alerts=False):
    """outpost-temp-monitor and a mock of the sensor; readings None: there is no sensor service."""
    base = ot.directory()
    file, runtime, values = base / "box.yaml", base / "r", base / "values"
    values.write_text(json.dumps(readings or {}))
    file.write_text("appliance: box\nservices:\n"
                    "  climate:\n    program: outpost-climate\n    mock: true\n    round_ms: 0\n    interval_s: 0.5\n"
                    f"    retry_s: 0.1\n    mock_file: {values}\n    cpu_temp_path: {base}/cpu\n"
                    "  alerts:\n    program: outpost-alerts\n"
                    "  web:\n    program: outpost-temp-monitor\n    host_optional: true\n    max_head: 262144\n")
    (base / "cpu").write_text("51121\n")
    common = ("--appliance", file, "--runtime", runtime, "--state", base / "s")
    with contextlib.ExitStack() as stack:
        if readings:
            sensor = stack.enter_context(ot.Process(ot.BUILD / "outpost-climate", *common, "--service", "climate"))
            sensor.wait_line("Temperature: ")
        stand_in = Alerts(runtime) if alerts else None
        port = ot.free_port()
        web = stack.enter_context(ot.Process(
            ot.BUILD / "outpost-temp-monitor", *common, "--service", "web", "--set",
            f"services.web.listen=127.0.0.1:{port}", *[a for s in (f"token={TOKEN}", *sets)
                                                      for a in ("--set", f"services.web.{s}")], env={"TZ": "UTC"}))
        web.wait_line("listening on")
        web.port, web.url = port, f"http://127.0.0.1:{port}/"
        rig = Rig(web)
        rig.alerts, rig.values = stand_in, values
        if readings:
            rig.sensor = sensor
            ot.wait_until(lambda: rig.get("/health")[0] == 200, what="a reading is served")
        yield rig
        (runtime / "call/alerts.sock").unlink(missing_ok=True)
        assert web.stop() == 0, web.output()


ROOM = {"temp_humidity": 25.0, "temp_pressure": 25.0, "humidity": 40.0}


# ---- plain routes --------------------------------------------------------------------------


@ot.test()
def readings_are_answered_byte_by_byte():
    with monitor(readings=ROOM) as m:
        when = rb"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
        status, fields, body = m.get("/api/temp")
        assert status == 200 and fields["content-type"] == "application/json"
        assert fields["x-content-type-options"] == "nosniff" and int(fields["content-length"]) == len(body)
        assert re.fullmatch(rb'{"compensated":true,"humidity":44.0,"temperature_c":-0.8,"temperature_f":30.6,'
                            rb'"timestamp":"' + when + rb'"}\n', body), body
        body = m.get("/api/raw")[2]
        assert re.fullmatch(rb'{"calibration":{"cpu_factor":0.7,"humidity_offset":4.0,"offset_f":-13.5},'
                            rb'"compensated":true,"compensated_temperature":-0.8,"cpu_temperature":51.1,'
                            rb'"humidity":44.0,"raw_temperature":25.0,"timestamp":"' + when + rb'"}\n', body), body
        assert m.get("/api/verify-token")[2] == b'{"message":"Token is valid","valid":true}\n'
        body = m.get("/health", {})[2]
        assert re.fullmatch(rb'{"last_reading_age_seconds":\d+\.\d,"reading_stale":false,"sensor_thread_alive":true,'
                            rb'"status":"healthy","temperature_compensated":true,"timestamp":\d+\.\d+,'
                            rb'"uptime_seconds":\d+\.\d+}\n', body), body


@ot.test()
def air_cannot_be_wetter_than_wet():
    with monitor(readings={**ROOM, "humidity": 98.0}) as m:
        assert b'"humidity":100,"temperature_c":' in m.get("/api/temp")[2]
        assert b'"humidity":100,' in m.get("/api/raw")[2] and b'"current_humidity_percent":100,' in m.get("/metrics")[2]


@ot.test()
def many_who_ask_for_raw_values_share_a_measurement():
    with monitor(readings=ROOM) as m, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", m.port), ot.patient(10)))
                   for _ in range(40)]
        for client in clients:
            client.sendall(f"GET /api/raw HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        clients.pop().close()  # one leaves
        for client in clients:
            with client.makefile("rb") as answer:
                assert b'"raw_temperature":25.0,' in answer.read()


@ot.test()
def before_the_first_reading_there_is_none():
    with monitor() as m:
        status, _, body = m.get("/health", {})
        assert status == 503 and m.ask("HEAD", "/health", {})[0] == 503
        assert body.startswith(b'{"last_reading_age_seconds":null,"reading_stale":true,"sensor_thread_alive":false,'
                               b'"status":"unhealthy","temperature_compensated":false,"timestamp":'), body
        assert m.get("/api/temp")[2] == (b'{"compensated":false,"humidity":0,"temperature_c":0,"temperature_f":32.0,'
                                         b'"timestamp":"Never"}\n')
        raw = json.loads(m.get("/api/raw")[2])
        assert raw["cpu_temperature"] == 51.1 and raw["raw_temperature"] is None and raw["timestamp"] == "Never"
        (m.values.parent / "cpu").unlink()
        assert json.loads(m.get("/api/raw")[2])["cpu_temperature"] is None


@ot.test(timeout=60)
def a_sensor_that_ends_is_told_and_its_last_reading_stays():
    with monitor(readings=ROOM) as m:
        assert m.sensor.stop() == 0
        ot.wait_until(lambda: m.get("/health")[0] == 503, what="/health is 503")
        health = json.loads(m.get("/health")[2])
        assert not health["sensor_thread_alive"] and health["status"] == "unhealthy"
        ot.wait_until(lambda: json.loads(m.get("/health")[2])["reading_stale"], what="the reading is stale")
        assert b'"temperature_c":-0.8,' in m.get("/api/temp")[2]
        assert json.loads(m.get("/api/raw")[2])["raw_temperature"] is None


@ot.test(timeout=60)
def nobody_waits_for_a_sensor_that_is_known_to_be_stuck():
    with monitor(readings=ROOM) as m:
        os.kill(m.sensor.pid, signal.SIGSTOP)
        try:
            ot.wait_until(lambda: not json.loads(m.get("/health")[2])["sensor_thread_alive"], what="it is known")
            raw = json.loads(m.get("/api/raw")[2])
            assert raw["raw_temperature"] is None and raw["cpu_temperature"] == 51.1, raw
            assert raw["compensated_temperature"] == -0.8 and m.get("/health")[0] == 503
        finally:
            os.kill(m.sensor.pid, signal.SIGCONT)


@ot.test()
def a_mock_is_called_one_on_the_dashboard():
    with monitor(readings=ROOM) as m:
        page = m.get("/", {})[2].decode()
        assert ">READINGS ARE FABRICATED: a mock plays the sensor" in page, page
        assert ">-0.8°C<" in page and 'id="well" data-on="no"' in page


@ot.test()
def metrics_are_known_by_their_keys_and_count_every_request():
    with monitor(readings=ROOM) as m:
        first = json.loads(m.get("/metrics", {})[2])
        assert list(first) == ["application", "hardware", "system"]
        assert list(first["application"]) == ["current_humidity_percent", "current_temp_c", "last_sensor_update",
                                              "sensor_thread_alive", "total_requests", "uptime_seconds",
                                              "webhook_alerts_sent"]
        assert list(first["system"]) == ["cpu_percent", "file_descriptors", "memory_mb", "memory_percent", "threads"]
        assert first["hardware"] == {"cpu_temp_c": 51.121} and first["application"]["current_temp_c"] == -0.8
        assert first["system"]["memory_mb"] > 1 and 0 <= first["system"]["cpu_percent"] <= 100
        assert first["system"]["file_descriptors"] > 5 and first["system"]["threads"] >= 2
        before = first["application"]["total_requests"]
        for path, method in (("/nope", "GET"), ("/api/temp", "POST"), ("/health", "HEAD"), ("/docs", "OPTIONS")):
            m.ask(method, path, {})
        m.get("/api/temp", {})
        m.raw(b"get /health HTTP/1.1\r\n\r\n")
        after = json.loads(m.get("/metrics", {})[2])["application"]["total_requests"]
        assert after == before + 7, (before, after)
        text = json.dumps(json.loads(m.get("/metrics", {})[2]), indent=4, sort_keys=True).split("\n")
        at = text.index('    "system": {')
        assert any("memory_mb" in line for line in text[at:at + 11])


@ot.test()
def figures_that_cannot_be_had_are_said_to_be_so():
    with monitor(readings=ROOM) as m:
        client = Client(m.port)

        def ask():
            client.send("/metrics")
            return json.loads(client.answer().partition(b"\r\n\r\n")[2])
        assert ask()["system"]["threads"] > 1
        before = resource.prlimit(m.web.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(m.web.pid, resource.RLIMIT_NOFILE, (0, before[1]))  # it opens no file any more
        ot.wait_until(lambda: ask()["system"] == {"error": "Unable to collect system metrics"}, what="they are missing")
        assert ask()["hardware"] == {"cpu_temp_c": None} and ask()["application"]["current_temp_c"] == -0.8
        resource.prlimit(m.web.pid, resource.RLIMIT_NOFILE, before)
        ot.wait_until(lambda: "threads" in ask()["system"], what="they are there again")
        client.socket.close()


@ot.test()
def prometheus_gets_its_own_text():
    with monitor(readings=ROOM) as m:
        for accept in ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "application/openmetrics-text;version=1.0.0"):
            status, fields, body = m.get("/metrics", {"Accept": accept})
            assert status == 200 and fields["content-type"].startswith("text/plain; version=0.0.4"), fields
            assert b"# TYPE outpost_http_requests_total counter\n" in body
            assert b'outpost_value{topic="climate.reading",field="temperature_c",unit="degC"} -0.8\n' in body
        for accept in ("*/*", "application/json", "text/html", "application/json, text/plain, */*"):
            assert m.get("/metrics", {"Accept": accept})[1]["content-type"] == "application/json"


@ot.test(timeout=120)
def promtool_finds_nothing_wrong_with_it():
    # Installed, the package would start a server.
    promtool = packages.program("promtool", "prometheus")
    with ot.Outpost("temp-monitor") as box:
        text = ot.get(box.url + "metrics", headers={"Accept": "text/plain"}).text
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\noutpost_service_rss_bytes{" in text
    wrong = subprocess.run([promtool, "check", "metrics"], input="a_s 1\n", capture_output=True, text=True, check=False)
    assert wrong.returncode, "it judges"


# ---- the token -----------------------------------------------------------------------------


@ot.test()
def the_token_is_asked_for_in_the_words_of_the_contract():
    cases = [(None, NEEDED), ("", NEEDED), (f"bearer {TOKEN}", NEEDED), ("Basic abc", NEEDED), ("Bearer", NEEDED),
             ("Bearer ", NEEDED), (f"Bearer {TOKEN} junk", INVALID), (f"Bearer  {TOKEN}", INVALID),
             (f"Bearer {TOKEN}x", INVALID), (f"Bearer {TOKEN[:-1]}", INVALID), ("Bearer t\xf6ken", INVALID)]
    with monitor(alerts=True) as m:
        for given, text in cases:
            headers = {} if given is None else {"Authorization": given}
            for path in ("/api/temp", "/api/raw", "/api/verify-token"):
                status, fields, body = m.get(path, headers)
                assert (status, body) == (401, b'{"error":"' + text + b'"}\n'), (given, path, status, body)
                assert fields["www-authenticate"] == "Bearer"
            for method, path in HOOKS:
                status, fields, body = m.ask(method, HOOK + path, headers, b"{" if method == "PUT" else None)
                assert (status, body) == (401, b'{"message": "' + text + b'"}\n'), (given, path, status, body)
                assert fields["www-authenticate"] == "Bearer"
        two = f"GET /api/temp HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        assert m.raw(two.encode()).endswith(b'{"error":"Invalid bearer token"}\n')
        assert m.get("/api/verify-token", {"Authorization": f"Bearer {TOKEN} \t"})[0] == 200
        lines = [line for line in m.web.output() if " refused: " in line]
        assert len(lines) == 5 and "127.0.0.1" in lines[0] and not any(TOKEN in line for line in m.web.output())
        assert not m.alerts.asked


@ot.test(timeout=60)
def metrics_are_for_whom_the_setting_says():
    proxied = [{name: "x"} for name in ("Cf-Connecting-Ip", "Cf-Ray", "X-Forwarded-For", "Forwarded")]
    for setting, local, through in (("auto", 200, 401), ("open", 200, 200), ("token", 401, 401)):
        with monitor(f"metrics_auth={setting}") as m:
            assert m.get("/metrics", {})[0] == local
            for headers in proxied:
                assert m.get("/metrics", headers)[0] == through, (setting, headers)
                assert m.get("/metrics", {**headers, **AUTH})[0] == 200


@ot.test()
def without_a_token_in_the_settings_nobody_may_ask():
    with monitor("token=") as m:
        for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}, AUTH):
            for path in ("/api/temp", "/api/topics", "/status"):
                assert m.get(path, given)[0] == 401, (given, path)
        assert m.get("/metrics", {})[0] == 200


# ---- manners -------------------------------------------------------------------------------


@ot.test()
def methods_are_told_without_a_token():
    with monitor(alerts=True) as m:
        for path in (*PLAIN, "/docs", "/swagger.json", "/swaggerui/docs.js"):
            status, fields, body = m.ask("OPTIONS", path, {})
            assert (status, body) == (200, b""), path
            assert set(fields["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
            for method in ("DELETE", "PATCH", "TRACE", "PROPFIND"):
                status, fields, body = m.ask(method, path, {})
                assert status == 405 and "allow" in fields and fields["content-type"].startswith("text/html")
                assert b"<title>405 Method Not Allowed</title>" in body
        for path, methods in (("config", {"GET", "HEAD", "PUT", "OPTIONS"}), ("test", {"POST", "OPTIONS"}),
                              ("enable", {"POST", "OPTIONS"}), ("disable", {"POST", "OPTIONS"})):
            status, fields, body = m.ask("OPTIONS", HOOK + path, {})
            assert (status, body) == (200, b"") and set(fields["allow"].split(", ")) == methods
            for method in ("DELETE", "TRACE", "BREW"):
                status, fields, body = m.ask(method, HOOK + path, {})
                assert status == 405 and set(fields["allow"].split(", ")) == methods
                assert body == b'{"message": "The method is not allowed for the requested URL."}\n'


@ot.test()
def head_is_get_without_a_body():
    with monitor(readings=ROOM, alerts=True) as m:
        for path in ("/api/temp", "/api/raw", "/api/verify-token", HOOK + "config", "/docs", "/swagger.json"):
            status, fields, body = m.get(path)
            head = m.ask("HEAD", path)
            assert head[0] == status == 200 and head[2] == b"", path
            assert head[1]["content-length"] == fields["content-length"] == str(len(body))
            assert head[1]["content-type"] == fields["content-type"]


@ot.test()
def what_is_not_there_is_a_page():
    with monitor() as m:
        assert m.get("/swaggerui/nope", {})[0] == 404
        for path in ("/nope", "/favicon.ico", "/api/temp/", "/api/webhook/nope", "/static/../etc/passwd",
                     "/static/%2e%2e/x"):
            for method in ("GET", "POST", "TRACE"):
                status, fields, body = m.ask(method, path, {})
                assert status == 404 and fields["content-type"].startswith("text/html"), (path, status)
                assert b"<title>404 Not Found</title>" in body
                assert fields["content-security-policy"].startswith("default-src 'none'")
        assert m.get("//health?x=1", {})[0] == 503 and m.get("/api/verify-token?x=%zz")[0] == 200


@ot.test()
def what_is_no_request_is_told_in_plain_text():
    with monitor() as m:
        for text, status in ((b"get /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                             (b"brew /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                             (b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
                             (b"GET /health HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
                             (b"POST /health HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n", 501),
                             (b"GET / HTTP/1.1\r\nX: " + b"x" * 262144, 431),
                             (b"PUT /api/webhook/config HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413)):
            head, _, body = m.raw(text).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status), head
            assert b"Content-Type: text/plain; charset=utf-8\r\n" in head and b"\r\nConnection: close" in head
            assert not body.startswith((b"{", b"<"))
        long = b"GET /health HTTP/1.1\r\nX: " + b"x" * 200000 + b"\r\nConnection: close\r\n\r\n"
        assert m.raw(long).startswith(b"HTTP/1.1 503 ")
        many = "".join(f"X-{i}: {'y' * 100}\r\n" for i in range(1500))
        assert m.raw(f"GET /health HTTP/1.1\r\nConnection: close\r\n{many}\r\n".encode()).startswith(b"HTTP/1.1 503 ")
        without_host = b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"
        assert m.raw(without_host).startswith(b"HTTP/1.1 503 ")


# ---- webhooks ------------------------------------------------------------------------------

NOTHING = (b'{"webhook": {"url": null, "enabled": false, "retry_count": 3, "retry_delay": 5, "timeout": 10}, '
           b'"thresholds": {"temp_min_c": null, "temp_max_c": null, "humidity_min": null, "humidity_max": null}}\n')
STORED = (b'{"webhook": {"url": "https://hooks.slack.com", "enabled": true, "retry_count": 3, "retry_delay": 5, '
          b'"timeout": 10}, "thresholds": {"temp_min_c": 15.0, "temp_max_c": 32.0, "humidity_min": 20.0, '
          b'"humidity_max": 70.0}}')
SECRET = "https://hooks.slack.com/services/T0/B0/secret"


@ot.test()
def the_configuration_is_told_without_its_secret():
    with monitor(alerts=True) as m:
        assert m.hook("GET", "config") == (200, NOTHING)
        m.alerts.slack["url"] = SECRET
        assert m.hook("GET", "config") == (200, STORED + b"\n")
        m.alerts.rules["temp_low"]["below"] = None
        assert b'"temp_min_c": null, "temp_max_c": 32.0' in m.hook("GET", "config")[1]
        assert m.hook("GET", "config", headers={"X-Fields": "webhook{url,timeout}"}) == (
            200, b'{"webhook": {"url": "https://hooks.slack.com", "timeout": 10}}\n')
        status, body = m.hook("GET", "config", headers={"X-Fields": "webhook{"})
        assert status == 400 and body.startswith(b'{"message": "Mask parse error')
        assert m.hook("GET", "config", headers={"X-Fields": ""})[1].startswith(b'{"webhook": {"url": "https:')
        # Nothing is done for who asks in a way that cannot be answered.
        asked = len(m.alerts.asked)
        for method, path in HOOKS:
            status, body = m.hook(method, path, {"webhook": {"timeout": 9}} if method == "PUT" else None,
                                  {"X-Fields": "webhook{\xff}"})
            assert status == 400 and body.startswith(b'{"message": "Mask parse error'), (path, body)
        assert len(m.alerts.asked) == asked


@ot.test()
def a_change_is_made_as_a_whole():
    with monitor(alerts=True) as m:
        done = b'{"message": "Webhook configuration updated successfully", "config": '
        assert m.hook("PUT", "config", {}) == (200, done + NOTHING[:-1] + b"}\n")
        status, body = m.hook("PUT", "config", {"webhook": {"url": SECRET, "retry_delay": 7},
                                                "thresholds": {"temp_min_c": -5, "temp_max_c": 30, "humidity_max": None}})
        assert status == 200 and b"secret" not in body, body
        assert body == (done + b'{"webhook": {"url": "https://hooks.slack.com", "enabled": true, "retry_count": 3, '
                        b'"retry_delay": 7, "timeout": 10}, "thresholds": {"temp_min_c": -5.0, "temp_max_c": 30.0, '
                        b'"humidity_min": 20.0, "humidity_max": null}}}\n')
        assert m.alerts.asked[-1] == ("configure", {
            "channels": {"slack": {"url": SECRET, "backoff_ms": 7000}},
            "rules": {"temp_low": {"below": "-5"}, "temp_high": {"above": "30"}, "humidity_high": {"above": None}}})
        count = sum(method == "configure" for method, _ in m.alerts.asked)
        for body, message in (({"thresholds": {"temp_min_c": 30}}, "temp_min_c must be less than temp_max_c"),
                              ({"webhook": {"timeout": 4}}, "timeout must be between 5 and 120"),
                              ([], "Request body must be a JSON object")):
            assert m.hook("PUT", "config", body) == (400, b'{"message": "' + message.encode() + b'"}\n')
        assert count == sum(method == "configure" for method, _ in m.alerts.asked)


@ot.test()
def changes_are_made_one_after_the_other():
    low, high = b'{"thresholds":{"temp_min_c":25}}', b'{"thresholds":{"temp_max_c":20}}'  # each is right alone
    with monitor(alerts=True) as m, contextlib.ExitStack() as stack:
        def send(body):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", m.port), ot.patient(10)))
            client.sendall(f"PUT {HOOK}config HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n".encode() +
                           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return client

        def asked():
            return sum(method == "configure" for method, _ in m.alerts.asked)
        m.alerts.may_configure.clear()
        first = send(low)
        ot.wait_until(lambda: asked() == 1, what="the first is under way")
        second, leaves, last = send(high), send(high), send(b'{"thresholds":{"temp_min_c":26}}')
        leaves.close()
        assert m.get("/api/verify-token")[0] == 200 and m.hook("GET", "config")[0] == 200  # nobody else waits
        m.alerts.may_configure.set()
        answers = [client.makefile("rb").read() for client in (first, second, last)]
        assert [a.split()[1] for a in answers] == [b"200", b"400", b"200"], answers
        assert answers[1].endswith(b'{"message": "temp_min_c must be less than temp_max_c"}\n')
        m.alerts.may_configure.clear()  # the one under way leaves
        first = send(low)
        ot.wait_until(lambda: asked() == 3, what="it is under way")
        second = send(high)
        first.close()
        m.alerts.may_configure.set()
        assert second.makefile("rb").read().split()[1] == b"400"


@ot.test()
def a_body_that_is_no_json_is_refused_first():
    bad = b'{"message": "The browser (or proxy) sent a request that this server could not understand."}\n'
    kind = (b"{\"message\": \"Did not attempt to load JSON data because the request Content-Type was not "
            b"'application/json'.\"}\n")
    with monitor(alerts=True) as m:
        for body in (b"", b"{", b"{'a':1}", b"nope", b"{}x", b"\xff", b'{"a":9NaN}', b'{"a":01}',
                     b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}"):
            assert m.hook("PUT", "config", body) == (400, bad), body
        for body in (b'\xef\xbb\xbf{}', b'{"a":1e400,"b":[NaN,-Infinity,123456789012345678901234567890]}'):
            assert m.hook("PUT", "config", body)[0] == 200, body
        assert m.hook("PUT", "config", b'{"webhook":{"timeout":18446744073709551621}}') == (
            400, b'{"message": "timeout must be between 5 and 120"}\n')
        for given in ("text/plain", "application/x-www-form-urlencoded", "application/json x", ""):
            assert m.hook("PUT", "config", b"{", headers={"Content-Type": given}) == (415, kind), given
        assert m.ask("PUT", HOOK + "config", AUTH, b"{}")[::2] == (415, kind)
        assert m.hook("PUT", "config", b"{}", headers={"Content-Type": "application/x+json; a=b"})[0] == 200
        assert m.hook("PUT", "config", {"webhook": {"enabled": True}}) == (
            400, b'{"message": "URL required when no existing webhook config"}\n')
        # Limits alone need no address, and are told from then on.
        status, body = m.hook("PUT", "config", {"thresholds": {"temp_min_c": 10}})
        assert status == 200 and b'"temp_min_c": 10.0, "temp_max_c": 32.0' in body
        assert b'"temp_min_c": 10.0' in m.hook("GET", "config")[1]


@ot.test()
def a_test_message_is_told_of():
    none = b'{"message": "Webhook not configured"}\n'
    failed = rb'{"error_id": "\d{13}_[0-9a-f]{4}", "message": "Failed to send test webhook"}\n'
    with monitor(alerts=True) as m:
        for path in ("test", "enable", "disable"):
            assert m.hook("POST", path) == (400, none)
        m.alerts.slack["url"] = SECRET
        assert m.hook("POST", "test", b"{broken") == (
            200, b'{"message": "Test webhook sent successfully", "timestamp": "Never"}\n')
        assert m.alerts.asked[-1] == ("test", {"report": "status", "attempts": 3})
        m.alerts.delivered = False
        status, body = m.hook("POST", "test")
        assert status == 500 and re.fullmatch(failed, body), body
        assert m.web.wait_line(json.loads(body)["error_id"])
        assert m.hook("POST", "disable") == (
            200, b'{"message": "Webhook notifications disabled", "enabled": false}\n')
        asked = len(m.alerts.asked)
        assert m.hook("POST", "test")[0] == 500 and [a[0] for a in m.alerts.asked[asked:]] == ["config"]
        for _ in range(2):
            assert m.hook("POST", "enable", b"[") == (
                200, b'{"message": "Webhook notifications enabled", "enabled": true}\n')
        assert m.alerts.slack["enabled"] is True


@ot.test()
def a_test_message_that_takes_long_keeps_nobody_waiting():
    with monitor(readings=ROOM, alerts=True) as m:
        m.alerts.slack["url"] = SECRET
        m.alerts.may_test.clear()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(m.hook("POST", "test")))
        waiting.start()
        with socket.create_connection(("127.0.0.1", m.port), ot.patient(10)) as leaves:
            leaves.sendall(f"POST {HOOK}test HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            ot.wait_until(lambda: [a[0] for a in m.alerts.asked].count("test") == 2, what="both are under way")
        for path in ("/health", "/api/temp", "/api/raw", HOOK + "config", "/metrics"):
            assert m.get(path)[0] == 200, path
        assert not answers
        m.alerts.may_test.set()
        waiting.join(ot.patient(10))
        assert answers and answers[0][0] == 200, answers


@ot.test()
def an_alerts_service_that_fails_is_a_fault_with_an_id():
    with monitor(alerts=True) as m:
        m.alerts.slack["url"] = SECRET
        m.alerts.fail = {"configure": ("EIO", "the disk is gone")}
        status, body = m.hook("PUT", "config", {"webhook": {"timeout": 6}})
        assert status == 500 and re.fullmatch(
            rb'{"error_id": "\d{13}_[0-9a-f]{4}", "message": "Failed to update webhook configuration"}\n', body)
        assert m.web.wait_line("the disk is gone")
        m.alerts.fail = {"configure": ("EINVAL", "timeout: not this one")}
        assert m.hook("PUT", "config", {"webhook": {"timeout": 6}}) == (400, b'{"message": "timeout: not this one"}\n')
    with monitor() as m:
        for method, path in HOOKS:
            assert m.hook(method, path, {} if method == "PUT" else None)[0] == 500, path


# ---- the description -----------------------------------------------------------------------

KINDS = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict}


def fits(api, schema, value, where):
    """The value is of the documented shape: nothing missing, nothing that is not documented."""
    while "$ref" in schema:
        schema = api["definitions"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        assert schema.get("x-nullable"), where
        return
    assert isinstance(value, KINDS[schema["type"]]), (where, value)
    assert schema["type"] == "boolean" or not isinstance(value, bool), (where, value)
    if schema["type"] == "object":
        assert set(schema.get("required", [])) <= set(value) <= set(schema["properties"]), (where, value)
        for key, member in value.items():
            fits(api, schema["properties"][key], member, f"{where}.{key}")


@ot.test()
def every_operation_that_is_described_exists_and_answers_as_described():
    with monitor(readings=ROOM, alerts=True) as m:
        m.alerts.slack["url"] = SECRET
        status, fields, body = m.get("/swagger.json", {})
        api = json.loads(body)
        assert status == 200 and fields["content-type"] == "application/json" and api["swagger"] == "2.0"
        assert api["info"]["title"] == "Temperature Monitor API" and api["basePath"] == "/"
        assert set(api["paths"]) == {*PLAIN, *(HOOK + path for _, path in HOOKS)}
        for path, operations in api["paths"].items():
            allowed = set(m.ask("OPTIONS", path, {})[1]["allow"].lower().split(", ")) - {"options", "head"}
            assert allowed == set(operations), path
            for method, operation in operations.items():
                headers = {**AUTH, "Content-Type": "application/json"}
                status, _, body = m.ask(method.upper(), path, headers, b"{}" if method == "put" else None)
                assert status == 200, (method, path, status)
                fits(api, operation["responses"]["200"]["schema"], json.loads(body), f"{method} {path}")
                assert bool(operation.get("security")) == (path != "/health")
                assert m.ask(method.upper(), path, {})[0] == (200 if path in ("/health", "/metrics") else 401)


@ot.test()
def the_page_of_the_description_loads_nothing_from_elsewhere():
    with monitor() as m:
        status, fields, body = m.get("/docs", {})
        assert status == 200 and b"<title>Temperature Monitor API</title>" in body
        assert "default-src 'none'" in fields["content-security-policy"]
        loads = re.findall(rb'(?:src|href)="([^"]+)"', body)
        assert loads and all(path.startswith(b"/") and not path.startswith(b"//") for path in loads), loads
        for path in loads:
            if path.startswith(b"/swaggerui/"):
                status, _, part = m.get(path.decode(), {})
                assert status == 200 and part and b"http" not in part


# ---- the appliance as it ships -------------------------------------------------------------

BOX_AUTH = "Authorization: Bearer token-of-the-tests"


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), ot.patient(10))

    def send(self, path, *fields):
        self.socket.sendall("\r\n".join([f"GET {path} HTTP/1.1", *fields, "", ""]).encode())

    def answer(self):
        """Head and body of the next answer, which says its length."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, head
            head += byte
        body, n = b"", int(re.search(rb"Content-Length: (\d+)", head)[1])
        while len(body) < n:
            chunk = self.socket.recv(n - len(body))
            assert chunk, head + body
            body += chunk
        return head + body


@ot.test(timeout=60)
def fifty_connections_are_served_and_the_next_one_waits():
    with ot.Outpost("temp-monitor") as box, contextlib.ExitStack() as stack:
        clients = []
        for _ in range(50):
            client = Client(box.port)
            stack.callback(client.socket.close)
            client.send("/health")  # without Host, which is optional here
            assert client.answer().startswith(b"HTTP/1.1 200 OK\r\n")
            clients.append(client)
        last = Client(box.port)
        stack.callback(last.socket.close)
        last.send("/api/verify-token", BOX_AUTH, "X: " + "x" * 200000)

        def waits():
            clients[0].send("/metrics", "Accept: text/plain")
            return b"\noutpost_http_full_total 1\n" in clients[0].answer()
        ot.wait_until(waits, what="the next one waits")
        for client in clients[2:]:  # who is in is served; the one that has rested longest may have made room
            client.send("/api/temp", BOX_AUTH)
            assert b'"temperature_c":' in client.answer()
        clients.pop().socket.close()
        assert last.answer().endswith(b'{"message":"Token is valid","valid":true}\n')


@ot.test(timeout=60)
def the_rest_of_outpost_is_behind_the_token_and_the_page_at_app():
    root = ot.directory() / "page"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><html lang=en><title>page</title>")
    with ot.Outpost("temp-monitor", sets=[f"services.web.root={root}"]) as box:
        auth = {"Authorization": "Bearer token-of-the-tests"}
        for path in ("status", "api/topics", "api/alerts", "api/history"):
            assert ot.get(box.url + path).status == 401, path
            assert ot.get(box.url + path, headers=auth).status == 200, path
            assert ot.get(box.url + "app/" + path).status == 401, path  # the page asks beside it
            assert ot.get(box.url + "app/" + path, headers=auth).status == 200, path
        assert ot.get(box.url + "app/health").status == 401
        assert "climate" in ot.get(box.url + "app/health", headers=auth).json()["services"]
        ot.WebSocket(box.url + "app/ws", headers={"Cookie": "outpost-token=token-of-the-tests"}).sock.close()
        page = ot.get(box.url + "app/")
        assert page.status == 200 and b"<html" in page.body
        health = ot.get(box.url + "health").json()
        assert health["status"] == "healthy" and health["temperature_compensated"]
        wide = ot.get(box.url + "metrics").json()
        assert wide["system"]["memory_mb"] > 5 and wide["application"]["sensor_thread_alive"]


@ot.test(timeout=120)
def the_alerts_service_itself_is_configured_and_tested():
    with receivers.Receiver({"/secret": receivers.says(200)}) as to:
        env = {"SLACK_WEBHOOK_URL": to.url("/secret"), "SAMPLING_INTERVAL": "1", "ALERT_TEMP_MAX_C": "90"}
        with ot.Outpost("temp-monitor", env=env) as box:
            def ask(method, path, body=None):
                headers = {"Authorization": "Bearer token-of-the-tests", "Content-Type": "application/json"}
                a = ot.request(box.url + HOOK[1:] + path, method, json.dumps(body).encode() if body else None, headers,
                               timeout=60)
                assert b"secret" not in a.body
                return a.status, a.json()
            status, now = ask("GET", "config")
            assert status == 200 and now["webhook"]["url"] == to.url("/secret").removesuffix("/secret"), now
            assert now["thresholds"]["temp_max_c"] == 90.0 and now["webhook"]["timeout"] == 10
            status, answer = ask("POST", "test")
            assert status == 200 and answer["message"] == "Test webhook sent successfully", answer
            assert "Server Room Status Update" in json.loads(to.wait(1)[0].body)["attachments"][0]["text"]
            # A limit below the room's temperature raises an alert in the next cycle.
            status, answer = ask("PUT", "config", {"thresholds": {"temp_min_c": -40, "temp_max_c": -39}})
            assert status == 200 and answer["config"]["thresholds"]["temp_max_c"] == -39.0, answer
            alert = json.loads(to.wait(2)[1].body)["attachments"][0]
            assert "Temperature Alert: HIGH" in alert["text"], alert
            ot.wait_until(lambda: ot.get(box.url + "metrics").json()["application"]["webhook_alerts_sent"] >= 1,
                          what="the cycle is counted")
            assert ask("POST", "disable") == (200, {"message": "Webhook notifications disabled", "enabled": False})
            assert ask("GET", "config")[1]["webhook"]["enabled"] is False
            status, answer = ask("POST", "test")
            assert status == 500 and answer["message"] == "Failed to send test webhook" and answer["error_id"]
            assert ask("POST", "enable")[1]["enabled"] is True
            for url in ("http://h:99999/x", "http://[zz]/x", "http://h\\x"):
                assert ask("PUT", "config", {"webhook": {"url": url}}) == (
                    400, {"message": "url must be a valid URL with scheme and host"}), url
            status, answer = ask("PUT", "config", {"webhook": {"url": "HTTPS://u:pw@Hooks.Slack.com/services/secret"}})
            assert status == 200 and answer["config"]["webhook"]["url"] == "https://Hooks.Slack.com", answer
            status, answer = ask("PUT", "config", {"webhook": {"url": "https://hooks.slack.com/services/secret"}})
            assert status == 200 and answer["config"]["webhook"]["url"] == "https://hooks.slack.com"


ot.main()
