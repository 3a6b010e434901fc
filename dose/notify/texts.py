"""Texts made safe for where they go: one line for headers, escaped for HTML, no hidden characters."""

from __future__ import annotations

import html
import unicodedata

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGEST_LINE = 200


def one_line(text: str) -> str:
    """The text in one line of at most 200 characters: line breaks and controls become blanks, never headers."""
    return " ".join("".join(_seen(letter) for letter in text.replace("\r", "\n")).split())[:LONGEST_LINE]


def clean(text: str) -> str:
    """The text in lines, without controls (a terminal or a telephone may obey them) and direction overrides."""
    return "\n".join("".join(_seen(letter) for letter in line) for line in text.split("\n"))


def _seen(letter: str) -> str:
    if letter in DIRECTION_OVERRIDES or letter == "\r":
        return ""
    return " " if unicodedata.category(letter) in _BREAKS else letter


def page(text: str, language: str, links: tuple[str, ...] = ("https://", "http://")) -> str:
    """An HTML page with the paragraphs of a plain text (parted by empty lines); what begins as `links` is clickable.

    Nothing is loaded from anywhere: a mail that fetches a picture tells who read it, and when.
    """
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    body = "\n".join(f"<p>{_paragraph(part, links)}</p>" for part in text.split("\n\n") if part.strip())
    return (
        f'<!doctype html>\n<html lang="{html.escape(language)}" dir="{direction}"><head><meta charset="utf-8"></head>\n'
        f'<body style="font-family:sans-serif;line-height:1.5">\n{body}\n</body></html>\n'
    )


def _paragraph(text: str, links: tuple[str, ...]) -> str:
    return "<br>\n".join(" ".join(_word(word, links) for word in line.split(" ")) for line in text.strip().split("\n"))


def _word(word: str, links: tuple[str, ...]) -> str:
    shown = html.escape(word)
    return f'<a href="{shown}">{shown}</a>' if word.startswith(links) else shown
