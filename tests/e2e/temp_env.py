# temp_env.py - every variable of the temperature monitor: what it sets, its default, what is refused and in which
# words; where .env is looked for and what wins; .env files that are none.
#
# Only settings are read here (`outpost config`); what a start does with them is temp_monitor_host.py.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import shutil

import outpost_test as ot

YAML = ot.SOURCE / "appliances/temp-monitor/temp-monitor.yaml"
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
TOKEN = {"BEARER_TOKEN": "0123456789abcdef0123456789abcdef"}
HOOK = {"SLACK_WEBHOOK_URL": "https://hooks.example/services/T0CANARY"}
RANGES = ("Invalid webhook/threshold environment configuration (WEBHOOK_RETRY_COUNT/WEBHOOK_RETRY_DELAY/"
          "WEBHOOK_TIMEOUT/ALERT_TEMP_MIN_C/ALERT_TEMP_MAX_C/ALERT_HUMIDITY_MIN/ALERT_HUMIDITY_MAX): ")
WORDS = "expected one of ('1', 'true', 'yes', 'on', '0', 'false', 'no', 'off')"
SLACK, CLIMATE = "services.alerts.channels.1.", "services.climate."


def appliance():
    """A directory with the appliance's file; .env goes beside it."""
    at = ot.directory() / "program"
    at.mkdir(exist_ok=True)
    shutil.copy(YAML, at)
    return at


def config(verb, env, at=None):
    return ot.subprocess.run([ot.OUTPOST, "config", verb, (at or appliance()) / YAML.name], env={**CLEAN, **env}, cwd="/",
                             capture_output=True, timeout=ot.patient(20))


def settings(env, at=None):
    """What `outpost config show` shows, by path."""
    done = config("show", env, at)
    assert done.returncode == 0, done.stderr.decode()
    found, above, counts = {}, [], {}
    for line in done.stdout.decode().splitlines():
        indent, rest = len(line) - len(line.lstrip()), line.split("  # ")[0].strip()
        above = [a for a in above if a[0] < indent]
        if rest.startswith("- "):
            parent = ".".join(key for _, key in above)
            counts[parent] = counts.get(parent, -1) + 1
            above.append((indent, str(counts[parent])))
            indent, rest = indent + 2, rest[2:]
        key, _, value = rest.partition(":")
        above.append((indent, key))
        found[".".join(k for _, k in above)] = value.strip().strip('"')
    return found


def refused(env, at=None):
    """What `outpost config check` says of it; nothing secret, and status 1."""
    done = config("check", env, at)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 1 and done.stdout == b"", done
    assert "T0CANARY" not in said and TOKEN["BEARER_TOKEN"] not in said, said
    return said


# Variable: the setting and its default, values and what they become, values that are refused.
BOOL = (("1", "true"), ("tRuE", "true"), (" yes ", "true"), ("ON", "true"), ("0", "false"), ("False", "false"),
        ("no", "false"), ("\toff", "false"))
