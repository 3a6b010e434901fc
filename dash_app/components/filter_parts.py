"""The filter of a page as chips, as a form that adds a condition, and as its text: `where=` of the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from sqlalchemy.orm import Session

from dash_app.components.parts import icon
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated
from dash_app.ids import Id
from dash_app.procedure_names import procedure_said
from dash_app.vocabulary import EVENT_TYPES, SEXES, name_of, word
from dose.quantities import number_text
from dose.queries.choice import (
    All,
    Choice,
    Either,
    Not,
    NotAChoice,
    Term,
    Value,
    all_of,
    any_of,
    negated,
    parse,
    quoted,
    text_of,
)
from dose.queries.choice_fields import FIELDS, Field, Kind
from dose.queries.groups import By, labels
from dose.scope import Scope
from dose.statistics.measures import MEASURES, MIXED, STUDY, Measure

FIELD_NAMES = {
    "date": N_("Date"),
    "weekday": N_("Weekday"),
    "hour": N_("Hour"),
    "site": N_("Site"),
    "device": N_("Device"),
    "modality": N_("Modality"),
    "procedure": N_("Procedure"),
    "naming": N_("Name"),
    "rule": N_("Rule"),
    "complexity": N_("Complexity"),
    "protocol": N_("Protocol"),
    "local_name": N_("Local name"),
    "description": N_("Description"),
    "operator": N_("Operator"),
    "study": N_("Study"),
    "patient": N_("Patient"),
    "sex": N_("Sex"),
    "age_years": N_("Age"),
    "weight_kg": N_("Weight"),
    "height_m": N_("Height"),
    "phantom": N_("CTDI phantom"),
    "phase_count": N_("Phases"),
    "event_count": N_("Irradiation events"),
    "scan_length_mm": N_("Scanning length"),
    "demo": N_("Demonstration"),
    "event.type": N_("Type of event"),
    "event.diagnostic": N_("Diagnostic event"),
    "measured": N_("Has a value"),
    "left_out": N_("Left out of statistics"),
}
VALUE_NAMES = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
    "yes": N_("yes"),
    "no": N_("no"),
    "mapped": N_("mapped"),
    "none": N_("not mapped"),
    "conflict": N_("in conflict"),
    "simple": N_("simple"),
    "medium": N_("medium"),
    "complex": N_("complex"),
    "16": N_("head, 16 cm"),
    "32": N_("body, 32 cm"),
    "mixed": N_("both phantoms"),
    **EVENT_TYPES,
    **SEXES,
}
REASONS = {
    "too-long": N_("The filter is longer than this system reads."),
    "too-deep": N_("The filter has too many brackets within brackets."),
    "unfinished": N_("The filter ends too early."),
    "unexpected": N_("This was not expected here: %(word)s"),
    "field": N_("There is no such field: %(word)s"),
    "operator": N_("This field cannot be compared so: %(word)s"),
    "value": N_("This value makes no sense here: %(word)s"),
    "unit": N_("This quantity has no such unit: %(word)s"),
    "unit-missing": N_("Say the unit with the number, for instance %(word)s"),
}
SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "=": "=", "!=": "≠"}
NAMED = {"site": By.SITE, "device": By.DEVICE, "procedure": By.PROCEDURE, "protocol": By.PROTOCOL,
         "operator": By.OPERATOR}  # fmt: skip
Names = Mapping[tuple[str, int], str]


def read(text: str | None) -> tuple[Choice, NotAChoice | None]:
    """The choice of an address; with a reason, everything, when its text is none."""
    try:
        return parse(text), None
    except NotAChoice as reason:
        return All(), reason


def reason_text(reason: NotAChoice) -> str:
    """Why a text is no filter, kindly and in the reader's language."""
    text = _(REASONS[reason.code])
    return text % {"word": f"\u2068{reason.word}\u2069"} if "%(word)s" in text else text


BESIDE = 40  # letters that are shown before and after the place of a fault


def reason_view(reason: NotAChoice) -> list[Any]:
    """Why a text is no filter, and its place marked in the text."""
    if reason.place is None:
        return [reason_text(reason)]
    text, first = reason.text, max(0, reason.place - BESIDE)
    quoted_too = 2 * text[reason.place :].startswith('"')
    end = reason.place + max(1, len(reason.word)) + quoted_too
    parts = ["…" if first else "", text[first : reason.place], html.Mark(text[reason.place : end] or "\u2423"),
             text[end : end + BESIDE], "…" if end + BESIDE < len(text) else ""]  # fmt: skip
    return [reason_text(reason), html.Div(html.Bdi(parts, dir="ltr"), className="code")]


