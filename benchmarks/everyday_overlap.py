"""Claim: what every model learns as everyday language is near no text that it is scored on.

    python -m benchmarks.everyday_overlap [FILE ...]      # default: ../shared/data and seeds/personal.csv

Counts the rows of seeds/everyday.csv that are near-duplicates (character 5-grams, Jaccard >= 0.8, by datagen's MinHash
index) of a text in each file: CSV with a column `text`, else the columns of a TSV. One line of JSON at the end.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from pocketmoji.core.places import SEEDS
from pocketmoji.core.text.everyday import everyday_rows
from pocketmoji.datagen.filters.similarity import NearIndex

DATA = Path("../shared/data")


def texts_of(path: Path) -> list[str]:
    """Every text of a list: the column `text` of a CSV, all columns of a TSV."""
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".tsv":
        return [cell for line in lines for cell in line.split("\t") if any(c.isalpha() for c in cell)]
    return [row["text"] for row in csv.DictReader(lines)]


def main(arguments: list[str]) -> None:
    given = [Path(name) for name in arguments] or [*sorted(DATA.glob("*.[ct]sv")), SEEDS / "personal.csv"]
    rows = [row.text for row in everyday_rows() if row.origin == "everyday"]
    near = {}
    for path in given:
        index = NearIndex(texts_of(path))
        near[path.name] = [row for row in rows if index.near(row)]
        print(f"{path.name}: {len(near[path.name])} of {len(rows)} rows near one of {len(index)} texts")
    count = sum(map(len, near.values()))
    claim = "no row of everyday language is near a text that models are scored on"
    print(json.dumps({"claim": claim, "value": count, "bar": 0, "holds": not count, "rows": len(rows), "near": near}))


if __name__ == "__main__":
    main(sys.argv[1:])