NO_BOOL = ("maybe", "2", "tru", "yes no", "y")
NO_INT = ("abc", "5.0", "1e1", "0x5", "5 5", "--5", "1__0", "nan")
NO_FLOAT = ("abc", "nan", "inf", "-Infinity", "1,5", "0x1p3", "1 5")
BOOLS = {
    "WEBHOOK_ENABLED": (SLACK + "enabled", "true"),
    "STATUS_UPDATE_ENABLED": ("services.alerts.reports.0.enabled", "false"),
    "STATUS_UPDATE_ON_STARTUP": ("services.alerts.reports.0.on_start", "false"),
    "USE_MOCK_SENSOR": (CLIMATE + "mock", "false"),
}
# lowest and highest; in_group: only looked at with an address, and told in other words.
NUMBERS = {
    "WEBHOOK_RETRY_COUNT": (SLACK + "attempts", "3", "int", "1", "10", "retry_count"),
    "WEBHOOK_RETRY_DELAY": (SLACK + "backoff_s", "5", "int", "1", "60", "retry_delay"),
    "WEBHOOK_TIMEOUT": (SLACK + "timeout_s", "10", "int", "5", "120", "timeout"),
    "ALERT_TEMP_MIN_C": ("services.alerts.rules.1.below", "15.0", "float", "-50", "100", "temp_min_c"),
    "ALERT_TEMP_MAX_C": ("services.alerts.rules.0.above", "32.0", "float", "-50", "100", "temp_max_c"),
    "ALERT_HUMIDITY_MIN": ("services.alerts.rules.3.below", "20.0", "float", "0", "100", "humidity_min"),
    "ALERT_HUMIDITY_MAX": ("services.alerts.rules.2.above", "70.0", "float", "0", "100", "humidity_max"),
    "ALERT_COOLDOWN_SECONDS": ("services.alerts.rules.2.repeat_s", "900", "int", "0", None, None),
    "STATUS_UPDATE_INTERVAL": ("services.alerts.reports.0.every_s", "3600", "int", "0", None, None),
    "TEMP_CPU_FACTOR": (CLIMATE + "cpu_factor", "0.7", "float", "-10", "10", None),
    "TEMP_OFFSET_F": (CLIMATE + "offset_f", "-13.5", "float", "-200", "200", None),
    "HUMIDITY_OFFSET": (CLIMATE + "humidity_offset", "4", "float", "-100", "100", None),
    "SAMPLING_INTERVAL": (CLIMATE + "interval_s", "60", "float", "0.01", "86400", None),
}
TEXTS = {
    "CPU_TEMP_PATH": (CLIMATE + "cpu_temp_path", "/sys/class/thermal/thermal_zone0/temp", "/run/t"),
    "MOCK_SENSOR_FILE": (CLIMATE + "mock_file", "", "/run/mock.json"),
    "ALERT_SILENT_CHANNELS": ("services.alerts.rules.4.channels", "log", "log,slack"),
    "METRICS_AUTH": ("services.web.metrics_auth", "auto", "open"),
}


@ot.test(timeout=60)
def unset_empty_and_blank_are_the_default():
    expected = {path: value for table in (BOOLS, NUMBERS, TEXTS) for path, value, *_ in table.values()}
    expected["services.web.listen"] = "0.0.0.0:8080"
    names = [*BOOLS, *NUMBERS, *TEXTS, "HOST", "PORT"]
    for value in (None, "", "  ", " \t"):
        got = settings({**TOKEN, **({name: value for name in names} if value is not None else {})})
        wrong = {path: (got.get(path), want) for path, want in expected.items() if got.get(path) != want}
        assert not wrong, (value, wrong)


@ot.test(timeout=120)
def words_for_yes_and_no():
    for value, shown in BOOL:
        got = settings({**TOKEN, **{name: value for name in BOOLS}})
        assert all(got[path] == shown for path, _ in BOOLS.values()), (value, got)
    for value in NO_BOOL:
        said = refused({**TOKEN, **{name: value for name in BOOLS}})
        for name in BOOLS:
            assert f"Invalid value for environment variable {name}='{value}': {WORDS}\n" in said, said


@ot.test(timeout=120)
def numbers_are_what_they_are_and_nothing_else():
    for name, (path, _, kind, low, high, _) in NUMBERS.items():
        value = "17" if kind == "int" and high is None else low if kind == "float" else high
        for text in (value, f" {value}\t"):
            got = settings({**TOKEN, name: text})[path]
            assert float(got) == float(value), (name, text, got)
    for kind, values in (("int", NO_INT), ("float", NO_FLOAT)):
        of_kind = [name for name, row in NUMBERS.items() if row[2] == kind]
        for value in values:
            said = refused({**TOKEN, **{name: value for name in of_kind}})
            for name in of_kind:
                assert f"Invalid value for environment variable {name}='{value}': expected a valid {kind}\n" in said, said
    assert "PORT='http': expected a valid int\n" in refused({**TOKEN, "PORT": "http"})


def beyond(text, kind, up):
    number = float(text) + (1 if up else -1) * (1 if kind == "int" else 0.5 if abs(float(text)) >= 1 else 0.01)
    return str(int(number)) if kind == "int" else str(number)