def not_understood(reason: NotAChoice | None) -> Any:  # noqa: ANN401 - a component
    """What is said above a page whose filter could not be read: all is shown."""
    if reason is None:
        return None
    said = _("The filter in the address was not understood, so nothing is filtered.")
    return html.Div([icon("note"), html.Span([said, " ", *reason_view(reason)])], className="message", role="status")


def field_label(name: str) -> str:
    """What a field is called."""
    if name in FIELD_NAMES:
        return _(FIELD_NAMES[name])
    plain = name_of(name.removeprefix("event."))
    return _("%(quantity)s of an event", quantity=plain) if name.startswith("event.") else plain


def measure_label(one: Measure) -> str:
    """What a measure is called: quantity, of what, and of which phantom."""
    parts = [name_of(one.column), _("study") if one.level == STUDY else _("event")]
    if one.column in ("ctdi_vol_mgy", "dlp_mgy_cm"):
        phantom = {None: _("phantom not stated"), MIXED: _("both phantoms")}
        parts.append(phantom.get(one.phantom) or _(VALUE_NAMES[str(one.phantom)]))
    return " · ".join(parts)


def names_in(session: Session, scope: Scope, choice: Choice) -> Names:
    """The names of the rows that a choice speaks of; a statement for each kind of row."""
    wanted: dict[str, set[int]] = {}
    for term in terms(choice):
        if term.field in NAMED:
            wanted.setdefault(term.field, set()).update(value for value in term.values if isinstance(value, int))
    found = {}
    for field, ids in wanted.items():
        keys = [(number,) for number in sorted(ids)]
        for key, label in zip(keys, labels(session, scope, (NAMED[field],), keys), strict=True):
            found[field, key[0]] = procedure_said(key[0], label[0]) if field == "procedure" else label[0]
    return found


def terms(choice: Choice) -> list[Term]:
    """Every single condition of a choice."""
    match choice:
        case Term():
            return [choice]
        case Not(part):
            return terms(part)
        case All(parts) | Either(parts):
            return [term for part in parts for term in terms(part)]


def in_words(choice: Choice, names: Names, inside: bool = False) -> str:
    """A choice as people say it, in their language."""
    match choice:
        case Term():
            return _term_words(choice, names)
        case Not(part):
            return _("not %(condition)s", condition=in_words(part, names, True))
        case All(parts) | Either(parts):
            joined = _(" and ") if isinstance(choice, All) else _(" or ")
            text = joined.join(in_words(part, names, True) for part in parts)
            return f"({text})" if inside else text


def chosen_words(session: Session, scope: Scope, choice: Choice) -> str:
    """A choice in one line: its days first, then whom it holds; a statement for each kind of row it names."""
    parts = choice.parts if isinstance(choice, All) else (choice,)
    days = [part for part in parts if isinstance(part, Term) and part.field == "date" and part.op in (">=", "<=")]
    first, last = ([_parts(FIELDS["date"], day.values[0])[0] for day in days if day.op == op] for op in (">=", "<="))
    period = isolated(f"{max(first, default='…')} – {min(last, default='…')}") if days else _("all days")
    rest = all_of(*(part for part in parts if part not in days))
    return " · ".join(part for part in (period, in_words(rest, names_in(session, scope, rest))) if part)


def _term_words(term: Term, names: Names) -> str:
    field, name = FIELDS[term.field], field_label(term.field)
    if term.op in SIGNS:
        # One isolate: right to left a sign of its own would be mirrored and say the contrary. A unit that is a word of
        # the reader's language stands outside, where its sentence goes on.
        number, unit = _parts(field, term.values[0])
        return f"{name} {isolated(f'{SIGNS[term.op]} {number}')} {unit}".rstrip()
    return f"{name}: {_(' or ').join(_value_words(field, value, names) for value in term.values)}"


def _parts(field: Field, value: Value) -> tuple[str, str]:
    """A day, or a number with its unit, and the unit where it is a word."""
    if field.kind is Kind.DAY:
        return text_of(Term(field.name, "=", (value,))).rsplit(" ", 1)[1], ""
    number = number_text(float(value or 0), 6)
    unit = field.quantity.unit if field.quantity is not None and field.quantity.unit != "1" else ""
    return (number, _("years")) if unit == "a" else (f"{number} {unit}".strip(), "")


def _value_words(field: Field, value: Value, names: Names) -> str:
    if value is None:
        return _("unknown")
    if field.kind is Kind.MEASURE:
        return measure_label(MEASURES[str(value)])
    if isinstance(value, str):
        return word(VALUE_NAMES, value) or value
    if field.kind is Kind.ROW:
        return names.get((field.name, int(value))) or isolated(f"#{value}")
    number, unit = _parts(field, value)
    return f"{isolated(number)} {unit}".rstrip()


