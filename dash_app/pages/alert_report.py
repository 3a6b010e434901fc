"""The report on one alert, to print: HTML of its own, light, on A4, for the committee that looks at it.

It holds no patient's identity and no text that people wrote, unless both is chosen by an account that may view
identities; that choice is in the audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from markupsafe import Markup, escape

from dash_app.components.alert_why import size_said
from dash_app.components.alert_words import FOLLOW_UPS, STATES, STEPS
from dash_app.components.outlier_parts import FACTORS, UNITS, no_rank, sentence, times
from dash_app.components.values import SYMBOLS, local_time, person_name, symbol_parts
from dash_app.context import note, reading, scope, web
from dash_app.figures.style import shown
from dash_app.i18n import _, isolated, language
from dash_app.vocabulary import SEXES, name_of, word
from dose import audit
from dose.alerts import wording
from dose.alerts.shipped import name_in
from dose.quantities import number_text
from dose.queries.alert_report import Report, report
from dose.queries.alert_rows import StepRow
from dose.queries.standing import DoseStanding
from dose.scope import Permission
from dose.statistics.outliers import Part
from dose.store.alert_library import criterion_text, said_in

IDENTITY, TEXTS = "identity", "texts"
blueprint = Blueprint("alert_report", __name__)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a section: titles and rows of texts."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: facts (what, value), sentences, a table; `empty` is said where there is nothing."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    table: Table | None = None
    empty: str = ""


@blueprint.get("/alerts/<int:alert_id>/report")
def show_report(alert_id: int) -> str:
    """The report of an alert; what is shown of persons is `with=identity` and `with=texts`."""
    chosen = {IDENTITY, TEXTS} & set(request.args.getlist("with"))
    if chosen:
        scope().require(Permission.VIEW_PATIENTS)
    now = datetime.now(UTC).astimezone(ZoneInfo(web().settings.time_zone))
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = report(session, who, alert_id, now.date()) if alert_id < 1 << 31 else None
    if found is None:
        abort(404)
    note(audit.Action.VIEW_ALERT, subject="alert", subject_id=alert_id, patient_id=found.patient_id, what="report",
         shows=sorted(chosen))  # fmt: skip
    return _page(found, chosen, now)


def _page(found: Report, chosen: set[str], now: datetime) -> str:
    alert, may = found.detail.alert, scope().may(Permission.VIEW_PATIENTS)
    return render_template(
        "alert_report.html", sections=[one for one in _sections(found, chosen) if one is not None],
        heading=wording.title(alert, language()), set_symbols=_set_symbols, number=alert.id,
        printed_by=current_user.email,
        site=found.site or web().settings.site, at=f"{now:%Y-%m-%d %H:%M}", without=IDENTITY not in chosen,
        choices=_choices(chosen) if may else [],
        severity=wording.severity_name(alert.severity, language()), state=_(STATES[alert.state]),
    )  # fmt: skip


def _set_symbols(text: str) -> Markup:
    """A text with the index of each symbol as a subscript."""
    parts = (escape(part) if not place % 2 else _set(part) for place, part in enumerate(SYMBOLS.split(text)))
    return Markup("").join(parts)


def _set(symbol: str) -> Markup:
    stem, index = symbol_parts(symbol)
    return Markup("<bdi>{}<sub>{}</sub></bdi>").format(stem, index)


def _choices(chosen: set[str]) -> list[tuple[str, str, bool]]:
    """What may be shown of persons: its name, the address that turns it on or off, and whether it is on."""
    names = {TEXTS: _("With texts that people wrote"), IDENTITY: _("With the patient's identity")}
    return [
        (name, "?" + urlencode([("with", one) for one in sorted(chosen ^ {key})]), key in chosen)
        for key, name in names.items()
    ]


def _sections(found: Report, chosen: set[str]) -> Iterator[Section | None]:
    yield _happened(found)
    yield _patient(found) if IDENTITY in chosen else None
    yield _doses(found)
    yield _why(found)
    yield _near(found)
    yield _history(found, texts=TEXTS in chosen)
    yield _judged(found)
    yield _follow_up(found, texts=TEXTS in chosen)


# ---- what happened --------------------------------------------------------------------------------------------------


def _own(text: str | None) -> str:
    """Text from outside, in a direction of its own."""
    return f"\u2068{text}\u2069" if text else "–"


def _value(column: str, value: float | None, modality: str | None) -> str:
    """A value that stays in one line with its unit."""
    return shown(column, value, modality).replace(" ", "\N{NO-BREAK SPACE}")


def _moment(at: datetime | None) -> str:
    if at is None:
        return "–"
    return isolated(at.astimezone(ZoneInfo(web().settings.time_zone)).strftime("%Y-%m-%d %H:%M"))


def _happened(found: Report) -> Section:
    alert, why = found.detail.alert, found.why
    remarks = [wording.remark(code, language()) for code in alert.details.get("remarks", ())]
    held = wording.held_back(alert.details.get("held_back", ()), language())
    facts = [
        (_("Examination"), _examination(found)), (_("Device"), _own(alert.device)),
        (_("Sex, age"), _sex_age(found)), (_("Rule"), _rule(found)),
        (_("Source of the rule"), _own(why.rule.citation if why.rule else None)),
        (_("Raised"), _moment(alert.raised_at)), (_("Due"), isolated(str(alert.due_on)) if alert.due_on else "–"),
        (_("Given to"), _own(alert.assigned)),
    ]  # fmt: skip
    others = [number for number in alert.details.get("studies", ()) if number != alert.study_id]
    if others:
        facts.append((_("Counted together with"), " · ".join(isolated(f"#{number}") for number in others)))
    lines = (wording.sentence(alert, language()), *remarks, *([held] if held else []))
    return Section(_("What happened"), tuple(facts), lines)


def _rule(found: Report) -> str:
    rule, key = found.why.rule, found.detail.alert.rule_key
    return _own(name_in(key, rule.name, language()) if rule else key)


def _examination(found: Report) -> str:
    study = found.detail.study
    if study is None:
        return "–"
    day, clock = local_time(study.started_at)
    name = study.description or next(iter(study.protocols), None)
    parts = (isolated(f"#{study.id}"), isolated(f"{day} {clock[:5]}".strip()), study.modality, _own(name))
    return " · ".join(part for part in parts if part)


def _sex_age(found: Report) -> str:
    detail = found.why.detail
    if detail is None:
        return "–"
    years = detail.study.age_years
    parts = [word(SEXES, detail.sex), _("%(n)s y", n=isolated(str(int(years)))) if years is not None else None]
    weight = isolated(f"{number_text(detail.weight_kg, 3)} kg") if detail.weight_kg is not None else None
    return " · ".join(part for part in (*parts, weight) if part) or "–"


def _patient(found: Report) -> Section | None:
    study = found.detail.study
    if study is None or study.identity is None:
        return None
    who = study.identity
    facts = (
        (_("Patient"), _own(person_name(who.name))), (_("Patient ID"), _own(who.patient_id)),
        (_("Born"), isolated(who.birth_date) if who.birth_date else "–"),
        (_("Accession number"), _own(study.accession_number)),
    )  # fmt: skip
    return Section(_("Patient"), facts)


# ---- the dose -------------------------------------------------------------------------------------------------------


def _doses(found: Report) -> Section | None:
    alert, stand = found.detail.alert, found.why.standing
    rows = []
    if alert.column is not None:
        values = (_value(alert.column, one, alert.modality) for one in (alert.value, alert.threshold))
        rows.append((name_of(alert.column), *values, _("this alert"), _rule(found)))
    said = [
        one for one in (stand.doses.values() if stand else ()) if one.level.level or one.measure.column != alert.column
    ]
    rows += [_dose(one, alert.modality) for one in said]
    if not rows:
        return None
    titles = (_("Quantity"), _("Value"), _("Threshold or level"), _("Held against"), _("Source"))
    return Section(_("Dose"), table=Table(titles, tuple(rows)))


def _dose(one: DoseStanding, modality: str | None) -> tuple[str, ...]:
    column, level = one.measure.column, one.level.level
    value = _value(column, one.standing.value, modality)
    if level is None:
        return name_of(column), value, "–", _("no reference level"), "–"
    name = " ".join(part for part in (level.set_name, level.edition) if part)
    return name_of(column), value, _value(column, level.value, modality), _own(name), _own(level.citation)


# ---- why ------------------------------------------------------------------------------------------------------------


def _why(found: Report) -> Section:
    why, here = found.why, language()
    stand = why.standing
    judged = stand.doses.get(stand.judged or "") if stand else None
    lines = [wording.doubt_sentence({"code": one.code, "said": one.said, "expected": one.expected}, here)
             for one in why.doubts]  # fmt: skip
    if stand and judged and judged.size is not None and judged.standing.median is not None:
        lines.append(sentence(judged.standing, judged.size, stand.parts, by_protocol=stand.by_protocol))
        lines.append(size_said(why.weight_kg, judged.size))
    elif judged:
        lines.append(no_rank(judged.standing.n, judged.size))
    if why.causes:
        names = " · ".join(wording.cause_name(one.code, here) for one in why.causes)
        lines.append(_("What may lie behind it, as a suggestion: %(causes)s.", causes=names))
    parts = tuple(_part(one) for one in stand.parts.parts) if stand and stand.parts else ()
    titles = (_("Factor"), _("Here"), _("Median of its like"), _("Multiplies the dose by"))
    empty = _("Nothing is known to compare it with.")
    return Section(_("Why"), lines=tuple(lines), table=Table(titles, parts) if parts else None, empty=empty)


def _part(one: Part) -> tuple[str, ...]:
    unit = UNITS.get(one.name)
    values: tuple[str, ...] = ("–", "–")
    if unit is not None and one.value is not None and one.reference is not None:
        values = tuple(isolated(f"{number_text(value, 3)} {unit}".strip()) for value in (one.value, one.reference))
    return _(FACTORS[one.name]), *values, times(one.ratio)


def _near(found: Report) -> Section | None:
    why = found.why
    if why.measure is None or why.own_value is None or not why.near:
        return None
    column, modality = why.measure.column, found.detail.alert.modality
    rows = tuple(
        (isolated(f"#{one.study_id}"), isolated(one.day.isoformat()),
         isolated(f"{number_text(one.weight_kg, 3)} kg") if one.weight_kg is not None else "–",
         _value(column, one.value, modality))
        for one in why.near
    )  # fmt: skip
    return Section(_("The most alike"), table=Table((_("Study"), _("Day"), _("Weight"), name_of(column)), rows))


# ---- what people made of it -----------------------------------------------------------------------------------------


def _history(found: Report, *, texts: bool) -> Section:
    titles = (_("When"), _("Who"), _("Step"), _("Text"))
    rows = tuple(
        (_moment(one.at), _("the system") if one.by == "system" else isolated(one.by), _step(one), _text(one, texts))
        for one in found.detail.steps
    )
    return Section(_("History of the investigation"), table=Table(titles, rows))


def _step(one: StepRow) -> str:
    """What was done; of follow-up which step."""
    said, kind = _(STEPS[one.action]) if one.action in STEPS else one.action, str(one.detail.get("kind"))
    return f"{said}: {_(FOLLOW_UPS[kind])}" if kind in FOLLOW_UPS else said


def _text(one: StepRow, texts: bool) -> str:
    if one.text is None:
        return _("withheld: it may name a person") if one.hidden else ""
    return _own(one.text) if texts else _("withheld: it may name a person")


def _judged(found: Report) -> Section:
    alert, here = found.detail.alert, language()
    declared = {True: _("yes"), False: _("no"), None: _("not judged yet")}[alert.reportable]
    facts = (
        (_("Cause"), said_in(found.cause.names, here) if found.cause else _("none yet")),
        (_("Reason given by who was there"), said_in(found.reason.names, here) if found.reason else "–"),
        (_("Closed"), _moment(alert.closed_at)), (_("To be declared"), declared),
    )  # fmt: skip
    criteria = tuple(
        f"{isolated(one.jurisdiction)}: {criterion_text(one, here)} ({_own(one.citation)})" for one in found.criteria
    )
    return Section(_("Judgement"), facts, criteria)


def _follow_up(found: Report, *, texts: bool) -> Section:
    titles = (_("What"), _("Due"), _("Done"), _("By"), _("Outcome"))
    rows: list[tuple[str, ...]] = [
        (word(FOLLOW_UPS, one.kind) or one.kind, isolated(one.due_on.isoformat()), _moment(one.done_at),
         _own(one.done_by), _own(one.outcome) if texts else _withheld(one))
        for one in found.detail.follow_ups
    ]  # fmt: skip
    return Section(
        _("Follow-up of the patient"), table=Table(titles, tuple(rows)) if rows else None, empty=_("None is planned.")
    )


def _withheld(one: Any) -> str:  # noqa: ANN401 - a step of follow-up
    return _("withheld: it may name a person") if one.done_at is not None else "–"
