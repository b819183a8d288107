"""Writing a dataset row by row: JSONL for people, Parquet for `datasets`, and what the card has to count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from pocketmoji.core.records import SPLITS, Example, Split
from pocketmoji.core.workspace import atomic_path
from pocketmoji.datagen.requests.teacher import BY_RULES

COLUMNS = ("text", "emoji", "seed_id", "origin", "cell")
ROWS_AT_ONCE = 8192


class Tally:
    """What was written, counted."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.origins: Counter[str] = Counter()
        self.cells: dict[str, Counter[str]] = {}
        self.lengths: Counter[int] = Counter()
        self.paraphrases = 0
        self.by_rules = 0

    def add(self, split: Split, row: Example) -> None:
        self.rows[split] += 1
        self.origins[row.origin] += 1
        self.lengths[len(row.text)] += 1
        if row.origin == "seed":
            return
        self.paraphrases += 1
        self.by_rules += row.origin.startswith(BY_RULES)
        for part in filter(None, row.cell.split(", ")):
            axis, _, value = part.partition("=")
            self.cells.setdefault(axis, Counter())[value] += 1


class DatasetWriter:
    """Open files of all splits. Made by `dataset_writer`."""

    def __init__(self, files: dict[Split, IO[bytes]], tables: dict[Split, Any], schema: Any) -> None:
        self._files, self._tables, self._schema = files, tables, schema
        self._waiting: dict[Split, list[Example]] = {split: [] for split in SPLITS}
        self.tally = Tally()

    def write(self, split: Split, row: Example) -> None:
        self._files[split].write(row.model_dump_json().encode() + b"\n")
        self.tally.add(split, row)
        self._waiting[split].append(row)
        if len(self._waiting[split]) == ROWS_AT_ONCE:
            self.flush(split)

    def flush(self, split: Split) -> None:
        import pyarrow as pa

        rows, self._waiting[split] = self._waiting[split], []
        if rows:
            columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
            self._tables[split].write_table(pa.table(columns, schema=self._schema))


@contextmanager
def dataset_writer(folder: Path) -> Iterator[DatasetWriter]:
    """A writer of <split>.jsonl and parquet/<split>.parquet; the files appear, whole, when the block ends well."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with ExitStack() as stack:
        paths: dict[Split, tuple[Path, Path]] = {
            split: (
                stack.enter_context(atomic_path(folder / f"{split}.jsonl")),
                stack.enter_context(atomic_path(folder / "parquet" / f"{split}.parquet")),
            )
            for split in SPLITS
        }
        with ExitStack() as opened:
            files: dict[Split, IO[bytes]] = {s: opened.enter_context(open(p[0], "wb")) for s, p in paths.items()}
            tables = {s: opened.enter_context(parquet.ParquetWriter(p[1], schema)) for s, p in paths.items()}
            writer = DatasetWriter(files, tables, schema)
            yield writer
            for split in SPLITS:
                writer.flush(split)


@contextmanager
def lines_writer(path: Path) -> Iterator[Any]:
    """A function that appends one record to a JSONL file, which appears, whole, when the block ends well."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        yield lambda record: file.write(record.model_dump_json().encode() + b"\n")
