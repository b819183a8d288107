"""Every setting of a run, with its default. The command line's options are these fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pocketmoji.core.places import shipped_seeds


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# A list of so many phrases is long: all that is made of a short one would take hours (docs/train.md).
LONG_LIST = 200


class DatagenConfig(Settings):
    teacher: Literal["auto", "offline", "recorded", "gemini", "openai", "transformers"] = "auto"
    # Google keeps this name pointing at its current small model; a numbered one is shut down after about a year.
    teacher_model: str = Field(
        default="gemini-flash-lite-latest", description="the teacher's name for the model, or a folder"
    )
    base_url: str = Field(default="", description="server of the openai or gemini teacher; empty: the provider's")
    recording: Path | None = Field(default=None, description="paraphrases to replay; default: LIST.recorded.jsonl")
    executor: Literal["async", "gemini-batch", "ray"] = "async"
    paraphrases: int = Field(
        default=0,
        ge=0,
        description="kept per trained seed, held-out ones included; 0: 20 by a model, 8 by rules (3 for a long list)",
    )
    heldout_paraphrases: int = Field(default=-1, ge=-1, description="of these kept back for recall; -1: a tenth")
    heldout_seeds: float = Field(default=0.1, ge=0, lt=0.9, description="share of seeds not trained, for transfer")
    everyday: bool = Field(default=True, description="everyday language is learnt before the list, and kept with it")
    max_bad_rows: float = Field(default=0.01, ge=0, le=1, description="share of bad seed rows to set aside, not refuse")
    random_seed: int = 0
    language: str = Field(default="auto", description="language of the paraphrases; auto: that of the seeds")
    judge: str = Field(default="", description="KIND:MODEL that says if a paraphrase still means its seed; empty: none")
    axes: str = Field(default="", description="NAME=VALUE|VALUE; ...: what paraphrases vary in; empty: built in")
    seeds_per_request: int = Field(default=8, ge=1)
    thinking_tokens: int = Field(default=0, ge=0, description="room for a model that thinks before it answers")
    concurrency: int = Field(default=32, ge=1, description="most requests in flight; the server's answers adapt it")
    timeout: float = Field(
        default=120.0, gt=0, description="seconds that a reply may take; a late one lowers concurrency"
    )
    requests_per_minute: int = Field(default=0, ge=0, description="0: no limit")
    tokens_per_minute: int = Field(default=0, ge=0, description="0: no limit")
    max_requests: int | None = Field(default=None, ge=0, description="ceiling that is never passed")
    max_cost: float | None = Field(default=None, ge=0, description="ceiling in dollars that is never passed")
    price: str = Field(default="", description="IN,OUT: dollars per million tokens; empty: the price table")
    max_leak: float = Field(default=0.001, ge=0, le=1, description="share of held-out texts that may be in training")

    def for_list(self, seeds: int, by_rules: bool) -> DatagenConfig:
        """The same with the numbers that stand for "as many as are right" where a list has so many seeds."""
        many = (3 if seeds >= LONG_LIST else 8) if by_rules else 20
        paraphrases = self.paraphrases or many
        heldout = -(-paraphrases // 10) if self.heldout_paraphrases < 0 else self.heldout_paraphrases
        return self.model_copy(update={"paraphrases": paraphrases, "heldout_paraphrases": heldout})

    # How the rows were got, not which: they stand in no dataset, so that any executor and budget give the same bytes.
    HOW: ClassVar[tuple[str, ...]] = (
        *("base_url", "executor", "concurrency", "timeout", "requests_per_minute", "tokens_per_minute"),
        *("max_requests", "max_cost", "price", "thinking_tokens", "recording"),
    )


# What a preset sets where nothing else is said; docs/train.md has what they did to recall and transfer.
PRESETS: dict[str, dict[str, Any]] = {
    "memorise": {"seed_repeats": 4, "learning_rate": 7e-4},
    "generalise": {"learning_rate": 1.5e-4},
}


class TrainConfig(Settings):
    preset: Literal["auto", "none", "memorise", "generalise"] = Field(
        default="auto",
        description="memorise: sure recall of the seeds (auto: for long lists); generalise: texts that are unlike them",
    )
    base: str = Field(default="auto", description="auto, a folder, a GGUF file or a Hub repository")
    keep_vocabulary: bool = False
    vocabulary_size: int = Field(default=32_768, ge=4_096)
    languages: str = Field(
        default="auto", description="whose frequent words the vocabulary keeps: de,es,ja; auto: the list's"
    )
    everyday: bool = Field(default=True, description="everyday language is learnt before the list, and kept with it")
    everyday_rows: int = Field(default=5_850, ge=1, description="rows that the base is taught, once for all lists")
    everyday_epochs: float = Field(default=1.0, gt=0, description="how often it is taught them")
    replay: int = Field(default=2_400, ge=0, description="rows of everyday language trained along with the list")
    frozen_layers: float = Field(
        default=0.4, ge=0, lt=1, description="the lowest share of the layers stays as everyday language has left it"
    )
    tuned_share: float = Field(
        default=1.0, gt=0, le=1, description="how far from the prepared base to the tuned weights the model lies"
    )
    epochs: float = Field(default=1.0, gt=0)
    seed_repeats: int = Field(default=3, ge=1, description="how often an epoch has each seed's own text")
    paraphrase_repeats: int = Field(default=2, ge=1, description="how often an epoch has each paraphrase")
    max_steps: int = Field(default=0, ge=0, description="0: as many as the epochs give")
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3.5e-4, gt=0)
    lora_rank: int = Field(default=64, ge=1)
    quantise: Literal["fp32", "q8", "q4", "q4-32"] = Field(
        default="q4", description="train through the grid of this web artefact"
    )
    max_tokens: int = Field(default=256, ge=32, description="longest prompt and answer in tokens")
    report_to: str = Field(default="none", description="a logger of transformers' Trainer, for instance tensorboard")
    random_seed: int = 0

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        """A preset's settings, unless they are given themselves."""
        return {**PRESETS.get(given.get("preset", ""), {}), **given} if isinstance(given, dict) else given

    def for_list(self, phrases: int) -> TrainConfig:
        """The same with what `auto` stands for where so many phrases are trained; what was set by hand stays."""
        if self.preset != "auto":
            return self
        given = self.model_dump(include=self.model_fields_set)
        return TrainConfig(**given | {"preset": "memorise" if phrases >= LONG_LIST else "none"})


