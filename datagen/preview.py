"""Before the money is spent: what a run would cost, and a handful of its rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.text.language import find_languages
from pocketmoji.datagen.dataset.beside import everyday_for
from pocketmoji.datagen.dataset.splits import choose_heldout_seeds, wanted_paraphrases
from pocketmoji.datagen.executors.budget import MILLION, price_of
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.prices import PRICES, row_of
from pocketmoji.datagen.filters.filters import Dropped, Screen
from pocketmoji.datagen.requests.teacher import Ask
from pocketmoji.datagen.seeds.reading import SeedFile, read_seeds
from pocketmoji.datagen.teachers.judge import JudgeRequest, screened
from pocketmoji.datagen.teachers.model_teacher import plan
from pocketmoji.datagen.teachers.teachers import (
    JOURNAL,
    RECORDED,
    choose_judge,
    choose_teacher,
    find_recording,
    say_limits_of_rules,
    teacher_name,
)

PREVIEWED = 4


def estimate(seeds_path: Path, config: DatagenConfig, folder: Path | None) -> dict[str, Any]:
    """Requests, tokens and dollars of the first round (what filters take away comes on top), without any request.

    What the journal in `folder` already has is not counted. Tokens are estimated from four characters to a token;
    `most` is the bound that --max-cost reckons with.
    """
    seeds = _read(seeds_path, config).seeds
    recording = find_recording(seeds_path, config)
    name = teacher_name(config, recording)
    config = config.for_list(len(seeds), name == "offline")
    languages = find_languages(seed.text for seed in seeds)
    heldout = choose_heldout_seeds(seeds, config, everyday_for(seeds, languages, config).near)
    asks = []
    for seed in seeds:
        wanted = wanted_paraphrases(seed, heldout, config)
        asks.append(Ask(seed, wanted + max(2, wanted // 4)))
    rows = sum(ask.wanted for ask in asks)
    found: dict[str, Any] = {"teacher": name, "seeds": len(seeds), "rows": rows, "requests": 0, "known": 0}
    if name == "offline" or name.startswith(RECORDED):
        say(f"datagen: {rows} rows by rules or from a recording for {len(seeds)} seeds: no requests, no money")
        if name == "offline":
            say_limits_of_rules(languages)
        return found | {"input_tokens": 0, "output_tokens": 0, "dollars": 0.0} | judge_estimate(asks, config)
    journal = Journal(folder / JOURNAL) if folder else None
    sent = received = most_sent = most_received = 0
    for request in plan(name, asks, config):
        if journal and request.fingerprint in journal:
            found["known"] += 1
            continue
        found["requests"] += 1
        likely = request.likely_tokens
        sent, received = sent + likely[0], received + likely[1]
        most_sent += request.most_input_tokens
        most_received += request.most_output_tokens
    price, today = price_of(name, config), date.today()
    found |= {
        "input_tokens": sent,
        "output_tokens": received,
        "dollars": dollars(price, sent, received) if price else None,
        "most_dollars": dollars(price, most_sent, most_received) if price else None,
        "by_teacher": {model: dollars(row.on(today), sent, received) for model, row in PRICES.items()},
        "model": model_told(name, config, today),
    }
    say(f"datagen: {found['requests']} requests to {name} for {rows} rows ({found['known']} more are in the journal)")
    say(f"  {name}: {found['model']['told']}")
    say(f"  about {sent:,} tokens to send and {received:,} to receive")
    if price:
        say(f"  about ${found['dollars']:.4f}, at most ${found['most_dollars']:.4f} (executor {config.executor})")
    else:
        say(f"  no price of {name} is known: say it with --price IN,OUT")
    for model, cost in found["by_teacher"].items():
        say(f"  the same with {model}: about ${cost:.4f}")
    return found | judge_estimate(asks, config)


def model_told(name: str, config: DatagenConfig, today: date) -> dict[str, Any]:
    """How old a model and its price are, as far as the table knows: {"told": a line, "released", "read", "source",
    "stands_for", "price"}."""
    kind, _, model = name.partition(":")
    row, price = row_of(model), price_of(name, config)
    if kind == "transformers":
        return {"told": "a model on this machine, for nothing", "price": price}
    if row is None:
        told = f"its price is that of --price {config.price}" if price else "its price is not known"
        return {"told": f"{told}, nor how old it is", "price": price}
    known = {"released": str(row.released), "read": str(row.read), "source": row.source, "stands_for": row.stands_for}
    own = f"; --price {config.price} holds" if config.price else ""
    return {"told": row.told(today) + own, "price": price, **known}


def judge_estimate(asks: Sequence[Ask], config: DatagenConfig) -> dict[str, Any]:
    """What the judge adds, if there is one and nothing falls to the filters before it: {"judge": requests, tokens,
    dollars}."""
    if not config.judge:
        return {}
    size = config.seeds_per_request
    guessed = [tuple("x" * (len(ask.seed.text) + 40) for _ in range(ask.wanted)) for ask in asks]
    requests = [
        JudgeRequest(config.judge, tuple(asks[n : n + size]), {}, "", tuple(guessed[n : n + size]))
        for n in range(0, len(asks), size)
    ]
    sent, received = (sum(tokens) for tokens in zip(*(one.likely_tokens for one in requests), strict=True))
    price = price_of(config.judge, config)
    cost = dollars(price, sent, received) if price else None
    money = "its price is unknown" if cost is None else f"about ${cost:.4f}"
    say(f"  {config.judge}: {model_told(config.judge, config, date.today())['told']}")
    say(f"  {len(requests)} requests more to the judge {config.judge}, {sent:,} and {received:,} tokens: {money}")
    return {
        "judge": {"requests": len(requests), "input_tokens": sent, "output_tokens": received, "dollars": cost},
    }


def _read(seeds_path: Path, config: DatagenConfig) -> SeedFile:
    """The seeds; says how they were read."""
    file = read_seeds(seeds_path, config.max_bad_rows)
    say(f"datagen: {len(file.seeds)} seeds in {file.rows} rows of {file.name}")
    for note in file.notes:
        say(f"  {note}")
    return file


def dollars(price: tuple[float, float], sent: int, received: int) -> float:
    """Money for so many tokens at a price per million."""
    return round((sent * price[0] + received * price[1]) / MILLION, 6)


def preview(seeds_path: Path, config: DatagenConfig, count: int) -> dict[str, Any]:
    """A few paraphrases of the first `count` seeds, each with what the filters say of it; nothing is written."""
    file = _read(seeds_path, config)
    dropped: list[Dropped] = []
    screen = Screen(file.seeds, dropped.append, config.language)
    shown = []
    with tempfile.TemporaryDirectory() as folder, closing(Journal(Path(folder) / JOURNAL)) as journal:
        languages = find_languages(seed.text for seed in file.seeds)
        recording = find_recording(seeds_path, config)
        teacher = choose_teacher(config, journal, os.environ, languages, recording)
        judge = choose_judge(config, journal, os.environ)
        asks = [Ask(seed, PREVIEWED) for seed in file.seeds[:count]]
        for number, candidates in enumerate(teacher.paraphrase(asks, lambda n: None)):
            seed = file.seeds[number]
            say(f"{seed.text}  {seed.emoji}")
            before = len(dropped)
            verdicts = screened(screen, judge, [(number, candidate) for candidate in candidates])
            reasons = {row.text: row.why or row.reason for row in dropped[before:]}
            for candidate, fits in zip(candidates, verdicts, strict=True):
                verdict = "kept" if fits else reasons[" ".join(candidate.text.split())]
                shown.append(
                    {
                        "seed": seed.text,
                        "emoji": seed.emoji,
                        "text": candidate.text,
                        "origin": candidate.origin,
                        "cell": candidate.cell,
                        "verdict": verdict,
                    }
                )
                about = f"{candidate.cell or candidate.origin}{'' if fits else f'; dropped: {verdict}'}"
                say(f"    {candidate.text}  [{about}]")
        running = getattr(teacher, "running", None)
        if running:
            say(f"datagen: {running()}")
    return {"teacher": teacher.name, "rows": shown}