@ot.test(timeout=180)
def ranges_are_those_of_the_contract():
    for name, (path, default, kind, low, high, called) in NUMBERS.items():
        for bound, up in ((low, False), (high, True)):
            if bound is None:
                continue
            value = beyond(bound, kind, up)
            if called is None:
                assert f"Invalid value for environment variable {name}='{value}': expected a" in refused({**TOKEN, name: value})
                continue
            said = refused({**TOKEN, **HOOK, name: value})
            assert f"{RANGES}{called} must be between {low} and {high} ({name})\n" in said, said
            # Without an address nobody looks: its default is used, and that is told.
            assert settings({**TOKEN, name: value})[path] == default, name
            told = config("check", {**TOKEN, name: value})
            assert told.returncode == 0 and f"{name}: {called} must be between" in told.stderr.decode(), told
    for value in ("-1", "65536", "8080.0"):
        assert f"variable PORT='{value}': expected a" in refused({**TOKEN, "PORT": value})


@ot.test(timeout=60)
def the_lower_limit_is_below_the_upper():
    for env, said in (({"ALERT_TEMP_MIN_C": "32"}, "temp_min_c must be less than temp_max_c"),
                      ({"ALERT_TEMP_MIN_C": "20", "ALERT_TEMP_MAX_C": "19.9"}, "temp_min_c must be less than temp_max_c"),
                      ({"ALERT_HUMIDITY_MAX": "20.0"}, "humidity_min must be less than humidity_max")):
        assert RANGES + said in refused({**TOKEN, **HOOK, **env})
        settings({**TOKEN, **env})  # of no interest without an address


@ot.test(timeout=60)
def texts_are_trimmed():
    for name, (path, _, value) in TEXTS.items():
        assert settings({**TOKEN, name: f"  {value} "})[path] == value, name
    got = settings({**TOKEN, "HOST": " ::1 ", "PORT": " 80 "})
    assert got["services.web.listen"] == "[::1]:80", got["services.web.listen"]
    assert "METRICS_AUTH='nobody': expected one of ('auto', 'open', 'token')\n" in refused({**TOKEN, "METRICS_AUTH": "nobody"})
    assert "HOST" in refused({**TOKEN, "HOST": "not a host"})


@ot.test(timeout=60)
def the_address_is_one_of_http():
    for value in ("  ", "\t"):
        assert RANGES + "url must be a non-empty string (SLACK_WEBHOOK_URL)\n" in refused({**TOKEN, "SLACK_WEBHOOK_URL": value})
    for value in ("T0CANARY", "https://", "http:///T0CANARY", "//h/T0CANARY"):
        said = refused({**TOKEN, "SLACK_WEBHOOK_URL": value})
        assert RANGES + "url must be a valid URL with scheme and host (SLACK_WEBHOOK_URL)\n" in said, (value, said)
    for value, hint in (("ftp://h/T0CANARY", "http:// or https://"), ("https://h /T0CANARY", "without blanks")):
        said = refused({**TOKEN, "SLACK_WEBHOOK_URL": value})
        assert RANGES + f"url must be a valid URL with scheme and host, {hint} (SLACK_WEBHOOK_URL)\n" in said, (value, said)
    assert settings({**TOKEN, "SLACK_WEBHOOK_URL": ""})[SLACK + "url"] == ""
    shown = config("show", {**TOKEN, **HOOK})
    assert b"T0CANARY" not in shown.stdout + shown.stderr


@ot.test(timeout=60)
def the_token_is_one_word_however_short():
    assert settings({"BEARER_TOKEN": " test_token_ci "})["services.web.token"] == "***"
    for value in ("two words", "a\tb"):
        said = refused({"BEARER_TOKEN": value})
        assert "variable BEARER_TOKEN='***': expected text without blanks\n" in said and value not in said
    for env in ({}, {"BEARER_TOKEN": ""}, {"BEARER_TOKEN": " \t"}):
        assert "ERROR: BEARER_TOKEN environment variable is required.\n" in refused(env)


@ot.test(timeout=60)
def the_intervals_that_follow_the_sampling_do():
    got = settings({**TOKEN, "SAMPLING_INTERVAL": "600"})
    assert got["services.alerts.reports.0.least_s"] == "600", "no status update more often than that"
    assert got["services.alerts.rules.4.silent_s"] == "1800", "stale after three, as in /health"
    assert settings(TOKEN)["services.alerts.rules.4.silent_s"] == "180"


@ot.test(timeout=60)
def the_environment_wins_although_it_is_empty():
    at = appliance()
    (at / ".env").write_text("BEARER_TOKEN=x\nPORT=1\nTEMP_OFFSET_F=1\nSTATUS_UPDATE_ENABLED=maybe\n")
    got = settings({"PORT": "2", "TEMP_OFFSET_F": "", "STATUS_UPDATE_ENABLED": "  "}, at)
    assert got["services.web.listen"] == "0.0.0.0:2" and got[CLIMATE + "offset_f"] == "-13.5"
    assert "BEARER_TOKEN environment variable is required" in refused({"BEARER_TOKEN": "", "STATUS_UPDATE_ENABLED": "1"}, at)


