"""A comparison of two periods or devices as it is shown before it is signed, and as it was when it was signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from dash import dcc, html

from dash_app.components.compliance_parts import WHY, group_text, patients_text
from dash_app.components.filter_parts import measure_label
from dash_app.components.parts import attributes, badge, chart_surface, icon, section, table
from dash_app.components.values import DASH, amount, free, listed, ltr, plain_number, symbol
from dash_app.figures.comparison import charted, comparison_figure, signed_percent
from dash_app.figures.style import between, captioned, sets_text, shown, studies_address
from dash_app.i18n import N_, _, isolated
from dash_app.ids import Id
from dash_app.procedure_names import procedure_said, sorted_by_name
from dash_app.theme import config
from dose.levels.compare import NO_LEVEL
from dose.levels.groups import Group
from dose.queries.choice import Choice, all_of, negated, one_of
from dose.queries.compliance import Place, chosen_group
from dose.statistics.measures import EVENT, MEASURES, Measure

KINDS = {
    "yearly": N_("Yearly comparison"),
    "before-after": N_("Before and after a change"),
    "local-levels": N_("Levels made here"),
}
SURE = 0.05
Content = Mapping[str, Any]


def comparison_tables(content: Content) -> list[Any]:
    """The lines of a comparison, a table a modality; those of too few patients folded; how they were computed."""
    heads = [place_text(content[side]) for side in ("former", "latter")]
    lines = _named(content["lines"])
    enough = [line for line in lines if line["enough"]]
    few = [line for line in lines if not line["enough"]]
    method = html.P(html.Bdi(content["method"], dir="ltr"), className="quiet method")
    none = html.P(_("Nothing has enough patients on both sides."), className="quiet") if not enough else None
    told = Told(content)
    return [none, *_by_modality(enough, heads, told), _folded(few, heads), _applied(content), method]


def picture(content: Content) -> Any:  # noqa: ANN401 - a component
    """The changes of the medians as one chart; None where nothing has enough patients."""
    lines, told = charted(_named(content["lines"])), Told(content)
    if not lines:
        return None
    figure = comparison_figure(lines, lambda line: told.behind(line, "latter"))
    sets = dict.fromkeys(" ".join(part for part in (one["set_name"], one["edition"]) if part)
                         for one in content.get("levels", ()))  # fmt: skip
    figure = captioned(figure, " → ".join(place_text(content[side]) for side in ("former", "latter")), sets_text(sets))
    title = _("Change of the medians")
    graph = dcc.Graph(id=Id.COMPARISON_CHART, figure=figure, config=config(), responsive=True,
                      style={"height": f"{figure['layout']['height']}px"})  # fmt: skip
    chart = chart_surface(graph, title)
    return html.Div(section(title, [chart]), className="level-chart")  # a phone has the cards alone


def _named(lines: Sequence[Content]) -> list[Content]:
    """Lines with their procedures in the reader's language, in the order of those names within a modality."""
    named = [{**line, "procedure": procedure_said(line["procedure_id"], line["procedure"])} for line in lines]
    by_modality = groupby(named, key=lambda line: line["modality"])
    return [line for _modality, of in by_modality for line in sorted_by_name(of, lambda one: str(one["procedure"]))]


def _by_modality(lines: Sequence[Content], heads: Sequence[str], told: Told) -> list[Any]:
    return [
        section(ltr(modality), [_table(list(of), heads, told)])
        for modality, of in groupby(lines, key=lambda line: line["modality"])
    ]


def _applied(content: Content) -> html.Details | None:
    """The levels that applied on either side, each with its set, edition, time and source."""
    levels = content.get("levels", ())
    if not levels:
        return None
    called = {
        line["procedure_id"]: procedure_said(line["procedure_id"], line["procedure"]) for line in content["lines"]
    }
    titles = [_("Set"), _("Edition"), _("Procedure"), _("Patients"), _("Level"), _("In force"), _("Citation")]
    rows = [_applied_row(level, called, titles) for level in levels]
    summary = html.Summary([_("Levels that applied"), " ", plain_number(len(levels)), icon("down")],
                           className="button small")  # fmt: skip
    grid = table([html.Th(title, scope="col") for title in titles], rows, "compact stack levels-applied")
    return html.Details([summary, grid], className="more-filters")


