"""What is measured of answers: each metric is one public function in a file of its own, with its definition there."""

from evaluate.metrics.answer import answer_emoji
from evaluate.metrics.compliance import compliant
from evaluate.metrics.count_in_range import count_in_range
from evaluate.metrics.distinct_outputs import distinct_outputs
from evaluate.metrics.exact_match import exact_match
from evaluate.metrics.f1 import f1
from evaluate.metrics.first_emoji import first_emoji
from evaluate.metrics.meaning import meaning
from evaluate.metrics.order_free import order_free_match
from evaluate.metrics.overlap import shares_an_emoji
from evaluate.metrics.paraphrase_recall import paraphrase_recall
from evaluate.metrics.parity import same_tokens
from evaluate.metrics.qualified_form import qualified_form
from evaluate.metrics.repetition import repetition
from evaluate.metrics.seed_recall import seed_recall
from evaluate.metrics.stopped import stopped
from evaluate.metrics.transfer import transfer

__all__ = [
    "answer_emoji",
    "compliant",
    "count_in_range",
    "distinct_outputs",
    "exact_match",
    "f1",
    "first_emoji",
    "meaning",
    "order_free_match",
    "paraphrase_recall",
    "qualified_form",
    "repetition",
    "same_tokens",
    "seed_recall",
    "shares_an_emoji",
    "stopped",
    "transfer",
]
