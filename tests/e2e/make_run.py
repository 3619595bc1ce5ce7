# make_run.py - what a newcomer does first: `make run`, open the address, Ctrl-C.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import signal

import outpost_test as ot


@ot.test(timeout=120)
def make_run_serves_a_moving_page_and_ends_at_ctrl_c():
    port = ot.free_port()
    runtime, state = ot.directory() / "runtime", ot.directory() / "state"
    runtime.mkdir()
    state.mkdir()
    args = f"--runtime {runtime} --state {state} --set services.web.listen=127.0.0.1:{port}"
    # A session of its own, so that Ctrl-C reaches all of it as it does on a terminal.
    with ot.Process("setsid", "make", "-C", ot.SOURCE, "--no-print-directory", "run",
                    f"BUILD={ot.BUILD}", f"ARGS={args}", env={"MAKEFLAGS": ""}) as make:
        url = make.wait_line(r"^ready: (http://\S+/)$", timeout=90).group(1)
        assert url == f"http://127.0.0.1:{port}/", url
        page = ot.get(url)
        assert page.status == 200 and "<html" in page.text.lower(), page.text[:200]
        for asset in re.findall(r'(?:src|href)="(?!data:|https?:)([^"#]+)"', page.text):
            assert ot.get(url + asset.lstrip("./")).status == 200, asset
        before, after = (ot.tap(runtime, "pbt.sample", 400)[-1] for _ in range(2))
        assert after["seq"] >= before["seq"] + 400, (before, after)
        os.killpg(make.pid, signal.SIGINT)
        make.wait(timeout=15)  # and what is left then, the runner finds


ot.main()
