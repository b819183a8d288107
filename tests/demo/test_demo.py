"""The demo's own tests, run by npm, and that Python and TypeScript agree on what an emoji is."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pocketmoji.browser_tests.app.node import build_demo, find_node
from pocketmoji.core.text.emoji import emoji_table, is_compliant
from pocketmoji.core.text.grammar import Grammar, make_grammar
from pocketmoji.core.text.memory import Memory
from pocketmoji.core.places import shipped_seeds
from pocketmoji.datagen.seeds.reading import read_seeds
from tests.tiny import make_tiny_model


def cases() -> list[str]:
    """Every sequence of Unicode's list up to Emoji 15.0 (older browsers know those), and near misses of each."""
    from emoji import EMOJI_DATA

    found = []
    for sequence in emoji_table():
        if float(EMOJI_DATA[sequence]["E"]) > 15.0:
            continue
        found += [
            sequence,
            sequence + "\ufe0f",
            sequence + "\u200d",
            sequence + "1",
            "\u200d" + sequence,
            sequence[:-1],
        ]
    return sorted({*found, "", " ", "1", "#", "a", "\U0001f3fd", "\U0001f1e9", "<eos>", "🎉 🥳"})


def test_demo_builds_with_its_runtimes() -> None:
    dist = build_demo()
    assert (dist / "index.html").is_file()
    names = {path.name for path in (dist / "runtime").iterdir()}
    onnx = {"ort-wasm-simd-threaded.asyncify.wasm", "ort-wasm-simd-threaded.wasm"}
    assert {"transformers.min.js", *onnx, "genai_bundle.mjs"} <= names
    page = "".join(path.read_text("utf-8") for path in [dist / "index.html", *dist.glob("assets/*.js")])
    assert "//cdn" not in page and "jsdelivr" not in page


def allowed_by_python(grammar: Grammar, count: int) -> list[tuple[list[int], int, list[int]]]:
    """Answers so far, limits, and which tokens may come next."""
    source, found = random.Random(0), []
    for _ in range(count):
        answer: list[int] = []
        limit = source.randint(grammar.fewest_tokens, 16)
        while len(allowed := grammar.allowed(answer, limit).tolist()):
            found.append((list(answer), limit, allowed))
            answer.append(source.choice(allowed))
        found.append((answer, limit, []))
    return found


def tiny_models(folder: Path) -> Path:
    """Files of each grid, and what Python says with them, for demo/test/cpu.test.ts."""
    from pocketmoji.browser_tests.engines.logits import ExactRuntime
    from pocketmoji.export.onnx.folder import export_onnx, onnx_file

    model = make_tiny_model(folder / "model")
    found = []
    for name in ("q4", "q4-32", "q8"):
        export_onnx(model, folder, [name])
        file = onnx_file(folder, name).relative_to(folder).as_posix()
        trace = ExactRuntime(folder, file, [1], 12).trace("my cat is sleeping on me and the coffee is cold")
        found.append({"file": file, "prompt": trace.prompt_tokens, "steps": trace.steps})
    (folder / "cases.json").write_text(json.dumps(found), "utf-8")
    return folder


# Letters whose lower case is longer or depends on its place, words without spaces, and what is white space to Python,
# to JavaScript, or to one of them alone.
ODD = ["İstanbul'da ÇAY", "ΟΔΥΣΣΕΥΣ ΣΑΣ", "日本語 のテスト", "👨‍👩‍👧 family", "naïve CAFÉ", "Straße", "no\u00a0break\u2003space"]
ODD += ["one\x1ctwo\x85three", "one\ufefftwo three", "e\u0301te\u0301 combined", "Привет МИР", "ﬁne ŉo", "𝕎𝕠𝕨 𐐀𐐁 so"]


def recalled_by_python() -> dict[str, Any]:
    """A list, and what a memory of it recalls for texts that are more and less like it."""
    rows = [(seed.text, seed.emoji) for seed in read_seeds(shipped_seeds("personal.csv")).seeds]
    rows += [(text, f"{i}") for i, text in enumerate(ODD)] + [(rows[0][0].upper(), "another")]
    memory, source, cases = Memory(rows), random.Random(0), []
    for text, _ in rows:
        letters = list(text)
        source.shuffle(letters)
        left_out = "".join(letter for letter in text if source.random() > 0.15)
        other = source.choice(rows)[0]
        few = [*text.split()[:2], *other.split()[-2:]]
        asked = [text.upper(), left_out, "".join(letters), source.choice([" ", "\x1f", "\u2028", "\ufeff"]).join(few)]
        for one in [*asked, f"{text} {other}", text[: len(text) // 2]]:
            found = memory.recall(one)
            cases.append({"text": one, "recalled": asdict(found) if found else None})
    cases += [{"text": text, "recalled": None} for text in ("", " ", "\u2400\u2401")]
    return {"file": {"texts": [text for text, _ in rows], "emoji": [emoji for _, emoji in rows]}, "cases": cases}


def test_vitest_with_what_python_says(tiny_model: Path, tmp_path: Path) -> None:
    grammar = make_grammar(tiny_model)
    shared = {"file": grammar.as_json(), "allowed": allowed_by_python(grammar, 100), "emoji": list(emoji_table())}
    (tmp_path / "grammar.json").write_text(json.dumps(shared, ensure_ascii=False), "utf-8")
    verdicts = tmp_path / "verdicts.json"
    verdicts.write_text(json.dumps([[text, is_compliant(text)] for text in cases()], ensure_ascii=False), "utf-8")
    build_demo()
    given = {"POCKETMOJI_EMOJI_VERDICTS": str(verdicts), "POCKETMOJI_GRAMMAR": str(tmp_path / "grammar.json")}
    (tmp_path / "memory.json").write_text(json.dumps(recalled_by_python(), ensure_ascii=False), "utf-8")
    given["POCKETMOJI_MEMORY"] = str(tmp_path / "memory.json")
    given["POCKETMOJI_TINY"] = str(tiny_models(tmp_path / "tiny"))
    done = find_node().run("test", **given)
    assert done.returncode == 0, done.stdout[-4000:]


def test_lock_file_holds_no_address() -> None:
    lock = json.loads((Path(__file__).parents[2] / "demo/package-lock.json").read_text("utf-8"))
    addresses = [package.get("resolved", "") for package in lock["packages"].values()]
    assert not [address for address in addresses if "://" in address]
