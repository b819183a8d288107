"""What `--max-new-tokens` may be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pocketmoji.core.config import EvaluateConfig


def test_auto_or_a_number() -> None:
    assert EvaluateConfig().max_new_tokens == "auto" and EvaluateConfig().limit == 16
    assert EvaluateConfig.model_validate({"max_new_tokens": "24"}).limit == 24
    for wrong in ("1", 0, -3, "many", 2.5):
        with pytest.raises(ValidationError, match="auto, or a number from 2 on"):
            EvaluateConfig.model_validate({"max_new_tokens": wrong})
