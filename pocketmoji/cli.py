"""The command line: `pocketmoji run` and one command per stage. Heavy imports happen in the command that needs them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import MutableMapping, Sequence

from pocketmoji import __version__
from pocketmoji.core.errors import GateFailed, PocketmojiError
from pocketmoji.options import COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for a failed gate, 2 for a wrong input, 130 for an interruption."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(f"pocketmoji {__version__}")
        return 0
    if not given or given[0] in ("-h", "--help"):
        print_help()
        return 0 if given else 2
    if given[0] not in COMMANDS:
        print(f"pocketmoji: there is no command {given[0]!r}\n  expected: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    if os.name == "nt":
        print(
            "pocketmoji: this is Windows, and files are locked and memory is measured as only Unix can\n"
            "  expected: Linux or macOS\n  to do:    run it in WSL",
            file=sys.stderr,
        )
        return 2
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    let_threads_rest(os.environ)
    from pocketmoji.commands import ACTIONS
    from pocketmoji.options import parser_of

    try:
        options = parser_of(given[0]).parse(given[1:])
        result = ACTIONS[given[0]](options, shlex.join(["pocketmoji", *given]))
    except PocketmojiError as error:
        print(f"pocketmoji: {error}", file=sys.stderr)
        return 2
    except GateFailed as error:
        print(f"pocketmoji: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pocketmoji: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        from pocketmoji.core.extras import explain_import

        told = explain_import(error)
        if not told:
            raise
        print(f"pocketmoji: {told}", file=sys.stderr)
        return 2
    except Exception as error:
        from pocketmoji.core.workspace import is_disk_full

        if not is_disk_full(error):
            raise
        print(
            "pocketmoji: the disk is full\n  to do:    free some space and run the same command again", file=sys.stderr
        )
        return 2
    if options.json and result is not None:
        print(json.dumps(result, ensure_ascii=False))
    return int(bool(getattr(options, "failed", False)))


def let_threads_rest(environment: MutableMapping[str, str]) -> None:
    """How threads of OpenMP wait for work in a process that starts with these variables, unless they say it.

    Ones that spin made a training step six times slower whenever another program used a core; ones that sleep at once
    made it a fifth slower on an idle machine. So they spin for microseconds, then sleep (benchmarks/thread_waits.py).
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        environment.setdefault("GOMP_SPINCOUNT", "2000")  # libgomp alone knows it; others go by the policy


def print_help() -> None:
    print("usage: pocketmoji COMMAND [OPTIONS]\n\nA tiny language model of your own, from phrases and your emoji.\n")
    width = max(map(len, COMMANDS))
    for name, text in COMMANDS.items():
        print(f"  {name:{width}}  {text}")
    print("\npocketmoji COMMAND --help shows a command's options. --version shows the version.")
