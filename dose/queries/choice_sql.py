"""The SQL of a choice, on studies or on events as statistics count them.

Every condition is true or false, never NULL: what is unknown does not hold, and its negation does. A field that only
the other kind of fact holds is asked there: an event takes it from its study; a study has it when one of its counted
events has. Conditions on events that must hold together (AND) are asked of one and the same event, and beside them
protocol, procedure and phantom are those of that event: so a statistic of events leads to the studies they are in.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Integer, and_, cast, false, func, or_, select, true
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.choice import All, Choice, Either, Not, Term, Value, all_of, any_of
from dose.queries.choice_fields import FIELDS, WEEKDAYS, Field, Kind
from dose.scope import Scope
from dose.statistics.measures import EVENT, MEASURES, MIXED, OF_PHANTOM, Measure, left_out_bit
from dose.store.words import split_words
from dose.tables import EventFact, Protocol, Study, StudyFact, StudyWord

Fact: TypeAlias = type[StudyFact] | type[EventFact]
Condition: TypeAlias = ColumnElement[bool]
FEW = 10_000  # studies that are looked up by their numbers rather than tested one by one
_LAST = chr(0x10FFFF)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def conditions(session: Session, scope: Scope, choice: Choice, fact: Fact) -> list[Condition]:
    """What must hold for a fact to be in statistics of this choice: the account's scope always, patients only."""
    return [allowed(scope, fact), fact.counts.is_(True), condition(session, choice, fact)]


def of_studies(session: Session, scope: Scope, choice: Choice) -> Condition:
    """The condition on `study` for a list of the studies of a choice; those not yet counted are not among them."""
    those = select(StudyFact.study_id).where(allowed(scope, StudyFact), condition(session, choice, StudyFact))
    few = list(session.scalars(those.limit(FEW + 1)))
    if len(few) <= FEW:
        return Study.id.in_(few) if few else false()
    # Of so many a walk in the order of the list soon finds a page. Facts of its own, though lists may join them as well
    return those.where(StudyFact.study_id == Study.id).correlate(Study).exists()


def condition(session: Session, choice: Choice, fact: Fact) -> Condition:
    """The condition of a choice alone; `conditions` adds who asks."""
    return _Compiler(session, fact).of(choice, True)


def has_measure(one: Measure) -> Condition:
    """Facts of the measure's level that have a value of it in their statistics."""
    return and_(column_of(one).is_not(None), *measured_alike(one))


def leaves_out(one: Measure) -> Condition:
    """Facts of the measure's level that state it, but flagged or as zero."""
    return and_(_flagged(one), *measured_alike(one))


def states(one: Measure) -> Condition:
    """Facts of the measure's level that state it, in statistics or left out of them."""
    return and_(or_(column_of(one).is_not(None), _flagged(one)), *measured_alike(one))


def _flagged(one: Measure) -> Condition:
    found: Condition = fact_of(one).left_out.op("&")(left_out_bit(one)) != 0
    return found


def measured_alike(one: Measure) -> list[Condition]:
    """Modality and phantom of a measure, of events the diagnostic ones: where its values come from, if any."""
    fact = fact_of(one)
    found: list[Condition] = [fact.modality.in_(sorted(one.modalities))]
    if one.column in OF_PHANTOM:
        found.append(fact.phantom.is_(None) if one.phantom is None else fact.phantom == one.phantom)
    return found if one.level != EVENT else [*found, EventFact.diagnostic.is_(True)]


def fact_of(one: Measure) -> Fact:
    """The facts that hold a measure."""
    return EventFact if one.level == EVENT else StudyFact


def column_of(one: Measure) -> Any:  # noqa: ANN401 - a column of either table
    """The column of a measure in its facts."""
    return getattr(fact_of(one), one.column)


