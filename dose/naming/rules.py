"""Rules: conditions on several fields that lead to a standard procedure, and which of them wins.

A rule of the device outranks one of its site, that one a rule for all sites; then priority; then the rule with more
conditions. Where the best rules name different procedures the study is a *conflict* and has none: a person decides.
What no rule catches is named by its own procedure code where that is a RadLex, LOINC or CCAM code of the vocabulary.

Rules are compiled once; which of them hold for a set of words is remembered, so that naming a million studies of some
thousand local names compares words some thousand times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dose.naming.codes import code_key
from dose.naming.fields import EVENT, FIELDS, NUMBER, SERIES, STUDY, TEXT, Values, series_values
from dose.naming.modalities import family
from dose.naming.texts import plain, words

IS, CONTAINS, ANY_WORD, LACKS, STARTS, ONE_OF, BETWEEN, MISSING = OPERATORS = (
    "is", "contains", "any_word", "lacks", "starts", "one_of", "between", "missing",
)  # fmt: skip
OF_KIND: Mapping[str, tuple[str, ...]] = {
    "text": (CONTAINS, ANY_WORD, LACKS, IS, STARTS, ONE_OF, MISSING),
    "choice": (IS, ONE_OF, MISSING),
    "number": (BETWEEN, MISSING),
}
MAPPED, NONE, CONFLICT = "mapped", "none", "conflict"
COMPLEXITIES = ("simple", "medium", "complex")
REMEMBERED = 200_000

Test = Callable[[Any], bool]


class RuleRefused(ValueError):
    """`code`: no-condition | field | level | operator | empty | number | order | modality; `field` where it is."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `value` is a text, for `one_of` several texts, for `between` (from, below), None where open."""

    field: str
    op: str
    value: Any = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"field": self.field, "op": self.op} | ({} if value is None else {"value": value})


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, as `dose.tables.ProcedureRule` stores it."""

    id: int
    level: str
    conditions: tuple[Condition, ...]
    procedure_id: int
    modality: str | None = None
    site_id: int | None = None
    device_id: int | None = None
    complexity: str | None = None
    priority: int = 0

    @property
    def rank(self) -> tuple[int, int, int]:
        """What makes one rule outrank another: its place, its priority, its number of conditions."""
        place = 2 if self.device_id is not None else 1 if self.site_id is not None else 0
        return place, self.priority, len(self.conditions)


@dataclass(frozen=True, slots=True)
class Naming:
    """What a study is. `state` is mapped | none | conflict; `rule_id` is None when its own code said so.

    `events` holds the procedure of each event where a rule for events or series names one, else None; empty when there
    is no such rule at all.
    """

    procedure_id: int | None = None
    rule_id: int | None = None
    state: str = NONE
    complexity: str | None = None
    events: tuple[int | None, ...] = ()


def condition_of(said: Mapping[str, Any], level: str) -> Condition:
    """A condition as it was typed or stored, checked.

    Raises
    ------
    RuleRefused
        With its code and the field.
    """
    field = FIELDS.get(str(said.get("field")))
    if field is None:
        raise RuleRefused("field", str(said.get("field")))
    if level not in field.levels:
        raise RuleRefused("level", field.key)
    op = said.get("op")
    if op not in OF_KIND[field.kind]:
        raise RuleRefused("operator", field.key)
    return Condition(field.key, str(op), _value(str(op), said.get("value"), field.key))


def _value(op: str, value: Any, field: str) -> Any:  # noqa: ANN401 - as JSON has it
    if op == MISSING:
        return None
    if op == BETWEEN:
        return _range(value, field)
    if op == ONE_OF:
        several = value if isinstance(value, list | tuple) else str(value or "").split(",")
        value = tuple(text for text in (" ".join(str(one).split()) for one in several) if plain(text))
    else:
        value = " ".join(str(value or "").split())
    if not (value if op == ONE_OF else plain(value)):
        raise RuleRefused("empty", field)
    return value


def _range(value: Any, field: str) -> tuple[float | None, float | None]:  # noqa: ANN401 - as JSON has it
    try:
        low, high = (None if one in (None, "") else float(str(one).replace(",", ".")) for one in value)
    except (TypeError, ValueError):
        raise RuleRefused("number", field) from None
    if low is None and high is None:
        raise RuleRefused("empty", field)
    if low is not None and high is not None and not low < high:
        raise RuleRefused("order", field)
    return low, high


def conditions_of(said: Iterable[Mapping[str, Any]], level: str) -> tuple[Condition, ...]:
    """The conditions of a rule, checked.

    Raises
    ------
    RuleRefused
        Also `no-condition`: a rule without one would name everything.
    """
    found = tuple(dict.fromkeys(condition_of(one, level) for one in said))
    if not found:
        raise RuleRefused("no-condition")
    return found


@lru_cache(maxsize=65536)
def _joined(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(plain, texts))


@lru_cache(maxsize=65536)
def _all_words(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for text in texts for word in words(text))


def _has(found: frozenset[str], word: str) -> bool:
    return any(one.startswith(word[:-1]) for one in found) if word.endswith("*") else word in found


def _pattern_words(text: str) -> tuple[str, ...]:
    """The words of a condition; one that ends in `*` stands for every word that begins so."""
    return tuple(part + ("*" if token.endswith("*") and part == parts[-1] else "")
                 for token in text.split() if (parts := words(token)) for part in parts)  # fmt: skip


def _text_test(condition: Condition) -> Test:
    if condition.op == MISSING:
        return lambda texts: not texts
    make = {IS: _is, ONE_OF: _one_of, STARTS: _starts}.get(condition.op, _words_test)
    return make(condition)


def _is(condition: Condition) -> Test:
    wanted = plain(condition.value)
    return lambda texts: wanted in _joined(texts)


def _one_of(condition: Condition) -> Test:
    wanted = frozenset(map(plain, condition.value))
    return lambda texts: not wanted.isdisjoint(_joined(texts))


def _starts(condition: Condition) -> Test:
    start = plain(condition.value)
    return lambda texts: any(text.startswith(start) for text in _joined(texts))


def _words_test(condition: Condition) -> Test:
    parts = _pattern_words(condition.value)
    if condition.op == CONTAINS:
        return lambda texts: all(_has(_all_words(texts), word) for word in parts)
    absent = condition.op == LACKS
    return lambda texts: any(_has(_all_words(texts), word) for word in parts) is not absent


def _number_test(condition: Condition) -> Test:
    if condition.op == MISSING:
        return lambda number: number is None
    low, high = condition.value
    return lambda number: number is not None and (low is None or number >= low) and (high is None or number < high)


class _Compiled:
    """A rule with its conditions on words apart from those that are looked at in each study anew."""

    __slots__ = ("numbers", "rank", "rule", "texts")

    def __init__(self, rule: Rule) -> None:
        self.rule, self.rank = rule, rule.rank
        self.texts = [(one.field, _text_test(one)) for one in rule.conditions if _is_of_words(one.field)]
        self.numbers = [(one.field, _test(one)) for one in rule.conditions if not _is_of_words(one.field)]

    def stands(self, values: Values) -> bool:
        return all(test(values.get(field) or ()) for field, test in self.texts)

    def holds(self, values: Values) -> bool:
        return all(test(values.get(field)) for field, test in self.numbers)


def _is_of_words(field: str) -> bool:
    return FIELDS[field].kind == TEXT or FIELDS[field].local


def _test(condition: Condition) -> Test:
    if FIELDS[condition.field].kind == NUMBER:
        return _number_test(condition)
    test = _text_test(condition)
    return lambda texts: test(texts or ())


class _Level:
    """The rules of one level, by the modality and place that they are for."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._groups: dict[tuple[str, Any, str | None], list[_Compiled]] = defaultdict(list)
        for rule in rules:
            self._groups[(*_place(rule), family(rule.modality))].append(_Compiled(rule))
        fields = {one.field for rules in self._groups.values() for rule in rules for one in rule.rule.conditions}
        self._fields = tuple(sorted(filter(_is_of_words, fields)))
        self._known: dict[tuple[Any, ...], list[_Compiled]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def _candidates(self, values: Values) -> list[_Compiled]:
        site, device, modality = values["site_id"], values["device_id"], family(values["modality"])
        key = (site, device, modality, *(values.get(field) or () for field in self._fields))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            places = (("device", device), ("site", site), ("all", None))
            several = [
                one for place in places for kind in (modality, None) for one in self._groups.get((*place, kind), ())
            ]
            standing = [one for one in dict.fromkeys(several) if one.stands(values)]
            found = self._known[key] = sorted(standing, key=lambda one: (*(-n for n in one.rank), one.rule.id))
        return found

    def best(self, values: Values) -> list[Rule]:
        """The rules of the highest rank that hold, the oldest first; none when nothing does."""
        found: list[Rule] = []
        rank = None
        for one in self._candidates(values):
            if rank is not None and one.rank != rank:
                break
            if one.holds(values):
                rank = one.rank
                found.append(one.rule)
        return found

    def by_words(self, values: Values, without: int | None) -> list[Rule] | None:
        """As `best` where words alone decide, leaving one rule out; None where a number has its say."""
        found: list[Rule] = []
        for one in self._candidates(values):
            if found and one.rank != found[0].rank:
                break
            if one.rule.id == without:
                continue
            if one.numbers:
                return None
            found.append(one.rule)
        return found


def _place(rule: Rule) -> tuple[str, int | None]:
    if rule.device_id is not None:
        return "device", rule.device_id
    return ("site", rule.site_id) if rule.site_id is not None else ("all", None)


class Rules:
    """The rules in force, ready to name many studies; `codes` are the vocabulary's own (`dose.naming.codes`)."""

    def __init__(self, rules: Iterable[Rule] = (), codes: Mapping[str, int] | None = None) -> None:
        known = tuple(rules)
        self._codes = codes or {}
        self._levels = {level: _Level(one for one in known if one.level == level) for level in (STUDY, SERIES, EVENT)}

    @property
    def names_events(self) -> bool:
        """Whether any rule looks at series or events: without one their rows need not be read for naming."""
        return bool(self._levels[SERIES]) or bool(self._levels[EVENT])

    def study_rules(self, study: Values) -> list[Rule]:
        """The rules for studies that win; several when they are of one rank."""
        return self._levels[STUDY].best(study)

    def rules_by_words(self, study: Values, without: int | None = None) -> list[Rule] | None:
        """The rules for studies that win for a local name, leaving one out; None where numbers of the study decide."""
        return self._levels[STUDY].by_words(study, without)

    def named_by_words(self, study: Values) -> Naming | None:
        """What every study of a local name is; None where that depends on its numbers or its events."""
        best = self.rules_by_words(study)
        found = None if best is None else _decided(best)
        if found is None or found.state != NONE:
            return found
        return None if self.names_events else self._by_code(study) or found

    def classify(self, study: Values, events: Sequence[Values] = ()) -> Naming:
        """Name a study, and its events where rules for them or their series exist."""
        named = self._events(events) if self.names_events else ()
        found = _decided(self._levels[STUDY].best(study))
        if found.state == NONE:
            found = self._by_events(named) or self._by_code(study) or found
        return Naming(found.procedure_id, found.rule_id, found.state, found.complexity,
                      tuple(one.procedure_id for one in named))  # fmt: skip

    def _events(self, events: Sequence[Values]) -> list[Naming]:
        series: dict[Any, list[int]] = defaultdict(list)
        if self._levels[SERIES]:
            for number, event in enumerate(events):
                series[event.get("series") or number].append(number)
        of_series: dict[int, Naming] = {}
        for numbers in series.values():
            decided = _decided(self._levels[SERIES].best(series_values([events[number] for number in numbers])))
            of_series |= dict.fromkeys(numbers, decided)
        return [self._event(event, of_series.get(number, _NOTHING)) for number, event in enumerate(events)]

    def _event(self, event: Values, of_series: Naming) -> Naming:
        own = _decided(self._levels[EVENT].best(event))
        return of_series if own.state == NONE else own

    def _by_events(self, named: Sequence[Naming]) -> Naming | None:
        # A study without a rule of its own is what all its named events are.
        said = {one.procedure_id: one for one in named if one.procedure_id is not None}
        return next(iter(said.values())) if len(said) == 1 else None

    def _by_code(self, study: Values) -> Naming | None:
        for code in study.get("procedure_code") or ():
            procedure = self._codes.get(code_key(code, study.get("procedure_scheme")) or "")
            if procedure is not None:
                return Naming(procedure, None, MAPPED)
        return None


_NOTHING = Naming()


def _decided(best: Sequence[Rule]) -> Naming:
    if not best:
        return _NOTHING
    if len({rule.procedure_id for rule in best}) > 1:
        return Naming(None, None, CONFLICT)
    complexity = next((rule.complexity for rule in best if rule.complexity), None)
    return Naming(best[0].procedure_id, best[0].id, MAPPED, complexity)


def meets(rule: Rule) -> Callable[[Values], bool]:
    """Whether a rule can hold for studies of some words (`of_local_name`), whatever their numbers are."""
    compiled = _Compiled(rule)

    def may(values: Values) -> bool:
        place = rule.device_id in (None, values["device_id"]) and rule.site_id in (None, values["site_id"])
        fits = rule.modality is None or family(rule.modality) == family(values["modality"])
        return place and fits and compiled.stands(values)

    return may


def classify(rules: Rules, study: Values, events: Sequence[Values] = ()) -> Naming:
    """Name a study (`dose.naming.fields.study_values`) and its events (`event_values`)."""
    return rules.classify(study, events)