@ot.test(timeout=60)
def the_file_is_beside_the_program_or_above():
    at = appliance()
    (at.parent / ".env").write_text("BEARER_TOKEN=x\nPORT=1\n")
    assert settings({}, at)["services.web.listen"] == "0.0.0.0:1"
    (at / ".env").write_text("BEARER_TOKEN=x\nPORT=2\n")  # the nearer one alone
    assert settings({}, at)["services.web.listen"] == "0.0.0.0:2"


@ot.test(timeout=60)
def a_file_as_people_write_it():
    at = appliance()
    (at / ".env").write_bytes(b"# our monitor\r\n\r\nexport BEARER_TOKEN = 'x#y'\r\nPORT=\"81\" # that one\r\nNAME\r\n"
                              b"TEMP_OFFSET_F=1\r\nTEMP_OFFSET_F=-4.0\r\nOTHER=a=b=c\r\nCPU_TEMP_PATH=${BASE:-/run}/cpu\r\n")
    got = settings({}, at)
    assert got["services.web.listen"] == "0.0.0.0:81" and got[CLIMATE + "offset_f"] == "-4"
    assert got[CLIMATE + "cpu_temp_path"] == "/run/cpu"


@ot.test(timeout=60)
def a_file_with_a_byte_order_mark_is_read():
    at = appliance()
    (at / ".env").write_bytes(b"\xef\xbb\xbfBEARER_TOKEN=x\nPORT=81\n")
    assert settings({}, at)["services.web.listen"] == "0.0.0.0:81"


@ot.test(timeout=60)
def what_is_no_file_of_settings_is_told_and_starts_nothing():
    at = appliance()
    env = at / ".env"
    for content, said in ((b"BEARER_TOKEN=x\n" + b"#" * 70000, ".env: cannot be read: File too large"),
                          (b"BEARER_TOKEN=x\0y\n", "NUL"), (b"BEARER_TOKEN=\xff\xfe\n", "is not UTF-8"),
                          (os.urandom(4000).replace(b"\0", b"\1"), "BEARER_TOKEN environment variable is required")):
        env.write_bytes(content)
        assert said in refused({}, at), (content[:40], refused({}, at))
    # A quote that is not closed: that line is nothing, as for python-dotenv, and it is told by its number.
    env.write_text('BEARER_TOKEN=x\nPORT="81\nTEMP_OFFSET_F=1\n')
    got = config("check", {}, at)
    assert got.returncode == 0 and ".env:2: a quote is not closed: passed over" in got.stderr.decode(), got
    assert settings({}, at)[CLIMATE + "offset_f"] == "1"
    env.unlink()
    env.mkdir()  # as for python-dotenv: no file
    assert "BEARER_TOKEN environment variable is required" in refused({}, at)
    env.rmdir()
    env.symlink_to("nowhere")
    assert "BEARER_TOKEN environment variable is required" in refused({}, at)
    env.unlink()
    os.mkfifo(env)
    assert "BEARER_TOKEN environment variable is required" in refused({}, at)


@ot.test(timeout=60)
def a_file_that_may_not_be_read_is_told():
    if os.geteuid() == 0 and ot.run("setpriv", "--version").returncode != 0:
        raise ot.Skip("root may read all, and there is no setpriv")
    at = appliance()
    (at / ".env").write_text("BEARER_TOKEN=x\n")
    (at / ".env").chmod(0)
    for p in (at, ot.directory()):
        p.chmod(0o755)
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    if ot.run(*user, "test", "-r", at / YAML.name, "-a", "-x", ot.OUTPOST).returncode != 0:
        raise ot.Skip("the tree or the directory of tests is not for everybody")
    done = ot.run(*user, "env", "-i", ot.OUTPOST, "config", "check", at / YAML.name, cwd="/")
    assert done.returncode == 1 and ".env: cannot be read: Permission denied (check owner and mode)" in done.stderr, done


