"""`pocketmoji datagen` at the command line: --dry-run, --preview, --push, inspect, and what is told of wrong input."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pocketmoji.cli import main
from pocketmoji.records import SPLITS
from tests.datagen.model_server import ModelServer

PERSONAL = str(Path(__file__).resolve().parents[2] / "seeds/personal.csv")


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def output(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_counts_what_a_run_then_sends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    with ModelServer() as server:
        model = ["--teacher", "openai", "--teacher-model", "gpt-4.1-mini", "--base-url", f"{server.url}/v1"]
        assert main(["datagen", PERSONAL, "--out", out, "--dry-run", "--json", *model]) == 0
        planned = output(capsys)
        assert not server.requests and not (tmp_path / "out").exists()
        assert main(["datagen", PERSONAL, "--out", out, *model]) == 0
        assert len(server.requests) == planned["requests"] == 9
    asked = sum(
        len(seed["styles"]) for request in server.requests for seed in json.loads(request["messages"][1]["content"])
    )
    assert asked == planned["rows"]
    # 0.4 and 1.6 dollars per million: the table's price of the model.
    dollars = planned["input_tokens"] * 0.4e-6 + planned["output_tokens"] * 1.6e-6
    assert planned["dollars"] == pytest.approx(dollars, abs=1e-6) and planned["most_dollars"] > dollars
    assert main(["datagen", PERSONAL, "--out", out, "--dry-run", "--json", *model]) == 0
    again = output(capsys)
    assert (again["requests"], again["known"], again["dollars"]) == (0, 9, 0)


def test_a_dry_run_of_the_rules_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datagen", PERSONAL, "--dry-run", "--json"]) == 0
    assert output(capsys)["dollars"] == 0


def test_a_preview_costs_a_request(capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer() as server:
        model = ["--teacher", "openai", "--teacher-model", "m", "--base-url", f"{server.url}/v1"]
        assert main(["datagen", PERSONAL, "--preview", "5", "--json", *model]) == 0
    assert len(server.requests) == 1
    rows = output(capsys)["rows"]
    assert len(rows) == 20 and {row["seed"] for row in rows} >= {"Operation Teapot is go"}
    assert all(row["verdict"] == "kept" and "register=" in row["cell"] for row in rows)


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datagen", PERSONAL, "--out", str(tmp_path / "out"), "--teacher", "offline"]) == 0
    capsys.readouterr()
    assert main(["datagen", "inspect", str(tmp_path / "out"), "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["statistics"]["splits"]["train"] == 503 and "more than asked for" in captured.err
    likeness = [row["similarity"] for row in result["nearest"]]
    assert likeness == sorted(likeness, reverse=True) and 0.3 < likeness[0] < 0.8
    assert {row["split"] for row in result["nearest"]} <= {"validation", "heldout_paraphrases", "heldout_seeds"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["datagen", PERSONAL], "no folder to write into"),
        (["datagen", "inspect", "."], "holds no dataset"),
        (["datagen", "inspect"], "inspect has no folder"),
        (["datagen", PERSONAL, "more", "--out", "x"], "one argument too many"),
        (["datagen", PERSONAL, "--out", "x", "--teacher", "openai"], "no --teacher-model"),
        (["datagen", PERSONAL, "--out", "x", "--teacher", "openai", "--teacher-model", "m"], "no key"),
        (["datagen", PERSONAL, "--dry-run", "--teacher", "gemini", "--axes", "register"], "'register'"),
        (["datagen", PERSONAL, "--dry-run", "--teacher", "gemini", "--price", "a lot"], "--price is 'a lot'"),
    ],
)
def test_wrong_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(given) == 2
    assert told in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class Hub:
    """As much of the Hub's API as an upload of small files needs."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []

    def __enter__(self) -> Hub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, value: Any, status: int = 200) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                commit = {"id": "me/mine", "sha": "0" * 40, "siblings": [], "private": True}
                self.answer(commit if "/api/datasets/" in self.path else {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/api/repos/create":
                    hub.created.append(json.loads(body))
                    self.answer({"url": f"{hub.url}/datasets/me/mine"})
                elif "/preupload/" in self.path:
                    paths = [file["path"] for file in json.loads(body)["files"]]
                    files = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]
                    self.answer({"files": files})
                elif "/commit/" in self.path:
                    for line in body.splitlines():
                        part = json.loads(line)
                        if part["key"] == "file":
                            hub.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
                    self.answer({"commitUrl": f"{hub.url}/datasets/me/mine/commit/1", "commitOid": "1"})
                else:
                    self.answer({"warnings": [], "errors": []})

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datagen import hub as ours
    from pocketmoji.errors import InputError, MachineError

    out = tmp_path / "out"
    assert main(["datagen", PERSONAL, "--out", str(out), "--teacher", "offline"]) == 0
    (out / ".teacher_journal.jsonl").write_text("secret", "utf-8")
    import huggingface_hub

    with Hub() as hub:
        real = huggingface_hub.HfApi
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: real(endpoint=hub.url, token="hf_test"))
        address = ours.push(out, "me/mine")
        assert address.endswith("/commit/1") and hub.created[0]["name"] == "mine"
        assert "private" in json.dumps(hub.created[0])
        with pytest.raises(InputError, match="--push is"):
            ours.push(out, "no such/name/at all")
    sent = {path: (out / path).read_bytes() for path in hub.files}
    assert hub.files == sent and {"README.md", "train.jsonl", "parquet/train.parquet"} <= set(sent)
    assert not [path for path in sent if path.startswith(".")]
    with pytest.raises(MachineError, match="could not be put"):
        ours.push(out, "me/mine")


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_datasets_opens_the_folder(tmp_path: Path, kind: str) -> None:
    from datasets import load_dataset

    out = tmp_path / "out"
    assert main(["datagen", PERSONAL, "--out", str(out), "--teacher", "offline"]) == 0
    cache = str(tmp_path / "cache")
    if kind == "parquet":
        loaded = load_dataset(str(out), cache_dir=cache)
    else:
        loaded = load_dataset("json", data_files={s: str(out / f"{s}.jsonl") for s in SPLITS}, cache_dir=cache)
    lines = (out / "train.jsonl").read_text("utf-8").splitlines()
    assert loaded["train"].num_rows == len(lines) and set(loaded) == set(SPLITS)
    assert dict(loaded["train"][5]) == json.loads(lines[5])