# A model says more than its list's longest answer where it has not learnt to stop: that is to be seen.
LEAST_NEW_TOKENS = 16


class EvaluateConfig(Settings):
    max_texts: int = Field(default=200, ge=1, description="evaluation texts; above that each group is sampled")
    everyday: bool = Field(default=True, description="everyday phrases, which are on no list")
    max_new_tokens: int | Literal["auto"] = Field(
        default="auto", description="tokens of an answer; auto: what the longest of the list takes, 16 at least"
    )
    batch_size: int = Field(default=32, ge=1)
    random_seed: int = 0

    @field_validator("max_new_tokens", mode="before")
    @classmethod
    def _auto_or_a_number(cls, given: Any) -> Any:
        if given == "auto" or (str(given).isdecimal() and int(given) >= 2):
            return given if given == "auto" else int(given)
        raise PydanticCustomError("max_new_tokens", "Input should be auto, or a number from 2 on")

    @property
    def limit(self) -> int:
        """`max_new_tokens` as a number; of an auto that knows no list, the least that it can be."""
        return LEAST_NEW_TOKENS if self.max_new_tokens == "auto" else self.max_new_tokens


class ExportConfig(Settings):
    fit: str = Field(
        default="q4,q8",
        description="candidates (q4, q4-v3, q4-32, q8), tried from the smallest; the first that passes ships",
    )
    tolerance: float = Field(default=0.01, ge=0, description="largest loss of a score that a shipped artefact may show")
    max_model_bytes: int = 150_000_000
    max_tokenizer_bytes: int = 5_000_000
    litert: bool = True
    litert_precision: Literal["int8", "int4"] = Field(
        default="int8", description="how the .task and the .litertlm store weights; int4: symmetric blocks of 32"
    )
    litertlm: bool = Field(default=False, description="a .litertlm too, for LiteRT-LM in apps")
    rounding: Literal["auto", "nearest", "clip", "gptq"] = Field(
        default="auto", description="to 4 bits; auto: nearest if trained through the grid, else GPTQ"
    )
    gguf: str = Field(default="", description="GGUF files to write too, for llama.cpp and Ollama: F16,Q8_0,Q4_1")
    memory: bool = Field(default=True, description="the list's phrases go along with the model, to be recalled")


class BrowserConfig(Settings):
    wasm_texts: int = Field(default=120, ge=1, description="texts through the page's engine for processors at most")
    transformers_texts: int = Field(default=6, ge=0, description="texts through Transformers.js on WASM beside it")
    webgpu_texts: int = Field(default=3, ge=0)
    transformers_webgpu_texts: int = Field(
        default=1, ge=0, description="texts for Transformers.js on WebGPU, where the page has an engine of its own"
    )
    mediapipe_texts: int = Field(default=3, ge=0)
    logit_texts: int = Field(default=1, ge=0, description="texts whose logits are compared with Python's")
    chromium: Path | None = None
    require_gpu: bool = Field(default=False, description="fail where Chromium has no WebGPU adapter of a GPU")


class RunConfig(Settings):
    name: str = "personal"
    seeds: Path = Field(default_factory=lambda: shipped_seeds("personal.csv"))
    runs: Path = Path("runs")
    datagen: DatagenConfig = DatagenConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    export: ExportConfig = ExportConfig()
    browser: BrowserConfig = BrowserConfig()

    @property
    def folder(self) -> Path:
        return self.runs / self.name
