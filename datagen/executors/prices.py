"""What models cost: a table with the date on which each row was read and where, so that its age can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

# A row that was read longer ago than this is to be read again (a test says so).
OLDEST_DAYS = 120
GOOGLE, OPENAI = "ai.google.dev/gemini-api/docs/pricing", "developers.openai.com/api/docs/pricing"


@dataclass(frozen=True)
class Price:
    """Dollars per million input and output tokens (thoughts are output), the day on which the row was read, from where,
    and when the model came out. `until`: the last day of that price, and what it is `then`. `stands_for`: the model
    that a lasting name pointed to when the row was read."""

    dollars: tuple[float, float]
    read: date
    source: str
    released: date
    until: date | None = None
    then: tuple[float, float] | None = None
    stands_for: str = ""

    def on(self, day: date) -> tuple[float, float]:
        """The price on a day."""
        return self.then if self.then and self.until and day > self.until else self.dollars

    def told(self, day: date) -> str:
        """In a line: what it stands for, how old the model is, the price, and how old that is."""
        sent, received = self.on(day)
        model = f"stands for {self.stands_for}, which came out" if self.stands_for else "came out"
        rises = ""
        if self.then and self.until and day <= self.until:
            rises = f" (after {self.until}: ${self.then[0]:g} and ${self.then[1]:g})"
        age = (day - self.read).days
        return (
            f"{model} on {self.released} ({(day - self.released).days} days ago); ${sent:g} and ${received:g} per"
            f" million tokens in and out{rises}, read on {self.read} ({age} days ago) from {self.source}"
        )


_GEMINI_READ = date(2026, 10, 7)
# Google's half price for the first months.
_HALF = date(2026, 12, 31)

PRICES: dict[str, Price] = {
    "gemini-flash-lite-latest": Price(
        (0.30, 2.50), _GEMINI_READ, GOOGLE, date(2026, 7, 21), stands_for="gemini-3.5-flash-lite"
    ),
    "gemini-3.5-flash-lite": Price((0.30, 2.50), _GEMINI_READ, GOOGLE, date(2026, 7, 21)),
    "gemini-flash-latest": Price(
        (0.75, 3.75),
        _GEMINI_READ,
        GOOGLE,
        date(2026, 9, 2),
        until=_HALF,
        then=(1.50, 7.50),
        stands_for="gemini-3.8-flash",
    ),
    "gemini-3.8-flash": Price((0.75, 3.75), _GEMINI_READ, GOOGLE, date(2026, 9, 2), until=_HALF, then=(1.50, 7.50)),
    "gemini-3.5-flash": Price((1.50, 9.00), _GEMINI_READ, GOOGLE, date(2026, 5, 19)),
    "gemini-3.1-pro-preview": Price((2.00, 12.00), _GEMINI_READ, GOOGLE, date(2026, 2, 19)),
    "gpt-6-luna": Price((0.10, 0.50), date(2026, 9, 23), OPENAI, date(2026, 9, 22)),
    "gpt-6-sol": Price((2.00, 10.00), date(2026, 9, 23), OPENAI, date(2026, 9, 22)),
}
"""The Gemini rows are those of a public transcription of Google's page on its day; those of OpenAI stand, alike, in the
notes of two programs that read OpenAI's page. A model whose price nobody is known to have read since is left out."""


def row_of(model: str) -> Price | None:
    """The row of a model, also by the dated name that a server answers with ("gpt-6-luna-2026-09-22")."""
    model = model.removeprefix("models/")
    if model in PRICES:
        return PRICES[model]
    longest = max((name for name in PRICES if model.startswith(f"{name}-2")), key=len, default="")
    return PRICES.get(longest)
