"""Every answer with every metric as one Parquet file, for pandas, DuckDB or a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketmoji.core.workspace import atomic_path

if TYPE_CHECKING:
    from pocketmoji.evaluate.reports.evaluation import Evaluation


def write_samples(evaluation: Evaluation, folder: Path) -> None:
    """samples.parquet: a row per runtime (baselines without a model included) and text.

    Columns: runtime, text, expected, seed_id, group, raw, tokens, stopped, seconds, then one per metric, null where the
    metric is not about the text.
    """
    import pyarrow
    import pyarrow.parquet

    texts, names = evaluation.texts, list(evaluation.predictions)
    said = [one for name in names for one in evaluation.predictions[name]]
    each = lambda field: [getattr(text, field) for text in texts] * len(names)
    columns: dict[str, Any] = {
        "runtime": [name for name in names for _ in texts],
        "text": each("text"),
        "expected": each("emoji"),
        "seed_id": each("seed_id"),
        "group": each("group"),
        "raw": [one.raw for one in said],
        "tokens": pyarrow.array([one.tokens for one in said], pyarrow.list_(pyarrow.int32())),
        "stopped": [one.stopped for one in said],
        "seconds": [one.seconds for one in said],
    }
    for measure in evaluation.measures.values():
        about = [text.group in measure.groups for text in texts]
        columns[measure.name] = pyarrow.array(
            [
                value if kept else None
                for name in names
                for value, kept in zip(evaluation.columns[name][measure.name], about, strict=True)
            ],
            pyarrow.float64(),
        )
    with atomic_path(folder / "samples.parquet") as temporary:
        pyarrow.parquet.write_table(pyarrow.Table.from_pydict(columns), temporary, compression="zstd")
