"""Asking a teacher, round by round, until every seed has its accepted paraphrases or it makes no sense to go on."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pocketmoji.core.console import progress
from pocketmoji.core.records import Seed
from pocketmoji.datagen.filters.filters import Screen
from pocketmoji.datagen.requests.teacher import Ask, Candidate, Teacher
from pocketmoji.datagen.teachers.judge import Judge, screened

MOST_ROUNDS = 12
# Rounds in a row without anything new after which a teacher is taken to have nothing more to say about a seed.
IDLE_ROUNDS = 2
AVOIDED = 30
# A judge is asked about so many seeds at once, enough to fill its server.
SEEDS_AT_ONCE, JUDGED_AT_ONCE = 64, 1024


@dataclass
class Collected:
    """Accepted candidates, on the disk (`rounds`: one file a round, each in the order of the seeds), and their numbers;
    `why` says of a seed (by its number) why nobody asked on."""

    rounds: list[Path]
    got: list[int]
    why: dict[int, str] = field(default_factory=dict)

    def by_seed(self) -> Iterator[tuple[int, list[Candidate]]]:
        """The accepted candidates of every seed that has any, in the order of the seeds."""
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, encoding="utf-8", newline="\n")) for path in self.rounds]
            parsed = [map(json.loads, file) for file in files]
            number, held = -1, list[Candidate]()
            for entry in heapq.merge(*parsed, key=lambda entry: int(entry[0])):
                if entry[0] != number:
                    if held:
                        yield number, held
                    number, held = entry[0], []
                held.append(Candidate(*entry[1:]))
            if held:
                yield number, held


def collect(
    teacher: Teacher,
    seeds: Sequence[Seed],
    wanted: Sequence[int],
    screen: Screen,
    folder: Path,
    judge: Judge | None = None,
) -> Collected:
    """Accepted candidates for every seed: `wanted[n]` for seed n, and a few in reserve, in files in `folder`."""
    at_once = JUDGED_AT_ONCE if judge else SEEDS_AT_ONCE
    collected = Collected([], [0] * len(seeds))
    asked, idle, heard = [0] * len(seeds), [0] * len(seeds), dict[int, list[str]]()
    for turn in range(MOST_ROUNDS):
        numbers = [n for n in range(len(seeds)) if collected.got[n] < wanted[n] and idle[n] < IDLE_ROUNDS]
        if not numbers or teacher.exhausted:
            break
        asks = []
        for n in numbers:
            missing = wanted[n] - collected.got[n]
            # A few more than needed: the filters will take some.
            asks.append(Ask(seeds[n], missing + max(2, missing // 4), tuple(heard.get(n, ())), asked[n]))
            asked[n] += asks[-1].wanted
        path = folder / f".accepted-{turn}.jsonl"
        collected.rounds.append(path)
        label = "datagen: paraphrasing" if not turn else f"datagen: asking again ({turn})"
        running = getattr(teacher, "running", None)
        with progress(label, len(asks), "seeds", running) as advance, open(path, "w", encoding="utf-8") as file:
            replies = zip(numbers, teacher.paraphrase(asks, advance), strict=True)
            while some := list(islice(replies, at_once)):
                offered = [(n, candidate) for n, candidates in some for candidate in candidates]
                before = {n: collected.got[n] for n, _ in some}
                for (n, candidate), fits in zip(offered, screened(screen, judge, offered), strict=True):
                    if fits:
                        collected.got[n] += 1
                        text = " ".join(candidate.text.split())
                        file.write(json.dumps([n, text, candidate.origin, candidate.cell], ensure_ascii=False) + "\n")
                for n, candidates in some:
                    idle[n] = 0 if collected.got[n] > before[n] else idle[n] + 1
                    if collected.got[n] < wanted[n]:
                        texts = [candidate.text for candidate in candidates]
                        heard[n] = [*heard.get(n, []), *texts][-AVOIDED:]
                    else:
                        heard.pop(n, None)
    for n in range(len(seeds)):
        if collected.got[n] < wanted[n]:
            gave_up = "the teacher had nothing new to say" if idle[n] >= IDLE_ROUNDS else "the filters took too many"
            collected.why[n] = teacher.exhausted or gave_up
    return collected
