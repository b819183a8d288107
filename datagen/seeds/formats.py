"""The kinds of file that a seed list comes in: text tables, JSON, spreadsheets; each read into rows of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketmoji.core.errors import InputError
from pocketmoji.datagen.seeds.answers import is_answer
from pocketmoji.datagen.seeds.delimited import read_delimited
from pocketmoji.datagen.seeds.encodings import decode
from pocketmoji.datagen.seeds.json_lists import read_json
from pocketmoji.datagen.seeds.table import Row, Table

TEXT = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": ",", ".md": "|"}
JSON = (".json", ".jsonl", ".ndjson")
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
# Kinds that are not read, and how to come from them to one that is.
ELSEWHERE = {
    ".numbers": "in Numbers: File, Export To, CSV, Unicode (UTF-8)",
    ".gsheet": "in Google Sheets: File, Download, Comma-separated values",
    ".docx": "copy the table into a spreadsheet and save it as CSV UTF-8",
    ".pdf": "copy the table into a spreadsheet and save it as CSV UTF-8",
    ".parquet": "pandas.read_parquet(FILE).to_csv('seeds.csv', index=False)",
}
TEMPLATE = "start from seeds/template.csv"


def read_table(path: Path) -> Table:
    """The rows of a seed file of any known kind; InputError if it cannot be opened or is of no such kind."""
    if path.is_dir():
        raise InputError(f"{path} is a folder", expected="a CSV, TSV or JSONL file", remedy="name the file inside it")
    kind = path.suffix.lower()
    if kind not in TEXT and kind not in JSON and kind not in SPREADSHEETS:
        raise InputError(
            f"{path.name} is of no known kind",
            expected=f"a name that ends in {', '.join((*TEXT, *JSON, *SPREADSHEETS))}",
            where=path,
            remedy=ELSEWHERE.get(kind, "save the list as CSV UTF-8, with the columns text and emoji"),
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", expected="a seed file", where=path, remedy=TEMPLATE
        ) from error
    if kind in SPREADSHEETS or raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _spreadsheet(path)
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise InputError(f"{path.name} is empty", expected="a header and rows", where=path, remedy=TEMPLATE)
    content, faults, notes = decode(path, raw)
    if kind in JSON or (kind == ".txt" and content.lstrip()[:2] in ('{"', "[{", "[[", '["', "[\n", "{\n")):
        table = read_json(path, content, faults)
    else:
        table = read_delimited(content, TEXT[kind], faults)
    return Table(table.rows, table.names, table.joint, [*notes, *table.notes])


def _spreadsheet(path: Path) -> Table:
    """The rows of the first sheet that has an answer in it."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} cannot be read as a spreadsheet ({error})",
            expected="a workbook of Excel or LibreOffice without a password",
            where=path,
            remedy="save the sheet as CSV UTF-8",
        ) from error
    tables = [(name, _cells(rows)) for name, rows in sheets]
    with_rows = [(name, rows) for name, rows in tables if rows]
    if not with_rows:
        raise InputError(f"{path.name} is empty", expected="a header and rows", where=path, remedy=TEMPLATE)
    with_answers = [one for one in with_rows if any(is_answer(cell) for row in one[1] for cell in row.cells)]
    name, rows = (with_answers or with_rows)[0]
    others = [other for other, _ in with_rows if other != name]
    notes = [f"the sheet {name!r} is read, not {', '.join(map(repr, others))}"] if others else []
    return Table(rows, notes=notes)


def _cells(rows: list[list[Any]]) -> list[Row]:
    found = []
    for line, row in enumerate(rows, 1):
        cells = tuple(str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell) for cell in row)
        if any(cell.strip() for cell in cells):
            found.append(Row(line, cells))
    return found