def _applied_row(level: Content, called: Mapping[int, str], titles: Sequence[str]) -> html.Tr:
    ends = [level[name] or "…" for name in ("valid_from", "valid_to")]
    phantom = [" ", ltr(f"{level['phantom']} cm", "quiet")] if level["phantom"] else []
    value = [symbol(level["column"]), " ", amount(level["column"], level["value"], level["modality"]), *phantom]
    values: list[Any] = [
        dcc.Link(html.Bdi(level["set_name"]), href=f"/levels/{level['set_id']}"), free(level["edition"]),
        free(called.get(level["procedure_id"])), free(level["population"]), value,
        ltr(" – ".join(ends) if ends != ["…", "…"] else DASH),
        [free(level["citation"]), " ", ltr(f"#{level['id']}", "quiet")],
    ]  # fmt: skip
    return html.Tr(
        [html.Td(value, **attributes(data_label=title)) for value, title in zip(values, titles, strict=True)]
    )


class Told:
    """What cells need of the whole comparison: its places, its groups of patients, and former levels by their id."""

    def __init__(self, content: Content) -> None:
        self.levels = {level["id"]: level for level in content.get("levels", ())}
        self._places = {side: _chosen(content[side]) for side in ("former", "latter")}
        self._groups: defaultdict[tuple[Any, ...], list[Choice]] = defaultdict(list)
        for line in content["lines"]:
            if line["group"]:
                self._groups[_about(line)].append(chosen_group(Group(**line["group"])))

    def behind(self, line: Content, side: str) -> str:
        """The address of the studies of one side of a line."""
        group = [chosen_group(Group(**line["group"]))] if line["group"] else map(negated, self._groups[_about(line)])
        named = (one_of("modality", line["modality"]), one_of("procedure", line["procedure_id"]))
        return studies_address(all_of(self._places[side], *named, *group, one_of("measured", line["measure"])))


def _about(line: Content) -> tuple[Any, ...]:
    return line["modality"], line["procedure_id"], line["measure"]


def _chosen(place: Content) -> Choice:
    first, last = (date.fromisoformat(place[name]) for name in ("first", "last"))
    return Place(first, last, place["site"], place["device"]).chosen


def _folded(lines: Sequence[Content], heads: Sequence[str]) -> Any:  # noqa: ANN401 - a component
    if not lines:
        return None
    summary = html.Summary([_("Too few patients to compare"), " ", plain_number(len(lines)), icon("down")],
                           className="button small")  # fmt: skip
    titles = [_("Procedure"), _("Patients"), _("Measure"), *heads, _("Change")]
    rows = [html.Tr([html.Td(text, dir="auto") for text in _plain(line)]) for line in lines]
    grid = table([html.Th(title, scope="col") for title in titles], rows, "compact few-lines")
    return html.Details([summary, grid], className="more-filters")


def _plain(line: Content) -> list[str]:
    """A line as plain texts: there are many, and each part of a cell costs the browser time."""
    measure, modality = MEASURES[line["measure"]], line["modality"]
    group = group_text(Group(**line["group"]) if line["group"] else None)
    sides = [
        f"{shown(measure.column, side['median'], modality)} · n {isolated(str(side['patients']))}"
        for side in (line["former"], line["latter"])
    ]
    change = isolated(signed_percent(line["change"]["share"])) if line["change"] else DASH
    return [line["procedure"], group, f"{modality} · {measure_label(measure)}", *sides, change]


def place_text(place: Content) -> str:
    """A period, and the site or device that it is of."""
    first, last = place["first"], place["last"]
    year = first[:4] if (first[4:], last) == ("-01-01", f"{first[:4]}-12-31") else f"{first} – {last}"
    return listed([*(place[name] for name in ("site_name", "device_name") if place.get(name)), isolated(year)])


