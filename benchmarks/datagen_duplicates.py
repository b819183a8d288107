"""Do the filters tell duplicates from distinct texts? 2,000 planted pairs: exact, normalised, near, distinct.

The truth is how a pair was made, not a similarity: exact copies; copies with other letter case, spaces and punctuation;
copies with one slip of the pen (a letter lost, doubled, swapped or replaced, a short word lost); and texts that say
something else, half of them with half of their words in common. All go through the filters that datagen uses; the
second text of a pair must be called a duplicate of the first or must not.

    python -m benchmarks.datagen_duplicates
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter

from pocketmoji.core.records import Seed
from pocketmoji.datagen.filters.filters import Dropped, Screen
from pocketmoji.datagen.filters.similarity import normalise_text
from pocketmoji.datagen.requests.teacher import Candidate

PAIRS = 500
KINDS = ("exact", "normalised", "near", "distinct")
BAR = 0.95


def sentence(rng: random.Random, words: list[str]) -> str:
    """Ten to fourteen common words, told as one text."""
    return " ".join(rng.choices(words, k=rng.randint(10, 14))).capitalize()


def restyled(rng: random.Random, text: str) -> str:
    other = rng.choice((text.upper(), text.lower(), text.title()))
    return rng.choice(("  ", "- ", "* ")) + other.replace(" ", rng.choice(("  ", ", ", " - ")), 2) + rng.choice("!.?")


def slipped(rng: random.Random, text: str) -> str:
    """One slip of the pen somewhere in the text."""
    at = rng.choice([i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()])
    kind = rng.randrange(5)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[: at + 1] + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 3:
        return text[:at] + rng.choice("aeiou") + text[at + 1 :]
    short = [word for word in text.split() if len(word) <= 3]
    return text.replace(f" {rng.choice(short)} ", " ", 1) if short else text[:at] + text[at + 1 :]


def other(rng: random.Random, text: str, words: list[str]) -> str:
    if rng.random() < 0.5:
        return sentence(rng, words)
    kept = text.split()
    return " ".join(rng.choice(words) if n % 2 else word for n, word in enumerate(kept))


def main() -> None:
    from wordfreq import top_n_list

    rng = random.Random(0)
    words = [word for word in top_n_list("en", 3000) if word.isalpha() and len(word) > 1]
    pairs = []
    for kind in KINDS:
        for _ in range(PAIRS):
            text = sentence(rng, words)
            second = {
                "exact": lambda t: t,
                "normalised": lambda t: restyled(rng, t),
                "near": lambda t: slipped(rng, t),
                "distinct": lambda t: other(rng, t, words),
            }[kind](text)
            pairs.append((kind, text, second))
    rng.shuffle(pairs)
    seeds = [Seed(seed_id=str(n), text=text, emoji="🎉", line=n) for n, (_, text, _) in enumerate(pairs)]
    dropped: list[Dropped] = []
    started = time.monotonic()
    screen = Screen(seeds, dropped.append)
    kept = screen.accept([(n, Candidate(second, "planted")) for n, (_, _, second) in enumerate(pairs)])
    seconds = time.monotonic() - started
    verdicts = {row.seed_id: row for row in dropped}
    called: Counter[str] = Counter()
    wrong_reason = 0
    for n, (kind, text, second) in enumerate(pairs):
        row = verdicts.get(str(n))
        duplicate = row is not None and row.other_seed == str(n) and "its seed" in row.reason
        called[kind] += duplicate
        if duplicate and row is not None:
            same = normalise_text(text) == normalise_text(second)
            wrong_reason += (row.reason == "same as its seed") != same
    assert len(kept) == len(pairs) and sum(kept) + len(dropped) == len(pairs)
    planted = 3 * PAIRS
    found = sum(called[kind] for kind in KINDS[:3])
    precision, recall = found / max(1, sum(called.values())), found / planted
    print(
        json.dumps(
            {
                "claim": "the filters find planted duplicates with precision and recall of at least 0.95",
                "value": {"precision": round(precision, 4), "recall": round(recall, 4)},
                "bar": {"precision": BAR, "recall": BAR},
                "holds": precision >= BAR and recall >= BAR,
                "called_duplicate": {kind: f"{called[kind]} of {PAIRS}" for kind in KINDS},
                "wrong_reason": wrong_reason,
                "seconds": round(seconds, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