class _Compiler:
    """Conditions on one kind of fact. A negation is pushed down to the tests, where *unknown* can be said."""

    def __init__(self, session: Session, fact: Fact) -> None:
        self.session = session
        self.fact = fact

    def of(self, choice: Choice, holds: bool) -> Condition:
        if self.fact is EventFact and _is_of_studies(choice):
            # All that is asked of the studies at once: one walk over them, however many conditions.
            of_study = _Compiler(self.session, StudyFact).of(choice, holds)
            return EventFact.study_id.in_(select(StudyFact.study_id).where(of_study, StudyFact.counts.is_(True)))
        match choice:
            case Not(part):
                return self.of(part, not holds)
            case Term():
                return self.term(choice, holds)
            case All(parts):
                alone, together = self.of_one_event(parts)
                found = [self.of(part, holds) for part in self.gathered(alone, all_of)]
                found += [self.elsewhere(together, holds)] if together else []
                return and_(true(), *found) if holds else or_(false(), *found)
            case Either(parts):
                found = [self.of(part, holds) for part in self.gathered(parts, any_of)]
                return or_(false(), *found) if holds else and_(true(), *found)

    def of_one_event(self, parts: tuple[Choice, ...]) -> tuple[tuple[Choice, ...], Choice | None]:
        """What is asked of a study itself, and what of one of its events."""
        if self.fact is EventFact or not any(map(_is_of_events, parts)):
            return parts, None
        together = [part for part in parts if _is_of_events(part) or _differs_by_event(part)]
        return tuple(part for part in parts if part not in together), All(tuple(together))

    def gathered(self, parts: tuple[Choice, ...], join: Callable[..., Choice]) -> list[Choice]:
        asked_there = [part for part in parts if self.fact is EventFact and _is_of_studies(part)]
        if len(asked_there) in (0, 1, len(parts)):
            return list(parts)
        return [*(part for part in parts if part not in asked_there), join(*asked_there)]

    def term(self, term: Term, holds: bool) -> Condition:
        field = FIELDS[term.field]
        if field.kind is Kind.MEASURE:
            return _signed(or_(false(), *(self.measure(field, str(value)) for value in term.values)), holds)
        if field.kind is Kind.WORDS:
            return _signed(self.described(str(term.values[0])), holds)
        name = field.event if self.fact is EventFact else field.study
        if name is None:
            return self.elsewhere(term, holds)
        if term.op == "has":
            return _among(self.fact.protocol_id, _protocols_with(self.session, str(term.values[0])), holds)
        column: Any = getattr(self.fact, name)
        if field.name == "weekday":
            column = weekday(column)
        return _compared(column, term.op, tuple(_stored(field, value) for value in term.values), holds)

    def elsewhere(self, choice: Choice, holds: bool) -> Condition:
        other: Fact = StudyFact if self.fact is EventFact else EventFact
        found = select(other.study_id).where(_Compiler(self.session, other).of(choice, True), other.counts.is_(True))
        return _signed(self.fact.study_id.in_(found), holds)

    def measure(self, field: Field, key: str) -> Condition:
        one = MEASURES[key]
        found = has_measure(one) if field.name == "measured" else leaves_out(one)
        if fact_of(one) is self.fact:
            return func.coalesce(found, false())
        return self.fact.study_id.in_(select(fact_of(one).study_id).where(found, fact_of(one).counts.is_(True)))

    def described(self, text: str) -> Condition:
        found = []
        for word in split_words(text):
            like = StudyWord.word.between(f"d:{word}", f"d:{word}{_LAST}")
            found.append(self.fact.study_id.in_(select(StudyWord.study_id).where(like)))
        return and_(*found) if found else false()


def _is_of_studies(choice: Choice) -> bool:
    """Whether only the facts of studies hold what a choice asks."""
    match choice:
        case Not(part):
            return _is_of_studies(part)
        case Term(name):
            field = FIELDS[name]
            return field.event is None and field.kind is not Kind.MEASURE
        case All(parts) | Either(parts):
            return bool(parts) and all(map(_is_of_studies, parts))


def _is_of_events(part: Choice) -> bool:
    """Whether only the facts of events hold what a condition asks."""
    if not isinstance(part, Term):
        return False
    field = FIELDS[part.field]
    if field.kind is Kind.MEASURE:
        return all(MEASURES[str(value)].level == EVENT for value in part.values)
    return field.study is None


def _differs_by_event(part: Choice) -> bool:
    """Whether a condition asks only what an event can have otherwise than its study."""
    match part:
        case Not(inner):
            return _differs_by_event(inner)
        case Term(name):
            return name in ("protocol", "procedure", "phantom")
        case All(parts) | Either(parts):
            return bool(parts) and all(map(_differs_by_event, parts))


def _signed(found: Condition, holds: bool) -> Condition:
    return found if holds else ~found


def _compared(column: Any, op: str, values: tuple[Value | bool, ...], holds: bool) -> Condition:  # noqa: ANN401
    if op == "is":
        return _among(column, values, holds)
    found: Condition = _COMPARE[op](column, values[0])
    return found if holds else or_(~found, column.is_(None))


def _among(column: Any, values: tuple[Value | bool, ...], holds: bool) -> Condition:  # noqa: ANN401 - any column
    known = [value for value in values if value is not None]
    found: Condition = column == known[0] if len(known) == 1 else column.in_(known)
    unknown = [column.is_(None)] if len(known) < len(values) else []
    if holds:
        return or_(found, *unknown)
    return and_(~found, column.is_not(None)) if unknown else or_(~found, column.is_(None))


def _stored(field: Field, value: Value) -> Value | bool:
    if value is None:
        return None
    if field.name == "weekday":
        return WEEKDAYS.index(str(value))
    if field.name == "phantom":
        return MIXED if value == "mixed" else int(str(value))
    return value == "yes" if field.values == ("yes", "no") else value


def weekday(day: Any) -> ColumnElement[int]:  # noqa: ANN401 - an integer column YYYYMMDD
    """Monday 0 … Sunday 6 of a day as YYYYMMDD, in whole numbers, which every database divides alike.

    References: Fliegel and van Flandern (1968), doi:10.1145/364096.364097 (Julian day number, Gregorian calendar).
    """
    year, month = _whole(day, 10_000), _whole(day, 100) % 100
    before = _whole(14 - month, 12)  # 1 in January and February, which end the year before
    years, months = year + 4800 - before, month + 12 * before - 3
    leap = _whole(years, 4) - _whole(years, 100) + _whole(years, 400)
    julian = day % 100 + _whole(153 * months + 2, 5) + 365 * years + leap - 32_045
    return cast(julian % 7, Integer)


def _whole(number: Any, by: int) -> Any:  # noqa: ANN401 - integer expressions
    return number // by


def _protocols_with(session: Session, text: str) -> tuple[int, ...]:
    wanted = split_words(text)
    rows = session.execute(select(Protocol.id, Protocol.name)).all()
    return tuple(number for number, name in rows if wanted and _holds(split_words(name), wanted))


def _holds(words: list[str], wanted: list[str]) -> bool:
    return all(any(word.startswith(one) for word in words) for one in wanted)
