from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.datagen.executors.journal import Journal


def line(name: str, text: str = "a") -> dict[str, Any]:
    return {"request": name, "status": "ok", "cost": 0.5, "tokens": [1, 2], "reply": [[[1, text]]]}


def test_replies_are_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([line("one", "Grüße 🎉"), line("two")])
    for seen in (journal, Journal(tmp_path / "journal")):
        entry = seen.entry("one")
        assert entry and entry["reply"] == [[[1, "Grüße 🎉"]]] and "two" in seen and "three" not in seen
        assert seen.spent == 1.0


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    Journal(path).append([line("one"), line("two", "Grüße 🎉")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    journal = Journal(path)
    journal.append([line("three")])
    for seen in (journal, Journal(path)):
        assert "three" in seen and seen.entry("three") == line("three")
        assert ("one" in seen) == (seen.entry("one") is not None)
        assert seen.entry("two") in (None, line("two", "Grüße 🎉"))


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")

    def write(who: int) -> None:
        for number in range(40):
            journal.append([{"sent": f"{who}-{number}", "reserved": 0.25}], durable=False)
            journal.append([line(f"{who}-{number}", "x" * (who + number))])

    threads = [threading.Thread(target=write, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seen in (journal, Journal(tmp_path / "journal")):
        for who in range(6):
            for number in range(40):
                assert seen.entry(f"{who}-{number}") == line(f"{who}-{number}", "x" * (who + number))
        assert seen.requests == 240 and seen.spent == 120


def test_two_journals_write_to_one_file(tmp_path: Path) -> None:
    """As two processes do, each of which has it open."""
    first, second = Journal(tmp_path / "journal"), Journal(tmp_path / "journal")
    for number in range(4):
        first.append([line(f"first-{number}", "x" * number)])
        second.append([line(f"second-{number}", "y" * number)])
        if number == 1:
            first.close()
    for number in range(4):
        assert first.entry(f"first-{number}") == line(f"first-{number}", "x" * number)
        assert second.entry(f"second-{number}") == line(f"second-{number}", "y" * number)
    assert Journal(tmp_path / "journal").spent == 4


def test_what_never_came_back_counts_at_the_most_it_can_have_cost(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([{"sent": "one", "reserved": 2.0}, {"sent": "one", "reserved": 2.0}, line("one")])
    assert journal.spent == Journal(tmp_path / "journal").spent == 2.5


FULL = """
import sys
from pathlib import Path
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.core.errors import MachineError
journal = Journal(Path(sys.argv[1]))
try:
    for number in range(1000):
        journal.append([{"request": str(number), "status": "ok", "cost": 0, "reply": [], "tokens": [0, 0]}])
except MachineError as error:
    print(number, str(error).splitlines()[0])
"""


def test_a_disk_that_fills_up_leaves_the_journal_intact(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    # Python would keep half a .pyc under this limit, and every later import of the module would fail.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, preexec_fn=limit, env=environment, capture_output=True, text=True, check=True)
    written, _, problem = done.stdout.strip().partition(" ")
    assert "could not be written down" in problem and int(written) > 10
    lines = path.read_text("utf-8").splitlines()
    assert [json.loads(text)["request"] for text in lines] == [str(n) for n in range(int(written))]
    # With room again, it goes on where it stopped.
    Journal(path).append([line("more")])
    assert Journal(path).entry("more") == line("more")