def chips(said: Mapping[str, str], choice: Choice, names: Names, path: str) -> list[Any]:
    """A chip for each condition that must hold; a click on one removes it."""
    parts = choice.parts if isinstance(choice, All) else (choice,)
    found: list[Any] = []
    for n, part in enumerate(parts):
        rest = text_of(all_of(*(other for m, other in enumerate(parts) if m != n)))
        kept = {name: value for name, value in said.items() if name not in ("where", "page")}
        target = address(kept | ({"where": rest} if rest else {}), path)
        text = html.Bdi(in_words(part, names))
        found.append(dcc.Link([text, icon("close")], href=target, className="chip", title=_("Remove this filter")))
    return found


# ---- the form that adds a condition ---------------------------------------------------------------------------------

OFFERED = (
    "date", "weekday", "hour", "site", "device", "procedure", "naming", "complexity", "protocol", "description",
    "operator", "sex", "age_years", "weight_kg", "height_m", "phantom", "phase_count", "scan_length_mm",
    "event_count", "dlp_mgy_cm", "ctdi_vol_mgy", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s", "agd_mgy", "activity_mbq",
    "event.type", "event.kvp_kv", "event.exposure_mas", "event.ctdi_vol_mgy", "event.dlp_mgy_cm",
    "event.compressed_thickness_mm", "demo",
)  # fmt: skip
HOW = {"and": N_("and"), "or": N_("or"), "not": N_("and not")}


def builder(text: str = "") -> html.Details:
    """Fields to add a condition with AND, OR, NOT, and the whole filter as its text."""
    select: dict[str, Any] = {"size": "xs", "comboboxProps": {"width": "max-content"}, "allowDeselect": False}
    row = html.Div(
        [
            dmc.Select(id=Id.FILTER_HOW, label=_("Joined by"), value="and", **select,
                       data=[{"value": key, "label": _(label)} for key, label in HOW.items()]),
            dmc.Select(id=Id.FILTER_FIELD, label=_("Field"), searchable=True, placeholder=_("Choose"), **select,
                       data=[{"value": name, "label": field_label(name)} for name in OFFERED]),
            dmc.Select(id=Id.FILTER_OP, label=_("Comparison"), data=[], **select),
            dmc.MultiSelect(id=Id.FILTER_ONE_OF, label=_("One of"), data=[], searchable=True, size="xs",
                            nothingFoundMessage=_("None"), comboboxProps={"width": "max-content"},
                            style={"display": "none"}),
            dmc.TextInput(id=Id.FILTER_VALUE, label=_("Value"), size="xs"),
            html.Button([icon("filter"), _("Add")], id=Id.FILTER_ADD, className="button small"),
        ],
        className="filter-row builder",
    )  # fmt: skip
    whole = dmc.Textarea(id=Id.FILTER_TEXT, label=_("The whole filter as text"), value=text, autosize=True, size="xs",
                         spellCheck=False, inputProps={"dir": "ltr"})  # fmt: skip
    use = html.Button(_("Use this text"), id=Id.FILTER_USE, className="button small")
    return html.Details(
        [
            html.Summary([icon("filter"), _("Filter with AND, OR, NOT"), icon("down")], className="button small"),
            row,
            html.Div([whole, use], className="filter-text"),
            html.Div(id=Id.FILTER_ANSWER, role="status"),
        ],
        className="more-filters where-builder",
    )


def operators(field: Field) -> list[dict[str, str]]:
    """How a field can be compared."""
    found = [{"value": "has", "label": _("has the words")}] if field.worded or field.kind is Kind.WORDS else []
    if field.kind in (Kind.ROW, Kind.CODE):
        found = [{"value": "is", "label": _("is one of")}, *found]
    if field.kind in (Kind.DAY, Kind.COUNT, Kind.AMOUNT):
        found += [{"value": sign, "label": shown} for sign, shown in SIGNS.items()]
        found += [{"value": "unknown", "label": _("is unknown")}] if field.kind is not Kind.DAY else []
    return found


def unit_hint(field: Field) -> str:
    """What a value of a field looks like."""
    if field.kind is Kind.DAY:
        return "2026-01-31"
    if field.quantity is not None and field.quantity.unit != "1":
        return {"a": _("years")}.get(field.quantity.unit, field.quantity.unit)
    return ""


def added(choice: Choice, how: str, condition: Choice) -> Choice:
    """The choice with a further condition, joined as said."""
    if how == "or":
        return any_of(choice, condition) if text_of(choice) else condition
    return all_of(choice, negated(condition) if how == "not" else condition)


def condition_text(name: str, op: str, value: str, several: list[str]) -> str:
    """The text of one condition as the form says it; `parse` judges it."""
    if op == "unknown":
        return f"{name} is unknown"
    if op == "is":
        return f"{name} in ({', '.join(several)})"
    if op == "has":
        return f"{name} has {quoted(value)}"
    return f"{name} {op} {value}"