@ot.test(timeout=60)
def the_server_is_as_its_clients_know_it():
    got = settings(TOKEN)
    for key, value in (("listen", "0.0.0.0:8080"), ("max_connections", "50"), ("full_waits", "true"),
                       ("idle_timeout_s", "120"), ("request_timeout_s", "120"), ("max_head", "262144")):
        assert got["services.web." + key] == value, (key, got["services.web." + key])
    assert got["services.recorder.max_mb"] == "256"
    assert "\nmemory: {warn_mib: 400}\n" in YAML.read_text()


@ot.test(timeout=60)
def the_reference_of_the_appliance_has_all_its_programs():
    for name in (appliance() / YAML.name, "temp-monitor"):
        done = ot.run(ot.OUTPOST, "config", "reference", name)
        titles = re.findall(r"^# (.*)", done.stdout, re.M)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert titles == ["Every service", "outpost-recorder", "outpost-climate", "outpost-alerts",
                          "outpost-temp-monitor"], titles
        assert "`cpu_factor`" in done.stdout and "`max_connections`" in done.stdout
    done = ot.run(ot.OUTPOST, "config", "reference", "temp-monitr")
    assert done.returncode == 1 and done.stdout == "", done
    assert "program temp-monitr: " in done.stderr and '"temp-monitor"' in done.stderr, done.stderr


@ot.test(timeout=60)
def the_token_of_the_simulator_is_no_secret():
    done = ot.run(ot.OUTPOST, "config", "check", appliance() / YAML.name, "--sim")
    assert (done.returncode, done.stderr) == (0, ""), done


@ot.test(timeout=60)
def whom_the_simulator_reaches_is_told():
    at = appliance()
    (at / ".env").write_text("SLACK_WEBHOOK_URL=https://u:T0CANARY@hooks.example:444/services/T0CANARY?T0CANARY\n")
    for env, place, host in (({}, rf"{at}/\.env:1", "https://hooks.example:444"),
                             ({"SLACK_WEBHOOK_URL": "HTTP://hooks.example?T0CANARY"}, "environment", "http://hooks.example")):
        done = ot.run("env", "-i", *(f"{n}={v}" for n, v in {**CLEAN, **env}.items()), ot.OUTPOST, "config", "check",
                      at / YAML.name, "--sim")
        said = [line for line in done.stderr.splitlines() if "simulated" in line]
        assert done.returncode == 0 and len(said) == 1 and "T0CANARY" not in done.stderr, done
        assert re.fullmatch(rf"note: {place} SLACK_WEBHOOK_URL: what is simulated is told to {host} .*", said[0]), said
        done = config("check", {**TOKEN, **env}, at)
        assert done.returncode == 0 and b"simulated" not in done.stderr, done


@ot.test(timeout=60)
def the_sample_has_the_limits_of_the_guide():
    at = appliance()
    sample = (ot.SOURCE / "appliances/temp-monitor/.env.example").read_text()
    (at / ".env").write_text(sample.replace("BEARER_TOKEN=\n", "BEARER_TOKEN=x\n"))
    got = settings({}, at)
    wanted = {"ALERT_TEMP_MIN_C": "15.0", "ALERT_TEMP_MAX_C": "27.0", "ALERT_HUMIDITY_MIN": "30.0", "ALERT_HUMIDITY_MAX": "70.0",
              "WEBHOOK_RETRY_COUNT": "3", "WEBHOOK_RETRY_DELAY": "5", "WEBHOOK_TIMEOUT": "10", "STATUS_UPDATE_INTERVAL": "3600"}
    assert {name: got[NUMBERS[name][0]] for name in wanted} == wanted
    assert got[SLACK + "enabled"] == "true" and got["services.alerts.reports.0.enabled"] == "false"


@ot.test(timeout=60)
def every_variable_is_declared_and_described():
    declared = set(re.findall(r"^  ([A-Z_]+):", YAML.read_text(), re.M))
    assert {*BOOLS, *NUMBERS, *TEXTS, "LOG_FILE", "BEARER_TOKEN", "SLACK_WEBHOOK_URL", "HOST", "PORT"} <= declared
    said = (ot.SOURCE / "appliances/temp-monitor/.env.example").read_text() + (
        ot.SOURCE / "appliances/temp-monitor/README.md").read_text()
    assert all(name in said for name in declared - {"PRODUCTION_MODE", "ALL_PROXY"}), declared


ot.main()
