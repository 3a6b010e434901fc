"""Pieces of the first page: what arrives, what needs a person, how many and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dash import dcc, html

from dash_app.components.compliance_parts import group_text
from dash_app.components.filter_parts import measure_label
from dash_app.components.parts import attributes, badge, chart_surface, empty, icon, section, table
from dash_app.components.study_rows import COLUMNS
from dash_app.components.values import ago, amount, free, local_time, ltr, plain_number, symbol, told
from dash_app.figures.style import between, count_text, studies_address, trend_address
from dash_app.filters import address
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dash_app.procedure_names import procedure_text
from dash_app.theme import config
from dose.quantities import number_text
from dose.queries import StudyRow
from dose.queries.attention import IN_PROGRESS_MINUTES, Attention, Live, Over
from dose.queries.choice import Choice, all_of, one_of
from dose.queries.people import PatientDoses
from dose.queries.today import DoseRow, Overview, Period
from dose.statistics.measures import measures_of


def counted(text: str, count: int) -> str:
    """A text made by `ngettext`, its number with parted thousands."""
    return text.replace(isolated(str(count)), isolated(count_text(count)))


def studies_text(count: int) -> str:
    """So many studies."""
    return counted(ngettext("%(n)s study", "%(n)s studies", count), count)


def chart(figure: Mapping[str, Any], chart_id: str, title: str) -> html.Div:
    """A figure whose marks lead to their studies; left to right in every language, as axes are."""
    height = f"{figure['layout']['height']}px"
    graph = dcc.Graph(id=chart_id, figure=figure, config=config(), responsive=True, style={"height": height})
    return chart_surface(graph, title)


# ---- today ----------------------------------------------------------------------------------------------------------


def arrivals(found: Live) -> html.Div:
    """How many came today and which are the latest; what seems to go on is said to be a guess."""
    day = found.day.isoformat()
    links = [
        dcc.Link([html.Span(modality or "?", className="modality"), plain_number(n)],
                 href=address({"from": day, "to": day, "modality": modality}), className="tally")
        for modality, n in found.by_modality
    ]  # fmt: skip
    total = dcc.Link(studies_text(found.studies), href=address({"from": day, "to": day}), className="strong")
    running = len(found.in_progress)
    said = ngettext("%(n)s in progress", "%(n)s in progress", running)
    guess = _("Inferred: an object arrived within the last %(n)s minutes.", n=isolated(str(IN_PROGRESS_MINUTES)))
    head = [total, badge(said, "blue", "clock", guess) if running else None, *links]
    if not found.studies:
        text = _("Nothing has arrived today. New studies appear here by themselves.")
        return html.Div([html.Div(head[:1], className="tallies"), html.P(text, className="quiet")], className="panel")
    rows = html.Ul([_arrived(row, row.id in found.in_progress) for row in found.rows], className="arrivals")
    last = html.Span([_("last arrival"), " ", ago(found.last_arrival)], className="quiet")
    return html.Div(
        [html.Div(head, className="tallies"), rows, html.P([html.Span(guess) if running else None, last],
                                                          className="quiet panel-foot")],
        className="panel",
    )  # fmt: skip


def _arrived(row: StudyRow, running: bool) -> html.Li:
    clock = local_time(row.started_at)[1][:5]
    name = row.description or next(iter(row.protocols), None)
    return html.Li(
        dcc.Link(
            [
                ltr(clock or "–", "clock"),
                html.Span(row.modality or "?", className="modality"),
                html.Span([free(name, "main"), free(row.device_name, "second")], className="arrival-name"),
                html.Span(badge(_("in progress"), "blue", "clock"), className="arrival-state") if running else None,
                _main_dose(row),
            ],
            href=f"/studies/{row.id}",
        )
    )


_SUMS = {quantity: column for column, quantity in COLUMNS.items()} | {"activity_mbq": "activity_sum_mbq"}


def _main_dose(row: StudyRow) -> html.Span:
    """The dose that the modality is judged by, with its symbol; a dash when no event states it."""
    judged = measures_of(row.modality)
    column = judged[0].column if judged else ""
    value = getattr(row, _SUMS.get(column, ""), None)
    if value is None:
        return html.Span(_("no dose stated"), className="arrival-dose missing")
    return html.Span([symbol(column), " ", amount(column, value, row.modality)], className="arrival-dose")


# ---- attention ------------------------------------------------------------------------------------------------------


def attention_list(found: Attention, period: Period, alerts: html.Li | None = None) -> html.Div | html.Ul:
    """Each thing with its number, its reason and where to mend it; a kind word when there is nothing."""
    items = [item for item in (
        alerts, _unnamed(found, period), *_over(found, period), *_silent(found), _refused(found), _notes(found),
        _unconfirmed(found), _backlog(found), _given_up(found),
    ) if item is not None]  # fmt: skip
    if not items:
        return html.Div([icon("ok"), html.Span(_("Nothing needs you."))], className="panel quiet with-icon calm")
    return html.Ul(items, className="panel attention")


def _item(icon_name: str, what: Any, why: Any, href: str | None, then: str = "") -> html.Li:  # noqa: ANN401 - components
    link = dcc.Link([then, icon("next")], href=href, className="attention-then") if href else None
    return html.Li(
        [icon(icon_name), html.Div([html.Div(what, className="main"), html.Div(why, className="second")]), link]
    )


def _unnamed(found: Attention, period: Period) -> html.Li | None:
    if not found.unnamed_studies:
        return None
    names: list[Any] = []
    for one in found.unnamed[:3]:
        link = dcc.Link([free(one.title or _("without a name")), " ", plain_number(one.studies)],
                        href=studies_address(all_of(one.behind, period.choice)))  # fmt: skip
        names += [" · " if names else "", link]
    text = counted(
        ngettext(
            "%(n)s study has a name without a procedure", "%(n)s studies have names without a procedure",
            found.unnamed_studies,
        ), found.unnamed_studies,
    )  # fmt: skip
    return _item("names", told(text), names, "/names", _("Name them"))


MOST_OVER = 5


def _over(found: Attention, period: Period) -> list[html.Li]:
    items = [_one_over(one, period) for one in found.over[:MOST_OVER]]
    more = len(found.over) - MOST_OVER
    if more > 0:
        text = ngettext("%(n)s further median is above its level", "%(n)s further medians are above their levels", more)
        items.append(_item("note", told(text), None, _compliance(period), _("Compliance")))
    return items


def _compliance(period: Period) -> str:
    first, last = (day.isoformat() for day in period.days)
    return address({"from": first, "to": last}, "/levels/compliance")


def _one_over(one: Over, period: Period) -> html.Li:
    percent = isolated(f"{number_text(100 * one.median / one.level.value, 3)}\u00a0%")
    procedure = free(procedure_text(one.procedure_key, one.procedure))
    what = [html.Span(one.modality, className="modality"), " ", procedure, " – ",
            told(_("median at %(percent)s of its level", percent=percent))]  # fmt: skip
    name = " ".join(part for part in (one.level.set_name, one.level.edition) if part)
    median, value = (amount(one.measure.column, number, one.modality) for number in (one.median, one.level.value))
    why = [
        free(one.site), " · ", symbol(one.measure.column), " ", median, " ", ltr(f"(n {count_text(one.n)})"), " · ",
        _("level"), " ", value, " · ", free(name), " · ", free(group_text(one.level.group)), " · ",
        dcc.Link(_("by device over time"), href=trend_address(one.modality, one.measure.key, one.behind)),
    ]  # fmt: skip
    return _item("up", what, why, studies_address(all_of(one.behind, period.choice)), _("The studies"))


def _silent(found: Attention) -> list[html.Li]:
    items = []
    for one in found.silent[:MOST_OVER]:
        quiet = ngettext("silent for %(n)s day", "silent for %(n)s days", one.quiet_days)
        usual = ngettext("its pauses are at most %(n)s day", "its pauses are at most %(n)s days", one.usual_days)
        last = _("last study %(day)s", day=isolated(one.last_day.isoformat()))
        items.append(_item("device", [free(one.name), " – ", told(quiet)], [told(last), " · ", told(usual)],
                           address({"device": str(one.device_id)}), _("Its studies")))  # fmt: skip
    more = len(found.silent) - MOST_OVER
    if more > 0:
        text = ngettext("%(n)s further device is silent", "%(n)s further devices are silent", more)
        items.append(_item("device", told(text), None, "/system", _("System")))
    return items


def _refused(found: Attention) -> html.Li | None:
    if not found.refused:
        return None
    text = counted(
        ngettext("%(n)s object could not be read", "%(n)s objects could not be read", found.refused), found.refused
    )
    return _item(
        "rejected", told(text), _("Kept as received; reading can be tried again."), "/rejected", _("To the list")
    )


def _notes(found: Attention) -> html.Li | None:
    if not found.with_notes:
        return None
    since = found.notes_since.isoformat()
    count = found.with_notes
    text = counted(ngettext("%(n)s study has notes", "%(n)s studies have notes", count), count)
    return _item("note", told(text), told(_("since %(day)s", day=isolated(since))),
                 address({"state": "notes", "from": since}), _("To the list"))  # fmt: skip


def _unconfirmed(found: Attention) -> html.Li | None:
    if not found.unconfirmed:
        return None
    count = sum(levels for _number, _name, levels in found.unconfirmed)
    text = ngettext("%(n)s level waits to be confirmed", "%(n)s levels wait to be confirmed", count)
    names = [part for _number, name, _levels in found.unconfirmed[:3] for part in (" · ", free(name))][1:]
    return _item("info", told(counted(text, count)), names, "/levels", _("Reference levels"))


def _backlog(found: Attention) -> html.Li | None:
    waiting = (found.backlog or 0) + found.uncounted
    if not waiting:
        return None
    read = counted(ngettext("%(n)s object waits to be read", "%(n)s objects wait to be read", found.backlog or 0),
                   found.backlog or 0)  # fmt: skip
    count = counted(
        ngettext("%(n)s study waits to be counted", "%(n)s studies wait to be counted", found.uncounted),
        found.uncounted,
    )
    parts = [text for text, number in ((read, found.backlog), (count, found.uncounted)) if number]
    return _item("clock", told(" · ".join(parts)), _("The numbers below grow while this is done."),
                 "/system" if found.backlog is not None else None, _("System"))  # fmt: skip


def _given_up(found: Attention) -> html.Li | None:
    if not found.given_up:
        return None
    text = ngettext("%(n)s object was given up", "%(n)s objects were given up", found.given_up)
    return _item("note", told(text), None, "/system", _("System"))


# ---- period ---------------------------------------------------------------------------------------------------------


def span_text(period: Period) -> str:
    """The months of a period, as they are counted."""
    first, last = (f"{month // 100:04}-{month % 100:02}" for month in (period.first, period.last))
    if first == last:
        return _("counted in whole months: %(month)s", month=isolated(first))
    return _("counted in whole months: %(first)s to %(last)s", first=isolated(first), last=isolated(last))


def figures_of(found: Overview) -> html.Div:
    """How many people and studies, and how they share out over modalities; the people are told a moment later."""
    shares = [
        dcc.Link([html.Span(modality or "?", className="modality"), plain_number(n)],
                 href=studies_address(all_of(_of(modality), found.period.choice)), className="tally")
        for modality, n in found.by_modality
    ]  # fmt: skip
    return html.Div(
        [
            _figure(_("Patients"), html.Span(className="bone"), None, Id.TODAY_PATIENTS),
            _figure(_("Studies"), plain_number(found.studies), studies_address(found.period.choice)),
            html.Div(shares, className="tallies"),
        ],
        className="figures",
    )


def _of(modality: str) -> Choice:
    return one_of("modality", modality or None)


def _figure(title: str, value: Any, href: str | None, name: str = "") -> html.Div:  # noqa: ANN401 - a component
    shown = dcc.Link(value, href=href) if href else value
    number = html.Div(shown, id=name or title, className="card-value")
    return html.Div([html.Div(title, className="card-name"), number], className="card")


def by_procedure(chosen: DoseRow | None, period: Period) -> dcc.Link | None:
    """The way to what each procedure gives of the chosen measure."""
    if chosen is None:
        return None
    first, last = (day.isoformat() for day in period.days)
    said = {"measure": f"{chosen.modality}/{chosen.measure.key}", "by": "procedure", "from": first, "to": last}
    return dcc.Link(
        [icon("statistics"), _("by procedure")], href=address(said, "/statistics"), className="button small"
    )


def doses_table(rows: Sequence[DoseRow], period: Period, said: Mapping[str, str] | None, chosen: DoseRow | None) -> Any:  # noqa: ANN401
    """A line a measure: n, median, mean and the middle half; with `said` each opens its distribution."""
    if not rows:
        return html.P(_("None of these studies states a dose that statistics take."), className="quiet")
    titles = ["n", _("Median"), _("Mean"), _("P25 – P75"), _("Left out")]
    head = [html.Th(_("Measure"), scope="col"), *(html.Th(title, className="dose", scope="col") for title in titles)]
    lines = [_dose_row(row, period, titles, said, row == chosen) for row in rows]
    return table(head, lines, "compact stack statistics-table")


def _dose_row(
    row: DoseRow, period: Period, titles: list[str], said: Mapping[str, str] | None, current: bool
) -> html.Tr:
    one, column, modality = row.summary, row.measure.column, row.modality
    middle = between(column, (one.p25, one.p75), modality) if one.p25 is not None and one.p75 is not None else "–"
    count = dcc.Link(plain_number(one.n), href=studies_address(all_of(row.behind, period.choice)))
    values = [
        count, amount(column, one.median, modality), amount(column, one.mean, modality), html.Bdi(middle, dir="ltr"),
        plain_number(one.left_out) if one.left_out else "–",
    ]  # fmt: skip
    cells = [html.Td(value, className="dose nothing" if value == "–" else "dose", **attributes(data_label=title))
             for value, title in zip(values, titles, strict=True)]  # fmt: skip
    name: Any = [html.Span(modality, className="modality"), " ", symbol(column), " ",
                 html.Span(measure_label(row.measure), className="second")]  # fmt: skip
    if said is not None:
        target = address({**said, "measure": f"{modality}/{row.measure.key}"}, "/today")
        name = dcc.Link(name, href=target, title=_("Show its distribution"))
    kind = " ".join(word for word, yes in (("few", not one.is_enough), ("selected", current)) if yes)
    return html.Tr([html.Th(name, scope="row"), *cells], className=kind)


def people(found: PatientDoses, period: Period) -> html.Section:
    """What each person received of one quantity in the period."""
    text = _("Sums of each patient's studies in these months, by modality and phantom.")
    return section(_("Dose per patient"), [html.P(text, className="quiet chart-note"),
                                           doses_table(found.doses, period, None, None)])  # fmt: skip


def nothing(first: date | None) -> html.Div:
    """What an empty period means and what to do."""
    if first is None:
        text = _("Send a study with a dose report (RDSR) to Orthanc; it is counted here some seconds later.")
        return empty(_("No doses yet"), html.P(text), "studies")
    longer = dcc.Link(_("From the first study on"), href=address({"from": first.isoformat()}, "/today"),
                      className="button")  # fmt: skip
    return empty(_("No study in this period"), [html.P(_("Choose a longer or another period.")), longer], "today")


def take_away(said: Mapping[str, str], may_export: bool, charts: Mapping[str, str]) -> html.Details | None:
    """Links to all numbers of the page as a table, and its charts, by id and title, as pictures; for who may export."""
    if not may_export:
        return None
    links: list[Any] = [
        html.A([icon("down"), name], href=address({**said, "format": kind}, "/today/export"), download="",
               className="menu-item")
        for kind, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ]  # fmt: skip
    links += [
        html.Button([icon("down"), html.Bdi(f"PNG · {title}")], className="menu-item", type="button",
                    **attributes(data_action=chart_id, data_target=Id.TODAY_PNG.value))
        for chart_id, title in charts.items()
    ]  # fmt: skip
    summary = html.Summary([icon("down"), _("Export")], className="button small")
    return html.Details([summary, html.Div(links, className="menu")], className="menu-button")
