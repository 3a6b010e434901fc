"""Words of a text as names are compared: without case, accents, punctuation and the spellings of Arabic that vary.

Letters stand apart from digits ("TAP2" is "tap 2"), so that a whole word is found however a console joined it.

References: Unicode TR 15 (NFKD); the usual normalisation of Arabic for retrieval (alef, ya, ta marbuta, tatweel).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_LETTERS = str.maketrans({
    "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i",
    "ٱ": "ا", "ى": "ي", "ة": "ه", "ی": "ي", "ک": "ك", "ـ": "",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_ARTICLES = (("وال", 6), ("ال", 5), ("لل", 5))  # "and the", "the", "of the": the word behind them is meant


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a text in its order, normalised."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)
    return tuple(_without_article(_digits(word)) for word in _WORD.findall(plain))


def split_words(text: str) -> tuple[str, ...]:
    """As `words`, with words apart that only a capital separates: "AbdomenRoutine" is "abdomen routine"."""
    return words(_CAMEL.sub(" ", text))


def _digits(word: str) -> str:
    return word if word.isascii() or not word.isdigit() else "".join(str(unicodedata.digit(c)) for c in word)


def _without_article(word: str) -> str:
    if word.isascii():
        return word
    return next((word[len(a) :] for a, least in _ARTICLES if len(word) >= least and word.startswith(a)), word)


def found_in(search: str, texts: Iterable[str | None]) -> bool:
    """Whether every word of a search begins a word of one of the texts, however either is spelt; all, for no word."""
    wanted = words(search)
    said = {word for text in texts if text for word in words(text)} if wanted else set()
    return all(any(one.startswith(word) for one in said) for word in wanted)


def plain(text: str) -> str:
    """The words of a text between single spaces: equal for texts that differ in spelling only."""
    return " ".join(words(text))
