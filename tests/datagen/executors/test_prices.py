"""The price table: dated, sourced, not too old, and followed where another model answers than was asked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pocketmoji.core.config import DatagenConfig
from pocketmoji.core.errors import InputError, TeacherError
from pocketmoji.datagen.executors.budget import Budget, price_of
from pocketmoji.datagen.executors.journal import Journal
from pocketmoji.datagen.executors.prices import OLDEST_DAYS, PRICES, row_of

DEFAULT = f"gemini:{DatagenConfig().teacher_model}"


def test_no_row_is_older_than_the_table_says() -> None:
    """If this fails, read the providers' pages again (prices.py names them)."""
    for model, row in PRICES.items():
        assert 0 <= (date.today() - row.read).days <= OLDEST_DAYS, f"the price of {model} was read on {row.read}"
        assert row.source and row.released <= row.read
        assert not row.stands_for or row.stands_for in PRICES


def test_the_default_is_a_lasting_name_with_a_price() -> None:
    assert DEFAULT.endswith("-latest") and price_of(DEFAULT, DatagenConfig()) == (0.30, 2.50)


def test_a_price_that_ends() -> None:
    row = PRICES["gemini-3.8-flash"]
    assert row.on(date(2026, 12, 31)) == (0.75, 3.75) and row.on(date(2027, 1, 1)) == (1.50, 7.50)
    assert "after 2026-12-31: $1.5 and $7.5" in row.told(date(2026, 11, 26))


def test_a_dated_name_has_its_models_price() -> None:
    assert row_of("gpt-6-luna-2026-09-22") is PRICES["gpt-6-luna"] and row_of("models/gemini-3.5-flash-lite")
    assert row_of("gpt-6-luna-mini") is None and row_of("llama3") is None


def budget(folder: Path, teacher: str, **given: object) -> Budget:
    return Budget(teacher, DatagenConfig(teacher="gemini", **given), Journal(folder / "journal"))


def test_the_price_of_the_model_that_answers_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = budget(tmp_path, DEFAULT, max_cost=1.0)
    ours.heard("gemini-3.5-flash-lite")
    assert ours.cost((1_000_000, 0)) == 0.30 and not capsys.readouterr().err
    ours.heard("gemini-3.5-flash")
    assert ours.cost((1_000_000, 1_000_000)) == 10.50 and "gemini-3.5-flash answers" in capsys.readouterr().err
    with pytest.raises(TeacherError, match=r"(?s)gemini-9 answers, and its price is not known.*--price"):
        ours.heard("models/gemini-9")


def test_a_price_of_ones_own_is_kept(tmp_path: Path) -> None:
    ours = budget(tmp_path, DEFAULT, max_cost=1.0, price="1,2")
    ours.heard("gemini-9")
    assert ours.cost((1_000_000, 1_000_000)) == 3.0


def test_an_unknown_price_with_a_ceiling_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)no price of gemini:gemini-2\.5-flash is known.*--price IN,OUT"):
        budget(tmp_path, "gemini:gemini-2.5-flash", max_cost=1.0)
