"""The words under which a study and a patient are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dose.crypto import keys, name_tokens, normalise

LONGEST_WORD = 32


def split_words(text: str) -> list[str]:
    """Words of letters and digits, without case and accents, each once, cut to 32 letters."""
    cleaned = "".join(c if c.isalnum() else " " for c in normalise(text))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in cleaned.split()))


def study_words(description: str | None, protocols: Iterable[str], notes: Iterable[Mapping[str, Any]] = ()) -> set[str]:
    """Values of `study_word.word`: `d:` words of the description, `p:` words of the protocols, `w:` codes of notes."""
    found = {f"d:{word}" for word in split_words(description or "")} | {warning_word(note["code"]) for note in notes}
    return found.union(*({f"p:{word}" for word in split_words(protocol)} for protocol in protocols))


def warning_word(code: str) -> str:
    """Under what a study is found that has a note of this code."""
    return f"w:{code[:LONGEST_WORD]}"


def patient_tokens(patient_id: str | None, name: str | None) -> set[bytes]:
    """Keyed indexes of a Patient ID and of each word, and beginning of a word, of a name."""
    found = {keys().index(word, "patient.name") for word in name_tokens(name or "")}
    return found | ({keys().index(patient_id, "patient.id")} if patient_id else set())
