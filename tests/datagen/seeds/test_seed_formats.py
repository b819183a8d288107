"""Seed files as people have them: what is unambiguous is read and said, for the rest the right form is named."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from pocketmoji.core.errors import InputError
from pocketmoji.datagen.seeds.reading import SeedFile, read_seeds

LIST = [
    ("Tea time", "🫖"),
    ("Taco truck night", "🌮🚚"),
    ("Moon people", "🌙👽"),
    ("Ship the release", "🚢"),
    ("Rain on the tent", "🌧️⛺"),
    ("Cat wants a meeting", "🐈💼"),
]
DICTS = [{"text": text, "emoji": emoji} for text, emoji in LIST]


def rows(separator: str = ",") -> str:
    return "".join(f"{text}{separator}{emoji}\n" for text, emoji in LIST)


def chats(*keys: str) -> str:
    turns, role, said, user, model = keys
    one = lambda t, e: {turns: [{role: "system", said: "s"}, {role: user, said: t}, {role: model, said: e}]}
    return "".join(json.dumps(one(text, emoji)) + "\n" for text, emoji in LIST)


def objects(**columns: str) -> str:
    """JSONL: each column a template with {t} and {e}."""
    lines = [{name: form.format(t=text, e=emoji) for name, form in columns.items()} for text, emoji in LIST]
    return "".join(json.dumps(line) + "\n" for line in lines)


def gemini(text: str, emoji: str) -> str:
    turns = [{"role": "user", "parts": [{"text": text}]}, {"role": "model", "parts": [{"text": emoji}]}]
    return json.dumps({"systemInstruction": {"parts": [{"text": "s"}]}, "contents": turns}) + "\n"


def read(folder: Path, name: str, content: str, encoding: str = "utf-8") -> SeedFile:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return read_seeds(path)


def refusal(folder: Path, name: str, content: str) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, name, content)
    return str(caught.value)


CASES = {
    "byte order mark, Prompt and Response": ("a.csv", "\ufeffPrompt,Response\n" + rows(), "'Prompt'"),
    "two byte order marks": ("a.csv", "\ufeff\ufefftext,emoji\n" + rows(), ""),
    "input and output": ("a.csv", "INPUT,Output\n" + rows(), "'Output'"),
    "phrase and emojis": ("a.tsv", "Phrase\tEmojis\n" + rows("\t"), "'Phrase'"),
    "names of no list": ("a.csv", "what I say,what I mean\n" + rows(), "'what I mean'"),
    "no header": ("a.csv", rows(), "no header"),
    "no header, emoji first": ("a.csv", "".join(f"{e},{t}\n" for t, e in LIST), "no header"),
    "named the wrong way round": ("a.csv", "text,emoji\n" + "".join(f"{e},{t}\n" for t, e in LIST), "from 'emoji'"),
    "other columns": ("a.csv", "id,phrase,kind,emojis\n" + "".join(f"7,{t},x,{e}\n" for t, e in LIST), "'phrase'"),
    "semicolons": ("a.csv", "text;emoji\n" + rows(";"), "semicolons"),
    "tabs in a csv": ("a.csv", "text\temoji\n" + rows("\t"), "tabs"),
    "vertical bars": ("a.csv", "text|emoji\n" + rows("|"), "vertical bars"),
    "Markdown": ("a.md", "| Phrase | Emoji |\n|:--|--:|\n" + "".join(f"| {t} | {e} |\n" for t, e in LIST), "'Phrase'"),
    "sep=": ("a.csv", "sep=;\ntext;emoji\n" + rows(";"), "sep=;"),
    "returns only": ("a.csv", ("text,emoji\n" + rows()).replace("\n", "\r"), ""),
    "a title and blank rows above": ("a.csv", "My list,\n,\ntext,emoji\n" + rows() + "\n,\n", "above the header"),
    "separators behind": ("a.csv", "text,emoji,,\n" + rows().replace("\n", ",,\n"), ""),
    "comments": ("a.csv", "# mine, version 2\ntext,emoji\n" + rows() + "# the end\n", "lines 1, 9: a comment"),
    "two files in one": ("a.csv", "text,emoji\n" + rows() + "\ufefftext,emoji\n", "line 8: the header again"),
    "all in single quotes": ("a.csv", "".join(f"'{t}','{e}'\n" for t, e in LIST), "all texts have ' around them"),
    "lines": ("a.txt", rows(" "), "each line"),
    "lines with arrows": ("a.txt", "My list\n" + rows(" → "), "taken for a title"),
    "lines, emoji first": ("a.txt", "".join(f"- {e} {t}\n" for t, e in LIST), "each line"),
    "array of objects": ("a.json", json.dumps(DICTS, indent=1), ""),
    "array of pairs": ("a.json", json.dumps(LIST), "column 1"),
    "object of phrases": ("a.json", json.dumps(dict(LIST), indent=1), "column 1"),
    "array inside an object": ("a.json", json.dumps({"of": 1, "data": DICTS}), "'data'"),
    "array in a jsonl": ("a.jsonl", json.dumps(DICTS), "entries are counted"),
    "lists of emoji": ("a.jsonl", "".join(json.dumps({"text": t, "emoji": [e]}) + "\n" for t, e in LIST), ""),
    "instruction, input and output": ("a.jsonl", objects(instruction="Emoji!", input="{t}", output="{e}"), "'input'"),
    "messages": ("a.jsonl", chats("messages", "role", "content", "user", "assistant"), "6 chats"),
    "ShareGPT": ("a.jsonl", chats("conversations", "from", "value", "human", "gpt"), "6 chats"),
    "Gemini": ("a.jsonl", "".join(gemini(t, e) for t, e in LIST), "6 chats"),
    "chats with an instruction": ("a.jsonl", "".join(gemini(f"As emoji: {t}", e) for t, e in LIST), "As emoji:"),
    "prompt and completion": ("a.jsonl", objects(prompt="{t} ->", completion=" {e}\n"), "->"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_unambiguous_is_read_and_said(tmp_path: Path, case: str) -> None:
    name, content, said = CASES[case]
    file = read(tmp_path, name, content)
    assert [(seed.text, seed.emoji) for seed in file.seeds] == LIST
    assert len({seed.line for seed in file.seeds}) == file.rows == len(LIST)
    assert said in "\n".join(file.notes) and bool(said) == bool(file.notes)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-32"])
@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_encodings_that_have_emoji(tmp_path: Path, encoding: str, name: str, separator: str) -> None:
    file = read(tmp_path, name, f"text{separator}emoji\n" + rows(separator), encoding)
    assert [(seed.text, seed.emoji) for seed in file.seeds] == LIST and "the file is" in file.notes[0]


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("cp1252", ["Café au lait", "Très bien", "Noël", "Forêt"]),
        ("mac_roman", ["Café au lait", "Très bien", "Noël", "Forêt"]),
        ("cp1252", ["Guten Morgen", "Schöne Grüße", "Müde", "Tschüss"]),
        ("cp1252", ["Café", "Tea time", "Ship it", "Moon people"]),
        ("cp1252", ["It’s fine", "Tea time – again", "Ship it", "Moon people"]),
        ("cp1254", ["Günaydın", "İyi geceler", "Çay", "Kedi uyuyor"]),
        ("shift_jis", ["おはよう", "猫が寝ている", "寿司の夜", "雨"]),
        ("cp1250", ["Dzień dobry", "Miłość", "Łódź", "Żółty"]),
        ("cp1251", ["Добрый день", "Привет всем", "Любовь", "Кошка"]),
    ],
)
def test_encodings_of_one_byte_are_told_by_their_words(tmp_path: Path, encoding: str, texts: list[str]) -> None:
    content = "text,emoji\n" + "".join(f"{text},:tada:\n" for text in texts)
    file = read(tmp_path, "a.csv", content, encoding)
    assert [seed.text for seed in file.seeds] == texts and "not UTF-8 but" in file.notes[0]
    lost = tmp_path / "lost.csv"
    lost.write_bytes(content.replace(":tada:", "🎉").encode(encoding, "replace"))
    with pytest.raises(InputError, match="the emoji were lost when the file was saved"):
        read_seeds(lost)


def test_a_line_in_another_encoding_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("text,emoji\n" + rows()).encode() + "Café,x\n".encode("latin-1"))
    with pytest.raises(InputError, match="line 8, byte 4: 0xe9 is not UTF-8"):
        read_seeds(path)
    file = read_seeds(path, max_bad_rows=0.2)
    assert len(file.seeds) == 6 and [row.line for row in file.rejected] == [8]


def test_what_no_word_tells_is_refused_with_the_right_form(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,emoji\nxq\xe8\xf8zz,:tada:\nqj\xf0\xfdx,:tada:\n")
    with pytest.raises(InputError, match=r"line 2, byte 3(.|\n)*save the file again as UTF-8"):
        read_seeds(path)


@pytest.mark.parametrize(
    ("more", "texts", "note"),
    [
        (
            '"Nevermind he said\t🤷\nOh "sure" thing\t🙄\nLast row here\t🏁\n',
            {8: '"Nevermind he said', 9: 'Oh "sure" thing', 10: "Last row here"},
            "quotation marks were taken as they stand (line 8)",
        ),
        ('"A\t🤷\nB said so"\t🙄\n', {8: '"A', 9: 'B said so"'}, "as they stand (line 8)"),
        ('"Oh ""sure"" thing"\t🙄\n', {8: 'Oh "sure" thing'}, ""),
        ('"Line one\nline two"\t🧵\nEnd\t🏁\n', {8: "Line one line two", 10: "End"}, "runs to line 9"),
    ],
)
def test_quotation_marks_in_tabs(tmp_path: Path, more: str, texts: dict[int, str], note: str) -> None:
    file = read(tmp_path, "a.tsv", "text\temoji\n" + rows("\t") + more)
    assert {seed.line: seed.text for seed in file.seeds[6:]} == texts
    assert file.rows == 6 + len(texts) and note in "\n".join(file.notes)


def test_quotation_marks_in_commas(tmp_path: Path) -> None:
    more = '"Nevermind" he said,👋\n6" sub,🥪\n"Oh, ""sure""",🙄\n"Line one\r\nline two",🧵\nEnd,🏁\n'
    file = read(tmp_path, "a.csv", "text,emoji\n" + rows() + more)
    assert {seed.line: seed.text for seed in file.seeds[6:]} == {
        **{8: '"Nevermind" he said', 9: '6" sub', 10: 'Oh, "sure"'},
        **{11: "Line one line two", 13: "End"},
    }
    assert "as they stand (line 8)" in file.notes[0] and "runs to line 12" in file.notes[1]


