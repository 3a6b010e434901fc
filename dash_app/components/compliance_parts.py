"""The grid of medians against levels: cells with a colour and a word, what applied, and the tabs of these pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import DASH, amount, free, ltr, plain_number, symbol
from dash_app.figures.style import shown, studies_address, trend_address
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.vocabulary import SEXES, word
from dose.levels.compare import ABOVE, BELOW, NO_LEVEL, NO_VALUE, TOO_FEW, Level
from dose.levels.groups import Group
from dose.quantities import number_text
from dose.queries.compliance import AS_LEVEL, Compliance, Line
from dose.statistics.measures import EVENT, MIXED, OF_PHANTOM

TABS = {
    "/levels": N_("Reference levels"),
    "/levels/compliance": N_("Compliance"),
    "/levels/comparison": N_("Comparison"),
    "/levels/benchmark": N_("Benchmark"),
    "/levels/records": N_("Signed records"),
}
LOW, NONE, INCOMPARABLE = "low", "none", "incomparable"
STATES = {
    ABOVE: N_("above the level"),
    AS_LEVEL: N_("as the level"),
    BELOW: N_("at or below"),
    LOW: N_("below the 25th percentile"),
    TOO_FEW: N_("n too small"),
    NONE: N_("no level"),
    INCOMPARABLE: N_("not comparable"),
}
LOOKS = {ABOVE: ("red", "up"), AS_LEVEL: ("amber", "note"), BELOW: ("fine", "ok"), LOW: ("blue", "down")}
WHY = {
    NO_LEVEL: N_("no level"),
    "other-time": N_("no level at this time"),
    "other-group": N_("no level for these patients"),
    "phantom-not-stated": N_("phantom not stated"),
    "phantoms-mixed": N_("both phantoms"),
    "other-phantom": N_("levels are for another phantom"),
    "ambiguous": N_("two levels of one rank differ"),
}
COMPLEXITIES = {"simple": N_("simple"), "medium": N_("medium"), "complex": N_("complex")}


def tabs(current: str) -> html.Nav:
    """The pages about reference levels."""
    links = [
        html.Span(_(text), className="page-tab current", **attributes(aria_current="page"))
        if path == current
        else dcc.Link(_(text), href=path, className="page-tab")
        for path, text in TABS.items()
    ]
    return html.Nav(links, className="page-tabs", **attributes(aria_label=_("Reference levels")))


def state_of(line: Line) -> str:
    """How a cell stands, one of `STATES`."""
    if line.verdict is not None and line.verdict.code != NO_VALUE:
        return LOW if line.verdict.code == BELOW and line.low else line.verdict.code
    incomparable = ("phantom-not-stated", "phantoms-mixed", "ambiguous")
    return INCOMPARABLE if line.choice.why in incomparable else NONE


def group_text(group: Group | None) -> str:
    """A group of patients as people say it."""
    if group is None:
        return _("other patients")
    parts = [_between(borders, unit) for borders, unit in zip(group.ranges(), (_("y"), "kg", "mm"), strict=True)]
    parts += [word(SEXES, group.sex) or "", word(COMPLEXITIES, group.complexity) or ""]
    return " · ".join(part for part in parts if part) or _("all patients")


def _between(borders: tuple[float | None, float | None], unit: str) -> str:
    low, high = borders
    if low is None and high is None:
        return ""
    said = {"low": isolated(number_text(low or 0.0, 3)), "high": isolated(number_text(high or 0.0, 3)), "unit": unit}
    if high is None:
        return _("≥ %(low)s %(unit)s", **said)  # a sentence, not a formula: Arabic says it in words
    return _("%(low)s – < %(high)s %(unit)s", **said) if low else _("< %(high)s %(unit)s", **said)


def bare(text: str) -> str:
    """A text for other programs, without the marks that keep its numbers in order on a page."""
    return re.sub("[\u2066-\u2069]", "", text)


def tallies(found: Compliance, said: Mapping[str, str], path: str) -> html.Div:
    """How many cells stand how; a click keeps only those."""
    counts = Counter(state_of(line) for line in found.lines)
    chosen = said.get("show")
    rest = {name: value for name, value in said.items() if name != "show"}
    links = [
        dcc.Link([plain_number(counts[state]), " ", _(text)], className=f"chip {'current' if state == chosen else ''}",
                 href=address(rest if state == chosen else rest | {"show": state}, path))
        for state, text in STATES.items() if counts[state]
    ]  # fmt: skip
    return html.Div(links, className="chips")


def grid(lines: Sequence[Line]) -> html.Div:
    """The lines of one modality: a row a procedure and group, a column a quantity."""
    columns = sorted({(line.measure.level != EVENT, line.measure.column, line.measure.level) for line in lines})
    head = [html.Th(text, scope="col") for text in (_("Procedure"), _("Patients"))]
    head += [html.Th(_title(column, level), scope="col") for _order, column, level in columns]
    rows = []
    for (_number, name), of in groupby(lines, key=lambda line: (line.procedure_id, line.procedure)):
        for nth, (group, cells) in enumerate(groupby(of, key=lambda line: line.group)):
            by_column: dict[tuple[str, str], list[Any]] = {(column, level): [] for _order, column, level in columns}
            for line in cells:
                by_column[line.measure.column, line.measure.level] += [_cell(line), *_trend(line)]
            rows.append(_row(name, nth == 0, group, by_column))
    return table(head, rows, "compact stack compliance-grid")


def _title(column: str, level: str) -> list[Any]:
    return [symbol(column), " ", html.Span(_("event") if level == EVENT else _("study"), className="quiet")]


def _row(name: str, first: bool, group: Group | None, cells: Mapping[tuple[str, str], list[Any]]) -> html.Tr:
    said = [html.Th(html.Bdi(name), scope="row", className="" if first else "again"), html.Td(group_text(group))]
    said += [
        html.Td([html.Span(_title(*quantity), className="phone-label"), *inner] if inner else [])
        for quantity, inner in cells.items()
    ]
    return html.Tr(said, className="first" if first else "")


def _cell(line: Line) -> dcc.Link:
    state = state_of(line)
    count: list[Any] = [patients_text(line.found.patients)]
    if line.measure.column in OF_PHANTOM and line.measure.phantom not in (None, MIXED):
        count += [" · ", ltr(f"{line.measure.phantom} cm", "unit")]
    level = line.choice.level
    if level is None or line.verdict is None or line.verdict.ratio is None:
        inner = [html.Span(_(WHY.get(line.choice.why, WHY[NO_LEVEL])), className="why"),
                 html.Span([amount(line.measure.column, line.found.summary.median, line.modality), " · ", *count],
                           className="values"), *_before(line)]  # fmt: skip
        return dcc.Link(inner, href=studies_address(line.behind), className=f"stand {state}")
    kind, icon_name = LOOKS.get(state, ("neutral", "note"))
    head = [html.Strong(ltr(percent(line.verdict.ratio), "num")), badge(_(STATES[state]), kind, icon_name)]
    values: list[Any] = [amount(line.measure.column, line.found.summary.median, line.modality), " / ",
                         amount(line.measure.column, level.value, line.modality), " · ", *count]  # fmt: skip
    inner = [html.Span(head, className="verdict"), html.Span(values, className="values"), *_remarks(line)]
    title = level_text(level, line.modality)
    return dcc.Link(inner, href=studies_address(line.behind), className=f"stand {state}", title=title)


def _trend(line: Line) -> list[dcc.Link]:
    """Where a median or a device is above its level: which, and since when."""
    if not line.rooms_above and (line.verdict is None or line.verdict.code != ABOVE):
        return []
    href = trend_address(line.modality, line.measure.key, line.behind)
    return [dcc.Link([icon("statistics"), _("by device over time")], href=href, className="quiet trend")]


def patients_text(count: int) -> html.Bdi:
    """How many patients, with the sign that stands for it in every language."""
    sign = "n\u00a0"
    return html.Bdi([sign, plain_number(count)], dir="ltr")


def percent(ratio: float) -> str:
    """A median in percent of its level; never 100 where it is above."""
    number = number_text(100 * ratio, 3)
    return f"{number_text(100 * ratio, 5) if number == '100' and ratio != 1 else number}\u202f%"


def _remarks(line: Line) -> list[Any]:
    found: list[Any] = []
    if line.verdict is not None and line.verdict.code == TOO_FEW:
        found.append(html.Span(_("%(n)s needed", n=isolated(str(line.verdict.minimum))), className="remark"))
    above = len(line.rooms_above)
    chosen = sum(room.chosen for room in line.found.rooms)
    if above and chosen > 1:
        found.append(html.Span(ngettext("%(n)s device above", "%(n)s devices above", above), className="remark"))
    if line.low:
        found.append(html.Span(_("check the image quality"), className="remark"))
    return [*found, *_before(line)]


def _before(line: Line) -> list[Any]:
    """The level that applied earlier in the period, when it was another."""
    if not line.choice.former:
        return []
    former, level = line.choice.former[0], line.choice.level
    changed = level.valid_from - timedelta(days=1) if level and level.valid_from else None
    day = min((one for one in (former.valid_to, changed) if one), default=None)
    value = shown(former.column, former.value, line.modality)
    text = _("until %(day)s: %(value)s", day=isolated(day.isoformat() if day else DASH), value=value)
    return [html.Span(text, className="values", title=level_text(former, line.modality))]


def level_text(level: Level, modality: str) -> str:
    """A level with its version, as a hover says it."""
    edition = level.edition or (level.valid_from.isoformat() if level.valid_from else "")
    value = shown(level.column, level.value, modality)
    return " · ".join(part for part in (level.set_name, edition, value, level.population, f"#{level.id}") if part)


def applied(lines: Sequence[Line]) -> html.Details | None:
    """The levels that applied, each with its set, edition, time and citation."""
    every = ((one, line) for line in lines for one in (line.choice.level, *line.choice.former) if one is not None)
    levels = {one.id: (one, line) for one, line in every}
    if not levels:
        return None
    titles = [_("Set"), _("Edition"), _("Procedure"), _("Patients"), _("Level"), _("In force"), _("Citation")]
    rows = [_applied_row(level, line, titles) for level, line in levels.values()]
    grid_of = table([html.Th(title, scope="col") for title in titles], rows, "compact stack levels-applied")
    summary = html.Summary([_("Levels that applied"), " ", plain_number(len(levels)), icon("down")],
                           className="button small")  # fmt: skip
    return html.Details([summary, grid_of], className="more-filters")


def _applied_row(level: Level, line: Line, titles: Sequence[str]) -> html.Tr:
    ends = [day.isoformat() if day else "…" for day in (level.valid_from, level.valid_to)]
    cited = [free(level.citation), " ", ltr(f"#{level.id}", "quiet")]
    values: list[Any] = [
        dcc.Link(html.Bdi(level.set_name), href=f"/levels/{level.set_id}"), free(level.edition), free(line.procedure),
        free(level.population), [symbol(level.column), " ", amount(level.column, level.value, line.modality)],
        ltr(" – ".join(ends) if ends != ["…", "…"] else DASH), cited,
    ]  # fmt: skip
    return html.Tr(
        [html.Td(value, **attributes(data_label=title)) for value, title in zip(values, titles, strict=True)]
    )
