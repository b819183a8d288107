"""Two traces compared, without a browser."""

from __future__ import annotations

from typing import Any

from pocketmoji.browser_tests.engines.logits import Comparison, Trace, compare

GOOD = [[(5, 9.0), (6, 8.9), (7, 1.0)], [(1, 4.0), (6, 3.0), (7, 1.0)]]


def trace(steps: Any = GOOD, prompt: Any = (2, 3, 4), problem: str | None = None) -> Trace:
    return Trace(prompt_tokens=list(prompt), steps=steps, problem=problem)


def compared(browser: Trace, python: Trace) -> Comparison:
    return compare([("party", browser, python)], lambda token: f"<{token}>")


def test_the_same() -> None:
    found = compared(trace(), trace())
    assert (found.problem, found.divergence, found.largest_distance, found.same_prompt) == (None, None, 0, True)


def test_a_near_tie_is_told_and_no_fault() -> None:
    other = [[(6, 8.96), (5, 8.94), (7, 1.0)], GOOD[1]]
    found = compared(trace(other), trace([[(5, 8.96), (6, 8.94), (7, 1.0)], GOOD[1]]))
    assert found.problem is None and found.divergence is not None
    assert (found.divergence.position, found.divergence.browser, found.divergence.python) == (1, "<6>", "<5>")
    assert abs(found.divergence.browser_margin - 0.02) < 1e-9


def test_the_first_diverging_token_and_how_far() -> None:
    found = compared(trace([GOOD[0], [(6, 7.0), (1, 4.0), (7, 1.0)]]), trace())
    assert found.problem is not None and found.largest_distance == 4
    assert (
        "the first diverging token is number 2: the page says '<6>', Python '<1>'; logits are up to 4 apart"
        in found.problem
    )


def test_same_tokens_from_other_logits() -> None:
    found = compared(trace([[(5, 9.5), (6, 8.9), (7, 1.0)], GOOD[1]]), trace())
    assert found.divergence is None and "the same token 1 ('<5>'), but logits are up to 0.5 apart" in (
        found.problem or ""
    )


def test_another_prompt() -> None:
    found = compared(trace(prompt=(2, 9, 4)), trace())
    assert not found.same_prompt and "from token 2 on: '<9><4>' where Python has '<3><4>'" in (found.problem or "")


def test_nan_and_whose_it_is() -> None:
    nan = trace([], problem="8 of 8 logits are NaN at token 1")
    assert "the file itself is at fault" in (compared(nan, nan).problem or "")
    assert "the engine is at fault" in (compared(nan, trace()).problem or "")