def test_a_mark_that_does_not_close_takes_no_other_row_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,emoji\n" + rows() + '"Hi there,👋\nSo it goes,🎉\nHe said ok",🙄\nLast,🏁\n', "utf-8")
    file = read_seeds(path, max_bad_rows=0.1)
    assert [row.line for row in file.rejected] == [8] and "does not close" in file.rejected[0].reason
    assert [seed.line for seed in file.seeds[6:]] == [9, 10, 11] and file.rows == 10


def test_separators_without_quotes(tmp_path: Path) -> None:
    file = read(tmp_path, "a.csv", "text,emoji\n" + rows() + "Hi, there, you,👋\nBeach,🏖️,☀️\n")
    assert [(seed.text, seed.emoji) for seed in file.seeds[6:]] == [("Hi, there, you", "👋"), ("Beach", "🏖️☀️")]
    assert "(line 8)" in file.notes[0] and "(line 9)" in file.notes[1]
    assert "line 8, 3 columns, 2 expected: put the text" in refusal(
        tmp_path, "a.csv", "text,emoji\n" + rows() + "Hi,👋,you\n"
    )


def test_several_columns_of_emoji(tmp_path: Path) -> None:
    numbered = "text,emoji1,Emoji 2,emoji_3\n" + "".join(f"{t},{e},,🎉\n" for t, e in LIST)
    assert [seed.emoji for seed in read(tmp_path, "a.csv", numbered).seeds] == [e + "🎉" for _, e in LIST]
    empty = "text,emoji1,emoji2\n" + "".join(f"{t},{e},\n" for t, e in LIST)
    assert [seed.emoji for seed in read(tmp_path, "b.csv", empty).seeds] == [e for _, e in LIST]
    choice = refusal(tmp_path, "c.csv", "phrase,mine,yours\n" + "".join(f"{t},{e},🎉\n" for t, e in LIST))
    assert (
        "several columns of emoji: 'mine', 'yours'" in choice and "rename the column that you want to emoji" in choice
    )
    texts = refusal(tmp_path, "d.csv", "a,b,emoji\n" + "".join(f"{t},x{n}y,{e}\n" for n, (t, e) in enumerate(LIST)))
    assert "could be the text: 'a', 'b'" in texts and "to text" in texts


