"""Which languages texts are in: by their script, and by whose words they are made of (the wordfreq package)."""

# ruff: noqa: SIM905 (word lists are easier to read and to mend as text)
from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import nlargest
from importlib.util import find_spec

# What can be told by words, as the codes that wordfreq has.
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fil": "Filipino",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian",
    "ms": "Malay", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sh": "Serbo-Croatian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "ta": "Tamil",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
BY_SCRIPT = {
    "LATIN": "en de fr es it pt nl pl sv tr id ca cs da fi hu is lt lv ms nb ro sh sk sl vi fil".split(),
    "CYRILLIC": "ru uk bg mk sh".split(),
    "ARABIC": "ar fa ur".split(),
    "CJK": ["zh", "ja"],
    "HANGUL": ["ko"],
    "HEBREW": ["he"],
    "GREEK": ["el"],
    "DEVANAGARI": ["hi"],
    "BENGALI": ["bn"],
    "TAMIL": ["ta"],
}
# Mean word frequency on the Zipf scale (powers of ten per thousand million words). English chat with slang, names and
# typing slips stays within one of its best rival; a sentence in another language is two or more behind.
MARGIN = 1.5
# Above this no other language is that far ahead.
FLUENT = 4.5
# Lists of slang and names are about as good in any language: English, unless another is better by this.
ENGLISH_FIRST = 0.5
# A language whose words are hardly in the list must at least be far ahead of the next one.
SURE = 3.0
# A language of fewer texts than this, or of a smaller share, is a few words of another one in the list.
FEWEST, SHARE = 2, 0.1
LOOKED_AT = 2000
# Word lists that stay in memory, and how many are tried for a second language.
KEPT, TRIED = 12, 6

_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_]+", re.UNICODE)
_KANA = re.compile(r"[぀-ヿ]")
# Without wordfreq only English can be told from what it is not, by small words.
_ENGLISH = frozenset(
    "the a an of and is are was to in on at for with my our your i you he she it we they this that what when how not no"
    " be have has had will can do does did me us them there so just all out up".split()
)
_FOREIGN = frozenset(
    "der die das und ist nicht ich du wir ein eine einen mit auf für von zu im am auch noch schon den dem mein kein"
    " le la les et est pas une un des du je tu nous mon ma avec pour dans sur au el los las y es que con por para lo mi"
    " se una del os as um uma com não do da na em meu minha il gli che è di per non sono een het van ik niet en op voor"
    " je mijn det och jag inte på som är ett og jeg ikke på er bir ve bu çok ne ile yang dan di ini itu saya nie jest"
    " się na w z".split()
)


def words(text: str) -> list[str]:
    """Casefolded words; in scripts without spaces each character is one."""
    return _WORD.findall(text.casefold())


def script(text: str) -> str:
    """The script of most of the letters ("LATIN", "CJK", "CYRILLIC", ...), "" without letters."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    found: Counter[str] = Counter()
    for character in text:
        if character.isascii():
            if character.isalpha():
                found["LATIN"] += 1
        elif character.isalpha():
            name = unicodedata.name(character, "").split(" ", 1)[0].split("-", 1)[0]
            found["CJK" if name in ("HIRAGANA", "KATAKANA", "CJK") else name] += 1
    return found.most_common(1)[0][0] if found else ""


def has_word_lists() -> bool:
    """True where the wordfreq package is installed; a plain installation does without."""
    return find_spec("wordfreq") is not None


@lru_cache(maxsize=KEPT)
def _frequencies(language: str) -> dict[str, float]:
    """Words of a language and their frequencies per thousand million words, as logarithms."""
    from wordfreq import get_frequency_dict, get_frequency_list

    shares = get_frequency_dict(language, wordlist="small")
    # It would keep all 26 lists twice over: a quarter of what a large dataset may take.
    get_frequency_dict.cache_clear()
    get_frequency_list.cache_clear()
    return {word: math.log10(share) + 9 for word, share in shares.items()}


def fluency(text: Sequence[str], language: str) -> float:
    """Mean Zipf frequency of words in a language; unknown ones count 0."""
    known = _frequencies(language)
    return sum(known.get(word, 0.0) for word in text) / len(text) if text else 0.0


def find_languages(texts: Iterable[str]) -> list[str]:
    """Codes of the languages that a fair share of the texts is in, the commonest first; [] if none can be told. Texts
    without letters (":)", "404") are English as well as anything.

    Without wordfreq: ["en"] or [].
    """
    groups: dict[str, list[list[str]]] = {}
    count = 0
    for text in texts:
        if written := script(text):
            groups.setdefault(written, []).append(words(text))
            count += 1
        if count == LOOKED_AT:
            break
    if not count:
        return ["en"]
    enough = min(FEWEST, count) if count < FEWEST / SHARE else SHARE * count
    large = sorted((group for group in groups.items() if len(group[1]) >= enough), key=lambda group: -len(group[1]))
    found = [language for written, group in large for language in _spoken(written, group, enough)]
    return list(dict.fromkeys(found))


def _spoken(written: str, texts: list[list[str]], enough: float) -> list[str]:
    candidates = BY_SCRIPT.get(written, [])
    if written == "CJK":
        with_kana = sum(any(map(_KANA.match, text)) for text in texts)
        return ["ja" if with_kana > SHARE * len(texts) else "zh"]
    if len(candidates) < 2:
        return candidates
    if not has_word_lists():
        return ["en"] if written == "LATIN" and _is_english(texts) else []
    main = _best([word for text in texts for word in text], candidates)
    if not main:
        return []
    rest = [text for text in texts if len(text) > 1 and fluency(text, main) < FLUENT]
    if len(rest) < enough:
        return [main]
    sample = [word for text in rest for word in text]
    ahead = lambda code: sum(fluency(text, code) > fluency(text, main) + 1 for text in rest)
    second = max(nlargest(TRIED, candidates, key=lambda code: fluency(sample, code)), key=ahead)
    return [main, second] if ahead(second) >= enough else [main]


def _best(sample: Sequence[str], candidates: Sequence[str]) -> str:
    """The language that knows the words best; the other lists are not even read if they are plain English."""
    english = fluency(sample, "en") if "en" in candidates else 0.0
    if english >= FLUENT:
        return "en"
    scores = sorted(((fluency(sample, code), code) for code in candidates), reverse=True)
    (best, code), (next_best, _) = scores[:2]
    if english and english >= best - ENGLISH_FIRST:
        return "en"
    return code if best >= SURE or (best >= 1 and best - next_best >= ENGLISH_FIRST) else ""


def _is_english(texts: list[list[str]]) -> bool:
    sample = [word for text in texts for word in text]
    foreign = sum(word in _FOREIGN or not word.isascii() for word in sample)
    return foreign <= sum(word in _ENGLISH for word in sample)


def closest(text: str, languages: Sequence[str]) -> str:
    """The one of some languages that a text is in, the first if nothing tells; "" if there is none."""
    if len(languages) < 2 or not has_word_lists():
        return languages[0] if languages else ""
    written = script(text)
    fits = [code for code in languages if code in BY_SCRIPT.get(written, languages)]
    spoken = words(text)
    return max(fits or languages, key=lambda code: fluency(spoken, code))


def called(languages: Sequence[str]) -> str:
    """ "German and English" for the codes de and en."""
    return " and ".join(NAMES.get(code, code) for code in languages) or "a language that its words do not tell"
