"""What is no patient: phantoms and tests, known by whole words that stand in at least two fields of a study.

One word alone may be a name (*Water*, *Test*); two in different fields are not chance. What a person said about a study
(correction `set_is_patient`) outranks every pattern. Studies are judged when they are written, and all of them again
when the patterns changed: nothing is deleted, the judgement is a column.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, Connection, Table, bindparam, func, select

from dose import tables
from dose.crypto import normalise
from dose.store.claims import STUDY
from dose.store.rows import EVENT
from dose.store.statements import THE_ID, update_by_id
from dose.store.version import next_version

FIELDS = ("patient_id", "name", "description", "protocol", "accession_number", "comment")
ENOUGH = 2  # fields in which patterns must match
BY_PERSON = "@"  # begins a reason that is a person's word
SET_IS_PATIENT = "set_is_patient"
PATIENT: Table = tables.Patient.__table__  # type: ignore[assignment]
PATTERN: Table = tables.NotPatientPattern.__table__  # type: ignore[assignment]
CORRECTION: Table = tables.Correction.__table__  # type: ignore[assignment]

_STUDIES: BindParameter[list[int]] = bindparam("studies", expanding=True)
_WORD = re.compile(r"[^\W\d_]+|\d+")
_PATTERN_WORD = re.compile(r"(?:[^\W\d_]|\*)+|[\d*]+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: its words, and the fields in which it counts. `why` is only known of shipped ones."""

    pattern: str
    fields: tuple[str, ...] = FIELDS
    why: str = ""


def as_words(text: str) -> str:
    """The words of a text, without case and accents, letters apart from digits, each between two spaces."""
    return f" {' '.join(_WORD.findall(normalise(text)))} "


def _expression(pattern: str) -> str:
    words = _PATTERN_WORD.findall(normalise(pattern))
    return " ".join(map(_word_expression, words))


def _word_expression(word: str) -> str:
    # Each part at the first place where it stands, never tried elsewhere: no word of any length takes long.
    first, *others = map(re.escape, re.sub(r"\*+", "*", word).split("*"))
    middle = "".join(f"(?>[^ ]*?{part})" for part in others[:-1])
    return f"{first}{middle}[^ ]*{others[-1]}" if others else first


def letters(pattern: str) -> int:
    """Letters and digits of a pattern, without `*`: fewer than two would match too much."""
    return sum(map(len, _WORD.findall(normalise(pattern))))


class Patterns:
    """Patterns made ready to look through many studies."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(sorted(patterns, key=lambda one: one.pattern))

    @cached_property
    def _by_field(self) -> dict[str, tuple[re.Pattern[str], list[tuple[str, re.Pattern[str]]]]]:
        found = {}
        for field in FIELDS:
            here = [(one.pattern, f" {_expression(one.pattern)} ") for one in self.patterns if field in one.fields]
            if here:
                any_of = re.compile("|".join(expression for _, expression in here))
                found[field] = (any_of, [(name, re.compile(expression)) for name, expression in here])
        return found

    def matches(self, texts: Mapping[Any, Any]) -> dict[str, str]:
        """The pattern that matches in each field of `texts`, the first by name; fields without one are left out."""
        found = {}
        for field, (any_of, each) in self._by_field.items():
            text = texts.get(field)
            if text and any_of.search(words := as_words(text)):
                found[field] = next(name for name, expression in each if expression.search(words))
        return found

    @property
    def fingerprint(self) -> str:
        """Equal for equal patterns: tells whether studies were judged with these."""
        said = repr([(one.pattern, sorted(one.fields)) for one in self.patterns])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def reason_of(matched: Mapping[str, str]) -> str | None:
    """Why a study is no patient, as `field: pattern; field: pattern`; None when it is one."""
    if len(matched) < ENOUGH:
        return None
    return "; ".join(f"{field}: {matched[field]}" for field in FIELDS if field in matched)[:200]


@cache
def shipped() -> tuple[Pattern, ...]:
    """The patterns of `not_patient.toml`, which hold until a site edits them."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return tuple(
        Pattern(row["pattern"], tuple(row.get("fields", FIELDS)), row["why"]) for row in tomllib.loads(text)["pattern"]
    )


_STAMP = select(func.count(), func.max(PATTERN.c.changed_at))
_ACTIVE = select(PATTERN.c.pattern, PATTERN.c.fields).where(PATTERN.c.active)
_ready: dict[tuple[int, datetime | None], Patterns] = {}


def patterns_in_force(connection: Connection) -> Patterns:
    """The active patterns; the shipped ones while the table is empty. Made ready once, until somebody edits them."""
    count, changed_at = connection.execute(_STAMP).one()
    stamp = (count, changed_at)
    ready = _ready.get(stamp)
    if ready is None:
        rows = connection.execute(_ACTIVE)
        ready = Patterns([Pattern(row.pattern, tuple(row.fields)) for row in rows] if count else shipped())
        _ready.clear()  # another thread may do the same: what it made is as good
        _ready[stamp] = ready
    return ready


