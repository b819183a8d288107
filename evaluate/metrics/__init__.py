"""What is measured of one answer. Each metric is one function in a file of its own that says True or False."""

from evaluate.metrics.compliance import answer_emoji, compliant, stopped
from evaluate.metrics.exact_match import exact_match
from evaluate.metrics.first_emoji import first_emoji
from evaluate.metrics.order_free import order_free_match
from evaluate.metrics.overlap import shares_an_emoji
from evaluate.metrics.parity import same_tokens

__all__ = [
    "answer_emoji",
    "compliant",
    "exact_match",
    "first_emoji",
    "order_free_match",
    "same_tokens",
    "shares_an_emoji",
    "stopped",
]
