"""What counts as the same seed: one key for what looks the same, and the form in which a text is trained."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from pocketmoji.core.text.plain import plain

# Take no room on the screen: soft hyphens, zero-width spaces, marks of direction, fillers, control characters.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
)
INVISIBLE = re.compile(f"[{_UNSEEN}]")
# Persian words, Indian syllables and emoji need their joiners; beside ASCII they are left over from a copied page.
_STRAY_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
_UNSEEN_IN_KEYS = re.compile(f"[{_UNSEEN}\u200c\u200d\ufe00-\ufe0f]")
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʹʻʼʽ`´＇", "'"),
        **dict.fromkeys("“”„‟″〝〞〟«»＂", '"'),
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        "\u2800": " ",  # braille without dots
    }
)
_FULL_STOP = re.compile(r"(?<=\w)[.。]$")


def clean_text(text: str) -> str:
    """The text as people type it: composed (NFC), nothing invisible, single spaces."""
    visible = _STRAY_JOINER.sub("", INVISIBLE.sub("", text.replace("\u2800", " ")))
    return " ".join(unicodedata.normalize("NFC", visible).split())


def seed_key(text: str) -> str:
    """Two texts with the same key are the same seed: they look the same, or differ only in letter case, white space,
    the shape of quotation marks and dashes, the width of letters, a full stop at the end, or in that one writes as a
    hashtag what the other says: a model is asked the same for both."""
    visible = plain(_UNSEEN_IN_KEYS.sub("", text).translate(_ALIKE))
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return _FULL_STOP.sub("", " ".join(unicodedata.normalize("NFKC", folded).split()))


def seed_id(text: str) -> str:
    """A short name for a seed that depends on nothing but its cleaned text.

    Not made from the key: replies that were paid for are found again by it, so it must not change when keys do.
    """
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:10]