def _table(lines: Sequence[Content], heads: Sequence[str], told: Told) -> html.Div:
    titles = [_("Measure"), *heads, _("Change")]
    head = [html.Th(text, scope="col") for text in (_("Procedure"), _("Patients"), *titles)]
    rows, former = [], None
    for line in lines:
        key = (line["procedure_id"], line["procedure"])
        rows.append(_row(line, titles, key != former, told))
        former = key
    return table(head, rows, "compact stack compliance-grid comparison-grid")


def _row(line: Content, titles: Sequence[str], first: bool, told: Told) -> html.Tr:
    measure = MEASURES[line["measure"]]
    group = Group(**line["group"]) if line["group"] else None
    sides = (
        _side(line[side], measure, line["modality"], told.behind(line, side), told.levels)
        for side in ("former", "latter")
    )
    values = [_measure(measure), *sides, _change(line)]
    cells = [html.Td(value, **attributes(data_label=title)) for value, title in zip(values, titles, strict=True)]
    name = html.Th(free(line["procedure"]), scope="row", className="" if first else "again")
    classes = " ".join(word for word, yes in (("first", first), ("few", not line["enough"])) if yes)
    return html.Tr([name, html.Td(group_text(group)), *cells], className=classes)


def _measure(measure: Measure) -> list[Any]:
    found = [symbol(measure.column), " ", html.Span(_("event") if measure.level == EVENT else _("study"),
                                                    className="quiet")]  # fmt: skip
    return [*found, " ", ltr(f"{measure.phantom} cm", "quiet")] if measure.phantom else found


def _side(side: Content, measure: Measure, modality: str, behind: str, levels: Mapping[int, Content]) -> Any:  # noqa: ANN401 - a component
    if side["median"] is None:
        return html.Span(DASH, className="missing")
    column = measure.column
    ends = side["median_interval"]
    interval = ends and between(column, (ends[0], ends[1]), modality)
    level = side["level"]
    beside: list[Any] = [_(WHY.get(side["why"], WHY[NO_LEVEL]))]
    if level:
        beside = [_("level"), " ", amount(column, level["value"], modality)]
    title = level and " · ".join(str(part) for part in (level["set"], level["edition"], f"#{level['id']}") if part)
    for former in (levels[one] for one in side.get("former_levels", ()) if one in levels):
        beside += [", ", _("before that"), " ", amount(column, former["value"], modality)]
    middle: list[Any] = [dcc.Link(html.Strong(amount(column, side["median"], modality)), href=behind)]
    if interval:
        middle += [" ", html.Span(["(", html.Bdi(interval, dir="ltr"), ")"], className="quiet")]
    upper: list[Any] = [html.Bdi([_("P75"), " ", amount(column, side["p75"], modality)]), " · "]
    upper.append(patients_text(side["patients"]))
    return html.Div(
        [
            html.Span(middle),
            html.Span(upper, className="values"),
            html.Span(beside, className="values", title=title or None),
        ],
        className="side",
    )


def _change(line: Content) -> Any:  # noqa: ANN401 - a component
    change = line["change"]
    if change is None:
        return html.Span(DASH, className="missing")
    told: list[Any] = [html.Strong(ltr(signed_percent(change["share"]), "num"))]
    if change["interval"]:
        ends = " – ".join(signed_percent(end) for end in change["interval"])
        told.append(html.Span(["(", ltr(ends), ")"], className="quiet"))
    said = [html.Span(told, className="verdict")]
    if MEASURES[line["measure"]].level == EVENT:  # the medians beside are of all acquisitions, and may move otherwise
        said.append(html.Span(_("one value a patient"), className="values"))
    if not line["enough"]:
        return html.Div([*said, badge(_("n too small"), "neutral", "note")], className="side")
    if change["p"] is not None:
        said.append(html.Span(ltr(f"p {p_text(change['p'])}"), className="values"))
    if change["interval"] and change["interval"][0] <= 0 <= change["interval"][1]:
        return html.Div([*said, badge(_("no sure change"), "fine", "ok")], className="side")
    kind, icon_name, text = ("amber", "up", _("higher")) if change["share"] > 0 else ("blue", "down", _("lower"))
    return html.Div([*said, badge(text, kind, icon_name)] if change["interval"] else said, className="side")


def p_text(p: float) -> str:
    """A p value: three digits after the point, none smaller than 0.001."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
