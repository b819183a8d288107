"""Vocabulary pruning: keep the rows that emoji and the user's language need, drop the rest, renumber.

Gemma's tokenizer is BPE with byte fallback. A kept token is of use only with every token on the way to it (its merge
ancestors); a text that needs a dropped token falls back to smaller kept ones and, in the end, to bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pocketmoji.core.errors import BaseModelError, InputError
from pocketmoji.core.notice import write_notice
from pocketmoji.core.text.emoji import emoji_table
from pocketmoji.core.text.prompt import CHAT_TEMPLATE, END_OF_TURN, START_OF_TURN, render
from pocketmoji.core.workspace import atomic_path, read_json, write_json, write_text

SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", START_OF_TURN, END_OF_TURN)
WORDS = 150_000
# A run prunes the same base twice, for the list and for everyday language: its words take ten seconds to encode.
_ranked: dict[tuple[str, str], list[str]] = {}


@dataclass(frozen=True)
class PruneReport:
    """What pruning did. `texts_unchanged` and `extra_tokens` are shares over the texts that were given."""

    kept: int
    full: int
    parameters_before: int
    parameters_after: int
    tokenizer_bytes_before: int
    tokenizer_bytes_after: int
    texts: int
    texts_unchanged: float
    extra_tokens: float
    answers_unchanged: float


def merge_ancestors(piece: str, rank: dict[tuple[str, str], int]) -> set[str]:
    """All tokens that BPE makes on its way to `piece`, `piece` itself included."""
    parts = list(piece)
    made = set(parts)
    while len(parts) > 1:
        best, at = min((rank.get((parts[i], parts[i + 1]), len(rank)), i) for i in range(len(parts) - 1))
        if best == len(rank):
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
        made.add(parts[at])
    return made


def choose_tokens(tokenizer_json: dict[str, Any], size: int, languages: str, texts: Iterable[str]) -> list[str]:
    """At most `size` tokens of the vocabulary to keep, in the order of their old ids.

    First what must be kept: specials, bytes, single letters of Latin scripts, runs of newlines, every token made of
    emoji alone, whatever `texts` (prompts and answers of the dataset) use. Then the tokens of the commonest words of
    `languages` (codes with commas between them), by summed word frequency (the wordfreq package), lower case,
    capitalised and upper case, with and without a leading space.
    """
    from tokenizers import Tokenizer

    text = json.dumps(tokenizer_json)
    full = Tokenizer.from_str(text)
    vocabulary: dict[str, int] = tokenizer_json["model"]["vocab"]
    rank = {(left, right): i for i, (left, right) in enumerate(_merges(tokenizer_json))}

    def with_ancestors(token: str) -> set[str]:
        if re.fullmatch(r"<0x..>", token) or token in added:
            return {token}
        return {part for part in merge_ancestors(token, rank) if part in vocabulary}

    added = {token["content"] for token in tokenizer_json["added_tokens"]}
    keep = {token for token in SPECIALS if token in vocabulary}
    keep |= {token for token in added & vocabulary.keys() if not token.strip()}
    keep |= {token for token in vocabulary if re.fullmatch(r"<0x[0-9A-F]{2}>", token)}
    keep |= {chr(code) for code in range(0x20, 0x180) if chr(code) in vocabulary} | {"▁"}
    characters = {character for sequence in emoji_table() for character in sequence if not character.isascii()}
    for token in vocabulary:
        if set(token) <= characters:
            keep |= with_ancestors(token)
    for encoding in full.encode_batch([*emoji_table(), *texts], add_special_tokens=False):
        for token in encoding.tokens:
            if token not in keep:
                keep |= with_ancestors(token)
    if len(keep) > size:
        raise InputError(
            f"a vocabulary of {size} tokens is too small",
            expected=f"at least {len(keep)}: emoji, bytes, special tokens and what the dataset uses need as many",
            remedy="raise --vocabulary-size or give --keep-vocabulary",
        )
    key = (hashlib.sha256(text.encode()).hexdigest(), languages)
    if key not in _ranked:
        _ranked[key] = _tokens_by_word_frequency(full, languages)
    for token in _ranked[key]:
        if token in vocabulary and token not in keep:
            wanted = with_ancestors(token) - keep
            if len(keep) + len(wanted) > size:
                break
            keep |= wanted
    return sorted(keep, key=vocabulary.__getitem__)


def _tokens_by_word_frequency(tokenizer: Any, languages: str) -> list[str]:
    from wordfreq import available_languages, get_frequency_dict

    forms: list[str] = []
    weights: list[float] = []
    for language in (code.strip() for code in languages.split(",")):
        if language not in available_languages():
            raise InputError(
                f"no word frequencies for the language {language!r}",
                expected=f"codes out of {', '.join(sorted(available_languages()))}, with commas between them",
                remedy="give other --languages, or --keep-vocabulary",
            )
        for word, frequency in islice(get_frequency_dict(language).items(), WORDS):
            for form, part in ((word, 1.0), (word.capitalize(), 0.3), (word.upper(), 0.03)):
                forms += [" " + form, form]
                weights += [frequency * part, frequency * part * 0.15]
    total: dict[str, float] = defaultdict(float)
    for encoding, share in zip(tokenizer.encode_batch(forms, add_special_tokens=False), weights, strict=True):
        for token in encoding.tokens:
            total[token] += share
    return sorted(total, key=lambda token: -total[token])


def _merges(tokenizer_json: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = (merge if isinstance(merge, list) else merge.split(" ", 1) for merge in tokenizer_json["model"]["merges"])
    return [(left, right) for left, right in pairs]


def prune_tokenizer(tokenizer_json: dict[str, Any], keep: list[str]) -> dict[str, Any]:
    """The same tokenizer over the tokens of `keep`, renumbered 0, 1, ... in that order."""
    new = {token: i for i, token in enumerate(keep)}
    merges = [
        [left, right] for left, right in _merges(tokenizer_json) if left in new and right in new and left + right in new
    ]
    post_processor = json.loads(json.dumps(tokenizer_json["post_processor"]))
    for special in post_processor.get("special_tokens", {}).values():
        special["ids"] = [new[token] for token in special["tokens"]]
    return {
        **tokenizer_json,
        "added_tokens": [
            {**token, "id": new[token["content"]]}
            for token in tokenizer_json["added_tokens"]
            if token["content"] in new
        ],
        "post_processor": post_processor,
        "model": {**tokenizer_json["model"], "vocab": new, "merges": merges},
    }


def prune_base(
    base: Path,
    base_name: str,
    folder: Path,
    *,
    size: int | None,
    languages: str,
    stop_token: str,
    texts: list[str],
    answers: list[str],
    unseen: list[str],
    say: Callable[[str], None],
) -> PruneReport:
    """Write the model of `base`, over a pruned vocabulary, into `folder` (Hugging Face layout, weights' own precision).

    `size` None keeps the vocabulary. `texts` and `answers` are kept as they tokenise now; `unseen` are texts that had
    no say in the choice, to measure on what it costs. `stop_token` becomes the end token of the tokenizer and of
    generation_config.json. The kept rows are copied bit for bit, so the logits of kept tokens are what they were.
    """
    from safetensors.torch import load_file, save_file

    tokenizer_json = read_json(base / "tokenizer.json")
    vocabulary: dict[str, int] = tokenizer_json["model"]["vocab"]
    config = read_json(base / "config.json")
    prompts = [render(text) for text in texts]
    if size is None or size >= len(vocabulary):
        keep = sorted(vocabulary, key=vocabulary.__getitem__)
        pruned = tokenizer_json
    else:
        keep = choose_tokens(tokenizer_json, size, languages, [*prompts, *answers])
        pruned = prune_tokenizer(tokenizer_json, keep)
    new = {token: i for i, token in enumerate(keep)}
    if stop_token not in new:
        raise BaseModelError(f"the vocabulary has no {stop_token}", where=base / "tokenizer.json")

    weights = load_file(base / "model.safetensors")
    table = weights["model.embed_tokens.weight"]
    before = sum(tensor.numel() for tensor in weights.values())
    weights["model.embed_tokens.weight"] = table[[vocabulary[token] for token in keep]].contiguous()
    after = sum(tensor.numel() for tensor in weights.values())
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})

    text = json.dumps(pruned, ensure_ascii=False)
    write_text(folder / "tokenizer.json", text)
    tokenizer_config = read_json(base / "tokenizer_config.json")
    template = base / "chat_template.jinja"
    tokenizer_config.setdefault("chat_template", template.read_text("utf-8") if template.is_file() else CHAT_TEMPLATE)
    tokenizer_config.pop("added_tokens_decoder", None)  # its ids are the old ones; tokenizer.json has the new
    write_json(folder / "tokenizer_config.json", {**tokenizer_config, "eos_token": stop_token})
    ids = {f"{name}_token_id": new.get(f"<{name}>") for name in ("pad", "bos")}
    ids["eos_token_id"] = new[stop_token]
    write_json(folder / "config.json", {**config, **ids, "vocab_size": len(keep)})
    stops = sorted({new[stop_token], *(new[t] for t in ("<eos>", END_OF_TURN) if t in new)})
    write_json(folder / "generation_config.json", {**ids, "eos_token_id": stops, "do_sample": False})
    change = "vocabulary kept" if len(keep) == len(vocabulary) else f"vocabulary pruned to {len(keep)} tokens"
    write_notice(folder, base_name, change)

    report = _measure(
        tokenizer_json, pruned, unseen, answers, before, after, len((base / "tokenizer.json").read_bytes())
    )
    write_json(folder / "vocabulary.json", asdict(report))
    say(
        f"vocabulary: {report.full:,} -> {report.kept:,} tokens, {before / 1e6:.0f}M -> {after / 1e6:.0f}M parameters, "
        f"tokenizer.json {report.tokenizer_bytes_before / 1e6:.1f} -> {report.tokenizer_bytes_after / 1e6:.1f} MB; "
        f"{report.texts_unchanged:.1%} of {report.texts} held-out texts tokenise as before "
        f"(+{report.extra_tokens:.1%} tokens)"
    )
    return report


def _measure(
    full_json: dict[str, Any],
    pruned_json: dict[str, Any],
    unseen: list[str],
    answers: list[str],
    before: int,
    after: int,
    tokenizer_bytes_before: int,
) -> PruneReport:
    from tokenizers import Tokenizer

    pruned_text = json.dumps(pruned_json, ensure_ascii=False)
    full, pruned = Tokenizer.from_str(json.dumps(full_json)), Tokenizer.from_str(pruned_text)

    def compare(strings: list[str]) -> tuple[float, float]:
        old = [e.tokens for e in full.encode_batch(strings, add_special_tokens=False)]
        now = [e.tokens for e in pruned.encode_batch(strings, add_special_tokens=False)]
        same = sum(a == b for a, b in zip(old, now, strict=True))
        length = max(sum(map(len, old)), 1)
        return same / max(len(strings), 1), sum(map(len, now)) / length - 1

    unchanged, extra = compare(unseen)
    answers_unchanged, _ = compare(answers)
    return PruneReport(
        kept=len(pruned_json["model"]["vocab"]),
        full=len(full_json["model"]["vocab"]),
        parameters_before=before,
        parameters_after=after,
        tokenizer_bytes_before=tokenizer_bytes_before,
        tokenizer_bytes_after=len(pruned_text.encode()),
        texts=len(unseen),
        texts_unchanged=unchanged,
        extra_tokens=extra,
        answers_unchanged=answers_unchanged,
    )
