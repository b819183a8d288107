"""The stage `datagen`: a seed list in, a dataset folder out, skipped where nothing has changed."""

from __future__ import annotations

from pathlib import Path

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.console import say
from pocketmoji.core.places import SEEDS
from pocketmoji.core.text.everyday import FILE
from pocketmoji.core.workspace import digest_file, run_stage


def make_dataset(seeds: Path, config: DatagenConfig, folder: Path) -> None:
    """Seeds to dataset. The teacher that "auto" finds is part of what is compared, the key is not."""
    from pocketmoji.datagen.generate import generate
    from pocketmoji.datagen.seeds.reading import read_seeds
    from pocketmoji.datagen.teachers.teachers import find_recording, teacher_name

    read_seeds(seeds, config.max_bad_rows)  # a wrong file is told before anything is skipped or redone
    recording = find_recording(seeds, config)
    teacher = teacher_name(config, recording)
    everyday = [SEEDS / FILE] if config.everyday else []
    package = {"gemini": "google-genai", "openai": "openai", "transformers": "transformers"}.get(teacher.split(":")[0])
    run_stage(
        folder,
        command="datagen",
        config={**config.model_dump(mode="json", exclude={"recording"}), "teacher": teacher},
        read={path.name: digest_file(path) for path in (seeds, recording, *everyday) if path},
        packages=["emoji", "numpy", "pyarrow", *([package] if package else [])],
        work=lambda out: generate(seeds, config, out),
        say=say,
    )