_TEXTS = select(
    STUDY.c.id, STUDY.c.study_instance_uid, STUDY.c.is_patient, STUDY.c.not_patient_reason, STUDY.c.not_patient_since,
    STUDY.c.description, STUDY.c.protocols.label("protocol"), STUDY.c.accession_number,
    PATIENT.c.patient_id, PATIENT.c.name,
).join(PATIENT, PATIENT.c.id == STUDY.c.patient_id)  # fmt: skip
_OF_STUDIES = _TEXTS.where(STUDY.c.id.in_(_STUDIES))
_COMMENTS = select(EVENT.c.study_id, EVENT.c.comment).where(
    EVENT.c.study_id.in_(_STUDIES), EVENT.c.comment.is_not(None)
)
_SAID = (
    select(CORRECTION.c.study_instance_uid, CORRECTION.c["values"], CORRECTION.c.made_by)
    .where(CORRECTION.c.study_instance_uid.in_(bindparam("uids", expanding=True)))
    .where(CORRECTION.c.kind == SET_IS_PATIENT, CORRECTION.c.undone_at.is_(None))
    .order_by(CORRECTION.c.made_at, CORRECTION.c.id)
)
_OF_PATIENT = select(STUDY.c.id).where(STUDY.c.patient_id == bindparam("patient"))


def judge(connection: Connection, study_ids: Collection[int]) -> int:
    """Say of each study whether it is a patient, in the caller's transaction; how many judgements changed."""
    studies = connection.execute(_OF_STUDIES, {"studies": list(study_ids)}).all()
    patterns = patterns_in_force(connection)
    matched = {study.id: patterns.matches(study._mapping) for study in studies}
    _add_comments(connection, patterns, matched)
    said = _said(connection, [study.study_instance_uid for study in studies])
    changed = []
    for study in studies:
        is_patient, reason = said.get(study.study_instance_uid) or _by_patterns(matched[study.id])
        if (is_patient, reason) != (study.is_patient, study.not_patient_reason):
            since = None if is_patient else study.not_patient_since or datetime.now(UTC)
            changed.append({THE_ID: study.id, "is_patient": is_patient, "not_patient_reason": reason,
                            "not_patient_since": since})  # fmt: skip
    if changed:
        version = next_version(connection)
        connection.execute(update_by_id(STUDY), [row | {"version": version} for row in changed])
    return len(changed)


def judge_patient(connection: Connection, patient_row_id: int) -> None:
    """Judge all studies of a person whose name is another now."""
    judge(connection, list(connection.execute(_OF_PATIENT, {"patient": patient_row_id}).scalars()))


def _by_patterns(matched: Mapping[str, str]) -> tuple[bool, str | None]:
    reason = reason_of(matched)
    return reason is None, reason


def _add_comments(connection: Connection, patterns: Patterns, matched: dict[int, dict[str, str]]) -> None:
    # Comments are the one field that must be fetched from the events: only where one field more decides.
    undecided = [study for study, found in matched.items() if len(found) == ENOUGH - 1]
    for study, comments in comments_of(connection, undecided).items():
        matched[study] |= patterns.matches({"comment": comments})


def comments_of(connection: Connection, study_ids: Sequence[int]) -> dict[int, str]:
    """The comments of the events of each study, for studies that have any."""
    if not study_ids:
        return {}
    found: dict[int, set[str]] = {}
    for study_id, comment in connection.execute(_COMMENTS, {"studies": study_ids}):
        found.setdefault(study_id, set()).add(comment)
    return {study_id: "\n".join(sorted(comments)) for study_id, comments in found.items()}


def _said(connection: Connection, uids: Sequence[str]) -> dict[str, tuple[bool, str | None]]:
    """What people said of these studies, their last word."""
    rows = connection.execute(_SAID, {"uids": uids})
    return {uid: (bool(values["is_patient"]), f"{BY_PERSON}{who}"[:200]) for uid, values, who in rows}


def texts_since(connection: Connection, listed_from: int, part: int = 1000) -> Iterator[list[Any]]:
    """The texts of studies from a point of the list's order on, newest first, in parts; comments are not among them."""
    order = _TEXTS.where(STUDY.c.listed_at >= listed_from).order_by(STUDY.c.listed_at.desc(), STUDY.c.id.desc())
    last: tuple[int, int] | None = None
    columns = order.add_columns(STUDY.c.listed_at)
    while rows := connection.execute(_after(columns, last).limit(part)).all():
        yield list(rows)
        last = (rows[-1].listed_at, rows[-1].id)


def _after(statement: Any, last: tuple[int, int] | None) -> Any:  # noqa: ANN401 - Select
    if last is None:
        return statement
    when, number = last
    # Not `<` or `=`: one bound, so that the index is entered there instead of walked from its beginning.
    return statement.where(STUDY.c.listed_at <= when, (STUDY.c.listed_at < when) | (STUDY.c.id < number))
