"""A chart on its surface, the table of its groups, and what can be taken away: CSV, XLSX, PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from dash import dcc, html
from sqlalchemy.orm import Session

from dash_app.components.compliance_parts import group_text
from dash_app.components.parts import attributes, chart_surface, icon, table
from dash_app.components.values import DASH, plain_number
from dash_app.figures.style import Level, count_text, group_name, shown, studies_address
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id
from dash_app.theme import config
from dose.levels.compare import Asked
from dose.levels.compare import Level as ReferenceLevel
from dose.levels.groups import EVERYBODY
from dose.levels.groups import Group as Patients
from dose.quantities import display, display_unit, number_text
from dose.queries.choice import All, Choice, Term, all_of, one_of
from dose.queries.groups import By
from dose.queries.levels import active_levels
from dose.queries.statistics import Group, Question, Statistics, behind_group
from dose.scope import Scope
from dose.statistics.summary import ENOUGH

BY_NAMES = {
    By.SITE: N_("Site"),
    By.DEVICE: N_("Device"),
    By.PROCEDURE: N_("Procedure"),
    By.PROTOCOL: N_("Protocol"),
    By.OPERATOR: N_("Operator"),
    By.AGE: N_("Age"),
    By.WEIGHT: N_("Weight"),
    By.SEX: N_("Sex"),
    By.YEAR: N_("Year"),
    By.QUARTER: N_("Quarter"),
    By.MONTH: N_("Month"),
    By.DAY: N_("Day"),
}
ROWS = 200  # groups in the table of a page; the export holds all


def chart(figure: Mapping[str, Any], chart_id: str = Id.STATISTICS_CHART, title: str = "") -> html.Div:
    """A figure whose marks lead to their studies; left to right in every language, as axes are."""
    height = figure["layout"]["height"]
    graph = dcc.Graph(id=chart_id, figure=figure, config=config(), responsive=True, style={"height": f"{height}px"})
    return chart_surface(graph, title)


LEVELS = 8  # lines on one chart


def levels_of(session: Session, scope: Scope, question: Question, day: date) -> list[Level]:
    """The reference levels of the one procedure that a choice names: the versions that apply on a day, with theirs.

    None where the choice names no procedure, or several: a level belongs to one. Where it names ages or weights, the
    level of a group that holds all of them.
    """
    parts = question.choice.parts if isinstance(question.choice, All) else (question.choice,)
    named = [part.values for part in parts if isinstance(part, Term) and part.field == "procedure"]
    if len(named) != 1 or len(named[0]) != 1 or not isinstance(named[0][0], int):
        return []
    wanted, group = Asked(question.measure, question.modality, named[0][0], day), _group(parts)
    levels = active_levels(session, scope)
    choices = levels.groups(wanted) if group == EVERYBODY else (levels.for_group(wanted, group),)
    found = [choice.level for choice in choices if choice.level is not None]
    return [Level(one.value, _level_text(one), _iso(one.valid_from), _iso(one.valid_to)) for one in found[:LEVELS]]


def numbered(levels: Sequence[Level]) -> tuple[list[Level], list[str]]:
    """Several levels as numbers, which cannot run into each other, and what the numbers mean; one keeps its words."""
    if len(levels) < 2:
        return list(levels), []
    marked = [replace(level, label=count_text(number)) for number, level in enumerate(levels, 1)]
    return marked, [level.label for level in levels]


def level_list(names: Sequence[str]) -> html.Ol | None:
    """What the numbers of lines mean, in their order."""
    return html.Ol([html.Li(html.Bdi(name)) for name in names], className="quiet level-names") if names else None


def _group(parts: Sequence[Choice]) -> Patients:
    """The ages and weights of a choice as a group of patients; a border that two parts state is the later's."""
    fields = {("age_years", ">="): "age_from_years", ("age_years", "<"): "age_to_years",
              ("weight_kg", ">="): "weight_from_kg", ("weight_kg", "<"): "weight_to_kg"}  # fmt: skip
    terms = (part for part in parts if isinstance(part, Term) and (part.field, part.op) in fields)
    return Patients(**{fields[term.field, term.op]: float(term.values[0] or 0.0) for term in terms})  # type: ignore[arg-type]


def _level_text(one: ReferenceLevel) -> str:
    value = shown(one.column, one.value, one.modality)
    edition = f" {isolated(one.edition)}" if one.edition else ""
    return f"{one.set_name}{edition} · {group_text(one.group)}: {value}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def left_out_note(found: Statistics) -> Any:  # noqa: ANN401 - a component
    """How many values were stated but kept out, with the studies they are in."""
    count = found.whole.left_out
    if not count:
        return None
    text = ngettext(
        "%(n)s value is flagged or zero and left out", "%(n)s values are flagged or zero and left out", count
    )
    question = found.question
    where = all_of(one_of("modality", question.modality), question.choice, one_of("left_out", question.measure.key))
    return dcc.Link([icon("note"), text], href=studies_address(where), className="quiet left-out")


