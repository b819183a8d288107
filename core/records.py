"""The records that stages hand to each other: one Pydantic model per JSONL line, fields in a stable order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from pocketmoji.core.workspace import write_text

Split = Literal["train", "validation", "heldout_paraphrases", "heldout_seeds"]
SPLITS: tuple[Split, ...] = ("train", "validation", "heldout_paraphrases", "heldout_seeds")
Group = Literal["seed", "other_words", "everyday", "typed", "paraphrase", "untaught", "heldout_seed"]
GROUPS: tuple[Group, ...] = get_args(Group)


# What is trained beside the splits: forms in which people type the list's phrases, and everyday language.
TYPED, EVERYDAY = "typed.jsonl", "everyday.jsonl"


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Seed(Record):
    """A text and the emoji it must give. `line` is the line of the file it came from (1 is the header of a CSV)."""

    seed_id: str
    text: str
    emoji: str
    line: int


class Example(Record):
    """One row of a dataset. `origin` is "seed", "offline:<rule>", "<teacher>:<model>", "typed:<way>", "everyday"
    or "cldr:<language>"; `cell` is where on the axes of
    diversity the row was asked for, empty for seeds."""

    text: str
    emoji: str
    seed_id: str
    origin: str
    cell: str = ""

    @property
    def is_general(self) -> bool:
        """Whether it is everyday language, of no list."""
        return self.origin == "everyday" or self.origin.startswith("cldr:")


class RejectedRow(Record):
    """A row of a seed file that was set aside, and why."""

    line: int
    text: str
    emoji: str
    reason: str


class EvaluationText(Record):
    """A text to be answered, and what it should give.

    Groups: "seed", a trained phrase; "typed", one as people type it (`form` says how); "paraphrase", one in words
    that were held out; "other_words", the same in quite other words (`overlap`, see evaluate/groups); "untaught", a
    paraphrase of a seed of which no paraphrase was trained; "heldout_seed", a text of a seed that was not trained;
    "everyday", a phrase that is on no list, with all the emoji that would do.
    """

    text: str
    emoji: str
    seed_id: str
    group: Group
    form: str = ""
    overlap: float | None = None


class Prediction(Record):
    """Raw output of one text. `raw` is everything before the stop token, special tokens included, nothing cleaned;
    `tokens` are the generated token ids, the stop token included if there was one. Times are None where a batched
    runtime cannot know them for one text."""

    text: str
    raw: str
    tokens: list[int]
    stopped: bool
    seconds: float
    ttft_ms: float | None = None
    tokens_per_s: float | None = None


class Interval(Record):
    """A figure with its 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


class Scores(Record):
    """What an evaluation says of one runtime's predictions (fractions, 0 to 1). None: no texts of that kind."""

    n: int
    compliance: Interval
    stop_rate: Interval
    seed_recall: Interval | None
    paraphrase_recall: Interval | None
    order_free_recall: Interval | None
    first_emoji_recall: Interval | None
    transfer: Interval | None
    parity: Interval | None = None
    other_words_recall: Interval | None = None
    other_words_overlap: Interval | None = None
    everyday_acceptable: Interval | None = None
    typed_recall: Interval | None = None
    untaught_recall: Interval | None = None

    def brief(self) -> dict[str, float | int | None]:
        """The form that summary.json has."""
        value = lambda i: None if i is None else i.value
        return {
            "n": self.n,
            "compliance": self.compliance.value,
            "other_words_recall": value(self.other_words_recall),
            "other_words_overlap": value(self.other_words_overlap),
            "everyday_acceptable": value(self.everyday_acceptable),
            "typed_recall": value(self.typed_recall),
            "seed_recall": value(self.seed_recall),
            "paraphrase_recall": value(self.paraphrase_recall),
            "untaught_recall": value(self.untaught_recall),
            "transfer": value(self.transfer),
            "parity": value(self.parity),
        }


class GateResult(Record):
    gate: str
    value: float
    limit: float
    passed: bool


class EngineTiming(Record):
    """Latency of one browser engine; p50 over the measured texts, the first (cold) one left out."""

    adapter: str
    load_s: float
    ttft_ms_p50: float
    ttft_ms_p95: float
    tokens_per_s_p50: float
    tokens_per_s_p95: float


R = TypeVar("R", bound=BaseModel)


def write_jsonl(path: Path, records: Iterable[BaseModel]) -> None:
    """One JSON object per line, UTF-8, no ASCII escapes, atomically."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))


def read_jsonl(path: Path, kind: type[R]) -> list[R]:
    # Not splitlines(): it would also split at U+2028 and U+0085, which JSON may carry inside a string.
    return [kind.model_validate_json(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
