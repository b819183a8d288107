"""A Ctrl-C whose KeyboardInterrupt a library swallowed still ends the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from pocketmoji.console import progress

SWALLOWED = """
import os, signal, sys
from pocketmoji import cli

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

def swallow(options, command):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass
    except KeyboardInterrupt:
        return {"done": True}

cli.ACTIONS["doctor"] = swallow
sys.exit(cli.main(["doctor", "--json"]))
"""


def test_a_swallowed_interrupt_still_ends_the_command() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130 and "interrupted" in done.stderr and done.stdout == ""


def test_work_stops_at_its_next_piece() -> None:
    from pocketmoji.interruption import listen

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    listen()
    with progress("work", 3) as advance:
        advance(1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            advance(1)
        advance(1)  # told once
    listen()
    signal.signal(signal.SIGINT, before)