def small_note(found: Statistics) -> Any:  # noqa: ANN401 - a component
    """What grey means, where something is grey."""
    if all(group.summary.is_enough or not group.summary.n for group in found.groups):
        return None
    return html.Span(_("Grey: fewer than %(n)s values", n=isolated(str(ENOUGH))), className="quiet")


def summary_table(found: Statistics) -> html.Div:
    """A row a group, and one of all together; each leads to its studies."""
    names = [_(BY_NAMES[by]) for by in found.by] or [""]
    titles = [
        "n", _("Median"), _("95 % CI of the median"), _("Mean"), _("SD"), _("P5"), _("P25"), _("P75"),
        _("95 % CI of P75"), _("P95"), _("Smallest"), _("Largest"), _("Left out"),
    ]  # fmt: skip
    unit = _unit(found)
    head = [html.Th(" · ".join(names), scope="col"), *(_head(title, unit) for title in titles)]
    groups = found.groups[:ROWS] if found.by else ()
    rows = [_row(found, group, group_name(found.by, group), titles) for group in groups]
    whole = Group((), (), found.whole)
    rows.append(_row(found, whole, _("All together"), titles, whole=True))
    more = len(found.groups) - len(groups) + found.more if found.by else 0
    note = (
        ngettext("%(n)s further group is in the export", "%(n)s further groups are in the export", more)
        if more
        else None
    )
    return html.Div(
        [table(head, rows, "compact stack statistics-table"), html.P(note, className="quiet") if note else None]
    )


def _unit(found: Statistics) -> str:
    """The unit of a whole column: said once, in its head."""
    column, modality = found.question.measure.column, found.question.modality
    return "min:s" if display(column, 1.0, modality)[1] == "min:s" else display_unit(column, modality)[0]


def _labelled(title: str, unit: str) -> str:
    """The head of a column as a phone shows it beside each value."""
    return title if _is_count(title, unit) else f"{title} ({isolated(unit)})"


def _is_count(title: str, unit: str) -> bool:
    return title in ("n", _("Left out")) or unit == "1"


def _head(title: str, unit: str) -> html.Th:
    shown = None if _is_count(title, unit) else html.Span(unit, className="unit", dir="ltr")
    return html.Th([title, shown], className="dose", scope="col")


def _row(found: Statistics, group: Group, name: str, titles: list[str], whole: bool = False) -> html.Tr:
    one, question = group.summary, found.question
    target = studies_address(question.behind if whole else behind_group(found, group))
    values = [
        plain_number(one.n), _number(found, one.median), _interval(found, one.median_interval),
        _number(found, one.mean), _number(found, one.sd), _number(found, one.p5), _number(found, one.p25),
        _number(found, one.p75), _interval(found, one.p75_interval), _number(found, one.p95),
        _number(found, one.low), _number(found, one.high), plain_number(one.left_out) if one.left_out else DASH,
    ]  # fmt: skip
    cells = [html.Td(value, className="dose", **attributes(data_label=_labelled(title, _unit(found))))
             for value, title in zip(values, titles, strict=True)]  # fmt: skip
    kind = " ".join(word for word, yes in (("few", not one.is_enough), ("whole", whole)) if yes)
    title = _("fewer than %(n)s values", n=isolated(str(ENOUGH))) if not one.is_enough else None
    return html.Tr([html.Th(dcc.Link(html.Bdi(name), href=target), scope="row"), *cells], className=kind, title=title)


def _text(found: Statistics, value: float) -> str:
    column, modality = found.question.measure.column, found.question.modality
    number, unit = display(column, value, modality)
    return number if unit == "min:s" else number_text(value * display_unit(column, modality)[1])


def _number(found: Statistics, value: float | None) -> html.Bdi:
    if value is None:
        return html.Bdi(DASH, className="missing", dir="ltr")
    return html.Bdi(_text(found, value), className="num", dir="ltr")


def _interval(found: Statistics, interval: tuple[float, float] | None) -> html.Bdi:
    text = DASH if interval is None else " – ".join(_text(found, value) for value in interval)
    return html.Bdi(text, dir="ltr", className="missing" if interval is None else "num")


def take_away(said: Mapping[str, str], may_export: bool) -> html.Details | None:
    """Links to the table of all groups, and the chart as a picture; nothing for who may not export."""
    if not may_export:
        return None
    links = [
        html.A([icon("down"), name], href=address({**said, "format": kind}, "/statistics/export"), download="",
               className="menu-item")
        for kind, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ]  # fmt: skip
    picture = html.Button([icon("down"), "png".upper()], className="menu-item",
                          **attributes(data_action="png", data_target=Id.STATISTICS_PNG))  # fmt: skip
    summary = html.Summary([icon("down"), _("Export")], className="button small")
    return html.Details([summary, html.Div([*links, picture], className="menu")], className="menu-button")


def shown_of(shown: int, total: int) -> html.P | None:
    """That a chart draws a part of what there is."""
    if shown >= total:
        return None
    text = _("%(shown)s of %(total)s are drawn, the same ones every time; the line goes through all.",
             shown=isolated(count_text(shown)), total=isolated(count_text(total)))  # fmt: skip
    return html.P(text, className="quiet chart-note")