def test_an_object_with_a_phrase_twice_loses_none(tmp_path: Path) -> None:
    content = json.dumps(dict(LIST), indent=1).replace("\n}", ',\n "Tea time": "🍵"\n}')
    assert "line 8, column text: 'Tea time' has another answer, 🫖, on line 2" in refusal(tmp_path, "a.json", content)


def test_broken_json_is_told_by_line_and_column(tmp_path: Path) -> None:
    content = json.dumps(DICTS, indent=1)
    assert "line 6, column 3" in refusal(
        tmp_path, "a.json", content.replace("},", "}", 1).replace("}\n {", "}\n  {", 1)
    )
    assert "not JSON" in refusal(tmp_path, "b.json", content[:-2])
    assert "is JSON, but no list" in refusal(tmp_path, "c.json", "5")


def workbook(path: Path, sheets: dict[str, list[list[str]]]) -> None:
    """A workbook with text in its cells, as small as Excel opens one."""
    names, relations, types = "", "", ""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w") as file:
        for number, (name, cells) in enumerate(sheets.items(), 1):
            body = ""
            for line, row in enumerate(cells, 1):
                inside = "".join(
                    f'<c r="{"ABC"[n]}{line}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
                    for n, cell in enumerate(row)
                )
                body += f'<row r="{line}">{inside}</row>'
            file.writestr(
                f"xl/worksheets/sheet{number}.xml", f"<worksheet {main}><sheetData>{body}</sheetData></worksheet>"
            )
            names += f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
            relations += (
                f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            )
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
            types += f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
        file.writestr("xl/workbook.xml", f'<workbook {main} xmlns:r="{office}"><sheets>{names}</sheets></workbook>')
        file.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{relations}</Relationships>'
        )
        root = f'<Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships">{root}</Relationships>')
        types += f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        types += '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        file.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{types}</Types>')


def test_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "seeds.xlsx"
    workbook(path, {"Notes": [["to do"]], "List": [["Phrase", "Emoji"], [], *[[t, e] for t, e in LIST]]})
    file = read_seeds(path)
    assert [(seed.text, seed.emoji, seed.line) for seed in file.seeds] == [
        (t, e, n) for n, (t, e) in enumerate(LIST, 3)
    ]
    assert "the sheet 'List' is read, not 'Notes'" in file.notes[0]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"cannot be read as a spreadsheet(.|\n)*CSV UTF-8"):
        read_seeds(path)


@pytest.mark.parametrize(
    ("name", "expected"), [("a.numbers", "Export To, CSV"), ("a.gsheet", "Download"), ("a.docx", "CSV UTF-8")]
)
def test_other_kinds_of_file_are_told_the_way_to_one_that_is_read(tmp_path: Path, name: str, expected: str) -> None:
    assert expected in refusal(tmp_path, name, "x")
