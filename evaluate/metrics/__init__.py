"""What is measured of answers: each metric is one public function in a file of its own, with its definition there."""

from pocketmoji.evaluate.metrics.acceptable import acceptable
from pocketmoji.evaluate.metrics.answer import answer_emoji
from pocketmoji.evaluate.metrics.compliance import compliant
from pocketmoji.evaluate.metrics.count_in_range import count_in_range
from pocketmoji.evaluate.metrics.distinct_outputs import distinct_outputs
from pocketmoji.evaluate.metrics.exact_match import exact_match
from pocketmoji.evaluate.metrics.f1 import f1
from pocketmoji.evaluate.metrics.first_emoji import first_emoji
from pocketmoji.evaluate.metrics.meaning import meaning
from pocketmoji.evaluate.metrics.order_free import order_free_match
from pocketmoji.evaluate.metrics.overlap import shares_an_emoji
from pocketmoji.evaluate.metrics.paraphrase_recall import paraphrase_recall
from pocketmoji.evaluate.metrics.parity import same_tokens
from pocketmoji.evaluate.metrics.qualified_form import qualified_form
from pocketmoji.evaluate.metrics.repetition import repetition
from pocketmoji.evaluate.metrics.seed_recall import seed_recall
from pocketmoji.evaluate.metrics.stopped import stopped
from pocketmoji.evaluate.metrics.transfer import transfer

__all__ = [
    "acceptable",
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
