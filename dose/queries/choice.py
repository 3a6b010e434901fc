"""A choice of studies and events: an expression with AND, OR and NOT over the fields of facts, and its readable text.

    modality is CT and not (device in (3, 5) or age_years < 18)
    protocol has "thorax" and dlp > 0.5 Gy.cm and weight is unknown

The text stands in addresses (`where=`) and in records; `parse(text_of(choice)) == choice`. The SQL of a choice is made
by `dose.queries.choice_sql`. A choice names row ids, codes and numbers in canonical units, never a patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from dose.errors import UnknownUnit
from dose.queries.choice_fields import Field, Kind, find_field

LONGEST, DEEPEST, MOST_VALUES = 4000, 20, 500
COMPARISONS = ("<", "<=", ">", ">=", "=", "!=")
Value: TypeAlias = str | int | float | None  # None: unknown


class NotAChoice(ValueError):
    """A text is no choice: `code` says why, `word` at which word, `place` where that begins in `text`.

    Codes: too-long, too-deep, unfinished, unexpected, field, operator, value, unit, unit-missing. `place` is None where
    no place is to blame.
    """

    def __init__(self, code: str, word: str = "") -> None:
        super().__init__(f"{code}: {word}" if word else code)
        self.code = code
        self.word = word[:60]
        self.text = ""
        self.place: int | None = None

    def at(self, text: str, place: int) -> NotAChoice:
        """The same, with its place in the text."""
        self.text, self.place = text, place
        return self


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: `op` is `is` (one of the values), `has` (all words of the text) or a comparison with a number.

    Values are in the field's canonical unit; days are YYYYMMDD; None is *unknown*.
    """

    field: str
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts: everything."""

    parts: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; what is unknown does not hold."""

    part: Choice


Choice: TypeAlias = Term | All | Either | Not
EVERYTHING = All()


def one_of(field: str, *values: Value) -> Term:
    """A field is one of these values; None is *unknown*."""
    return Term(field, "is", values)


def compare(field: str, op: str, value: float) -> Term:
    """A field compared with a number in its canonical unit, or a day as YYYYMMDD."""
    return Term(field, op, (value,))


def has(field: str, words: str) -> Term:
    """A text holds words that begin so."""
    return Term(field, "has", (words,))


def all_of(*parts: Choice) -> Choice:
    """Every one of these, as flat as can be."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, All) else (part,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(*parts: Choice) -> Choice:
    """At least one of these, as flat as can be; everything when one of them is everything."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Either) else (part,))]
    if EVERYTHING in flat or not flat:
        return EVERYTHING
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


def negated(part: Choice) -> Choice:
    """What the part is not."""
    return part.part if isinstance(part, Not) else Not(part)


# ---- text -----------------------------------------------------------------------------------------------------------


def text_of(choice: Choice) -> str:
    """The choice as people read and addresses carry it; everything is the empty text."""
    match choice:
        case All(parts):
            return " and ".join(_inner(part, Either) for part in parts)
        case Either(parts):
            return " or ".join(_inner(part, All) for part in parts)
        case Not(part):
            return f"not {_inner(part, All, Either)}"
        case Term():
            return _term_text(choice)


def _inner(part: Choice, *looser: type) -> str:
    return f"({text_of(part)})" if isinstance(part, looser) else text_of(part)


def _term_text(term: Term) -> str:
    values = [_value_text(term, value) for value in term.values]
    if term.op == "is" and len(values) != 1:
        return f"{term.field} in ({', '.join(values)})"
    return f"{term.field} {term.op} {values[0]}"


def _value_text(term: Term, value: Value) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return (
            value if term.op != "has" and _BARE.fullmatch(value) and value.lower() not in _KEYWORDS else quoted(value)
        )
    if find_kind(term.field) is Kind.DAY:
        return f"{int(value) // 10_000:04}-{int(value) // 100 % 100:02}-{int(value) % 100:02}"
    return str(value) if isinstance(value, int) else repr(value).removesuffix(".0")


