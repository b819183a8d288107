"""Every setting of a run, with its default. The command line's options are these fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pocketmoji.core.places import shipped_seeds


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# Dollars per million input and output tokens, as the providers listed them in 2025; --price overrides.
PRICES = {
    "gemini-2.5-flash-lite": (0.10, 0.40),
    "gemini-2.5-flash": (0.30, 2.50),
    "gemini-2.5-pro": (1.25, 10.00),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1": (2.00, 8.00),
}


class DatagenConfig(Settings):
    teacher: Literal["auto", "offline", "gemini", "openai", "transformers"] = "auto"
    teacher_model: str = Field(default="gemini-2.5-flash", description="the teacher's name for the model, or a folder")
    base_url: str = Field(default="", description="server of the openai or gemini teacher; empty: the provider's")
    executor: Literal["async", "gemini-batch", "ray"] = "async"
    paraphrases: int = Field(default=8, ge=1, description="paraphrases kept per trained seed, held-out ones included")
    heldout_paraphrases: int = Field(default=1, ge=0, description="of these, kept back per seed to measure recall")
    heldout_seeds: float = Field(default=0.1, ge=0, lt=0.9, description="share of seeds not trained, for transfer")
    max_bad_rows: float = Field(default=0.01, ge=0, le=1, description="share of bad seed rows to set aside, not refuse")
    random_seed: int = 0
    language: str = Field(default="auto", description="language of the paraphrases; auto: that of the seeds")
    judge: str = Field(default="", description="KIND:MODEL that says if a paraphrase still means its seed; empty: none")
    axes: str = Field(default="", description="NAME=VALUE|VALUE; ...: what paraphrases vary in; empty: built in")
    seeds_per_request: int = Field(default=8, ge=1)
    thinking_tokens: int = Field(default=0, ge=0, description="room for a model that thinks before it answers")
    concurrency: int = Field(default=32, ge=1, description="most requests in flight; the server's answers adapt it")
    requests_per_minute: int = Field(default=0, ge=0, description="0: no limit")
    tokens_per_minute: int = Field(default=0, ge=0, description="0: no limit")
    max_requests: int | None = Field(default=None, ge=0, description="ceiling that is never passed")
    max_cost: float | None = Field(default=None, ge=0, description="ceiling in dollars that is never passed")
    price: str = Field(default="", description="IN,OUT: dollars per million tokens; empty: the price table")
    max_leak: float = Field(default=0.001, ge=0, le=1, description="share of held-out texts that may be in training")

    # How the rows were got, not which: they stand in no dataset, so that any executor and budget give the same bytes.
    HOW: ClassVar[tuple[str, ...]] = (
        *("base_url", "executor", "concurrency", "requests_per_minute", "tokens_per_minute"),
        *("max_requests", "max_cost", "price", "thinking_tokens"),
    )


# What a preset sets where nothing else is said; docs/train.md has what they did to recall and transfer.
PRESETS: dict[str, dict[str, Any]] = {
    "memorise": {"seed_repeats": 3, "lora_rank": 64, "learning_rate": 1e-3},
    "generalise": {"epochs": 2.0, "learning_rate": 2e-4},
}
# From so many phrases on `auto` is memorise: 65 are learnt with either, 1,693 hardly without it (docs/train.md).
LONG_LIST = 200


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
    epochs: float = Field(default=3.0, gt=0)
    seed_repeats: int = Field(default=1, ge=1, description="how often an epoch has each seed's own text")
    max_steps: int = Field(default=0, ge=0, description="0: as many as the epochs give")
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=5e-4, gt=0)
    lora_rank: int = Field(default=16, ge=1)
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


class EvaluateConfig(Settings):
    max_texts: int = Field(default=200, ge=1, description="evaluation texts; above that each group is sampled")
    everyday: bool = Field(default=True, description="everyday phrases, which are on no list")
    max_new_tokens: int = Field(default=16, ge=2)
    batch_size: int = Field(default=32, ge=1)
    random_seed: int = 0


class ExportConfig(Settings):
    fit: str = Field(default="q4,q8", description="candidates (q4, q4-v3, q4-32, q8); the smallest that passes ships")
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