def quoted(text: str) -> str:
    """A text in quotation marks, as the parser reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def find_kind(name: str) -> Kind | None:
    """The kind of a field; None when there is no such field."""
    found = find_field(name)
    return found[0].kind if found else None


# ---- parser ---------------------------------------------------------------------------------------------------------

_BARE = re.compile(r'[^\s()<>=!,"]+')
_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(<=|>=|!=|[<>=(),])|([^\s()<>=!,"]+))', re.DOTALL)
_KEYWORDS = frozenset({"and", "or", "not", "is", "in", "has", "unknown"})
_Token: TypeAlias = tuple[str, str]  # kind (text | sign | word), content


def parse(text: str | None) -> Choice:
    """The choice of a text; of an empty one everything.

    Raises
    ------
    NotAChoice
        Why it is none, and at which word; nothing of it is then applied.
    """
    if not text or not text.strip():
        return EVERYTHING
    if len(text) > LONGEST:
        raise NotAChoice("too-long")
    tokens, places = _tokens(text)
    reader = _Reader(tokens)
    try:
        choice = reader.either(0)
        if reader.tokens:
            raise NotAChoice("unexpected", reader.take()[1])
    except NotAChoice as reason:
        taken = len(places) - len(reader.tokens)  # the last of them is the one to blame
        raise reason.at(text, len(text) if reason.code == "unfinished" else places[max(0, taken - 1)]) from None
    return choice


def _tokens(text: str) -> tuple[list[_Token], list[int]]:
    """The tokens of a text, and where each begins in it."""
    found: list[_Token] = []
    places, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            left = text[place:]
            raise NotAChoice("unexpected", left.strip()).at(text, place + len(left) - len(left.lstrip()))
        literal, sign, word = match.groups()
        found.append(("text", re.sub(r"\\(.)", r"\1", literal, flags=re.DOTALL)) if literal is not None
                     else ("sign", sign) if sign else ("word", word))  # fmt: skip
        places.append(match.start(match.lastindex or 0) - (literal is not None))
        place = match.end()
    return found, places


class _Reader:
    """Recursive descent over the tokens that are left."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens

    def take(self) -> _Token:
        if not self.tokens:
            raise NotAChoice("unfinished")
        return self.tokens.pop(0)

    def next_is(self, kind: str, content: str) -> bool:
        if self.tokens and (self.tokens[0][0], self.tokens[0][1].lower()) == (kind, content):
            self.tokens.pop(0)
            return True
        return False

    def need(self, sign: str) -> None:
        kind, content = self.take()
        if (kind, content) != ("sign", sign):
            raise NotAChoice("unexpected", content)

    def either(self, depth: int) -> Choice:
        if depth > DEEPEST:
            raise NotAChoice("too-deep")
        parts = [self.every(depth)]
        while self.next_is("word", "or"):
            parts.append(self.every(depth))
        return any_of(*parts)

    def every(self, depth: int) -> Choice:
        parts = [self.one(depth)]
        while self.next_is("word", "and"):
            parts.append(self.one(depth))
        return all_of(*parts)

    def one(self, depth: int) -> Choice:
        if depth > DEEPEST:
            raise NotAChoice("too-deep")
        if self.next_is("word", "not"):
            return negated(self.one(depth + 1))
        if self.next_is("sign", "("):
            inner = self.either(depth + 1)
            self.need(")")
            return inner
        return self.term()

    def term(self) -> Term:
        kind, name = self.take()
        found = find_field(name) if kind == "word" else None
        if found is None:
            raise NotAChoice("field", name)
        field, needs_unit = found
        _kind, op = self.take()
        op = op.lower()
        if op == "is":
            return Term(field.name, "is", (self.value(field),))
        if op == "in":
            return Term(field.name, "is", self.several(field))
        if op == "has" and (field.worded or field.kind is Kind.WORDS):
            return Term(field.name, "has", (self.words(),))
        if op in COMPARISONS and field.kind in (Kind.DAY, Kind.COUNT, Kind.AMOUNT):
            return Term(field.name, op, (self.number(field, needs_unit),))
        raise NotAChoice("operator", op)

    def several(self, field: Field) -> tuple[Value, ...]:
        self.need("(")
        values = [self.value(field)]
        while self.next_is("sign", ","):
            values.append(self.value(field))
        self.need(")")
        if len(values) > MOST_VALUES:
            raise NotAChoice("too-long")
        return tuple(dict.fromkeys(values))

    def value(self, field: Field) -> Value:
        if field.kind is not Kind.MEASURE and self.next_is("word", "unknown"):
            return None
        _kind, word = self.take()
        if field.kind is Kind.DAY:
            return _day(word)
        if field.kind is Kind.ROW:
            return _row_id(word)
        if field.kind is Kind.COUNT:
            return _count(word)
        if field.kind in (Kind.CODE, Kind.MEASURE):
            return _code(field, word)
        raise NotAChoice("operator", "is")

    def words(self) -> str:
        kind, content = self.take()
        if kind == "sign" or not any(letter.isalnum() for letter in content):
            raise NotAChoice("value", content)
        return content

    def number(self, field: Field, needs_unit: bool) -> float | int:
        _kind, word = self.take()
        if field.kind is Kind.DAY:
            return _day(word)
        if field.kind is Kind.COUNT:
            return _count(word)
        value = _number(word)
        if self.tokens and self.tokens[0][0] == "word" and self.tokens[0][1].lower() not in _KEYWORDS:
            return _converted(field, value, self.take()[1])
        if needs_unit and field.quantity is not None and field.quantity.unit != "1":
            raise NotAChoice("unit-missing", field.quantity.unit)
        return value


def _number(word: str) -> float:
    try:
        value = float(word) if word.isascii() else float("nan")
    except ValueError:
        raise NotAChoice("value", word) from None
    if abs(value) < 1e12:
        return value
    raise NotAChoice("value", word)


def _count(word: str) -> int:
    value = _number(word)
    if value.is_integer():
        return int(value)
    raise NotAChoice("value", word)


def _converted(field: Field, value: float, unit: str) -> float:
    if field.quantity is None:
        raise NotAChoice("unit", unit)
    try:
        return field.quantity.convert(value, unit)
    except (UnknownUnit, ValueError):
        raise NotAChoice("unit", unit) from None


def _day(word: str) -> int:
    try:
        return int(date.fromisoformat(word).strftime("%Y%m%d"))
    except ValueError:
        raise NotAChoice("value", word) from None


def _row_id(word: str) -> int:
    if word.isascii() and word.isdigit() and len(word) < 19:
        return int(word)
    raise NotAChoice("value", word)


def _code(field: Field, word: str) -> str:
    if not field.values:
        if re.fullmatch(r"[A-Za-z0-9_ ]{1,16}", word):
            return word.upper()
        raise NotAChoice("value", word)
    for known in field.values:
        if known.lower() == word.lower():
            return known
    raise NotAChoice("value", word)
