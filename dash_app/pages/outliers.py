"""Studies whose dose is far from that of their own protocol, device and size: how far, why, and their images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from dash_app.components import filter_parts
from dash_app.components.outlier_parts import bar_key, dose_cell, images_link, sentence, waterfall
from dash_app.components.parts import attributes, badge, empty, icon, page_head
from dash_app.components.period_parts import Amiss, wrong_period
from dash_app.components.values import free, local_time, symbol, told
from dash_app.context import note, note_view, reading, scope
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dash_app.pages import views, where
from dash_app.procedure_names import procedure_text
from dose import audit
from dose.quantities import number_text
from dose.queries import filter_choices
from dose.queries.choice import Choice, NotAChoice, all_of, one_of, text_of
from dose.queries.outliers import (
    FEW,
    HIGH,
    LOW,
    NAMELESS,
    NO_DEVICE,
    NO_DOSE,
    NO_SIZE,
    PHANTOMS,
    Outlier,
    Outliers,
    Wish,
    newest_day,
    outliers,
)
from dose.queries.table_export import CONTENT, Cell, as_table
from dose.scope import Permission, Scope
from dose.statistics.outliers import STANDS_OUT

PATH = "/outliers"
PAGE_SIZE, DAYS, EXPORTED = 25, 90, 1000
SIDES = {"": N_("higher and lower"), HIGH: N_("higher"), LOW: N_("lower")}
LEAST = ("2.5", "3.5", "5")
REASONS = {
    FEW: N_("fewer than 30 alike"),
    NO_DOSE: N_("no dose that statistics take"),
    NO_SIZE: N_("neither weight nor age"),
    NAMELESS: N_("neither protocol nor procedure"),
    NO_DEVICE: N_("no device"),
    PHANTOMS: N_("both phantoms in one study"),
}
blueprint = Blueprint("outliers", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; days None: as the data has it. `reason` says why its filter was not understood."""

    first: date | None
    last: date | None
    choice: Choice
    where: Choice
    least: float
    side: str
    page: int
    reason: NotAChoice | None

    def wish(self, newest: date) -> Wish:
        """The question; without days the last ninety up to the newest study."""
        last = self.last or newest
        first = self.first or last - timedelta(days=DAYS - 1)
        start, end = (int(f"{one.year:04}{one:%m%d}") for one in (min(first, last), last))
        return Wish(start, end, self.choice, self.least, self.side)


def asked(search: str | None) -> Asked:
    """What an address asks for; what makes no sense in it is as if it were not there."""
    said = parameters(search)
    chosen, reason = filter_parts.read(said.get("where"))
    device, modality = number(said.get("device")), said.get("modality", "")
    parts = [one_of("device", device)] if device else []
    parts += [one_of("modality", modality)] if modality.isalnum() and len(modality) <= 16 else []
    least = float(said["least"]) if said.get("least") in LEAST else STANDS_OUT
    side = said.get("side", "") if said.get("side", "") in SIDES else ""
    return Asked(day(said.get("from")), day(said.get("to")), all_of(chosen, *parts), chosen, least, side,
                 number(said.get("page")) or 1, reason)  # fmt: skip


def layout(search: str = "") -> html.Div:
    """The page around the list; the controls hold what the address says."""
    said, wish = parameters(search), asked(search)
    count = html.Span(id=Id.OUTLIERS_COUNT, className="quiet", role="status")
    bones = [html.Div(className="bone block", style={"height": "92px"}) for _n in range(5)]
    lead = _("Studies far from the doses of their own protocol, device and size of patient. Far is not wrong: it is a "
             "question for the images.")  # fmt: skip
    return html.Div(
        [
            page_head(_("Outliers"), [count, views.menu()]),
            html.P(lead, className="lead"),
            html.Div(_controls(said, wish), className="filter-row"),
            where.builder(text_of(wish.where)),
            html.Div(id=Id.OUTLIERS_CHIPS, className="chips"),
            html.Div(bones, id=Id.OUTLIERS_BODY),
        ],
        className="outliers-page",
    )


def _controls(said: Mapping[str, str], wish: Asked) -> list[Any]:
    days = [
        dmc.TextInput(id=filter_id(name), label=label, value=said.get(name, ""), inputProps={"type": "date"}, size="xs",
                      debounce=400)
        for name, label in (("from", _("From")), ("to", _("To")))
    ]  # fmt: skip
    open_select: dict[str, Any] = {"size": "xs", "clearable": True, "comboboxProps": {"width": "max-content"}}
    modality = dmc.Select(id=filter_id("modality"), label=_("Modality"), value=said.get("modality"), data=[],
                          placeholder=_("All"), **open_select)  # fmt: skip
    device = dmc.Select(id=filter_id("device"), label=_("Device"), value=said.get("device"), data=[],
                        placeholder=_("All"), searchable=True, **open_select)  # fmt: skip
    side = dmc.Select(id=filter_id("side"), label=_("Dose"), value=wish.side, allowDeselect=False, size="xs",
                      data=[{"value": key, "label": _(text)} for key, text in SIDES.items()])  # fmt: skip
    least = dmc.Select(id=filter_id("least"), label=_("Distance from"), value=f"{wish.least:g}", allowDeselect=False,
                       size="xs", data=[{"value": one, "label": one} for one in LEAST])  # fmt: skip
    return [*days, modality, device, side, least]


@callback(
    Output(filter_id("modality"), "data", allow_duplicate=True),
    Output(filter_id("device"), "data", allow_duplicate=True),
    Input(Id.OUTLIERS_BODY, "id"),
    prevent_initial_call="initial_duplicate",
)
def offer_choices(_id: str) -> tuple[list[str], list[dict[str, str]]]:
    """What the selectors offer."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = filter_choices(session, who)
    return list(found.modalities), [{"value": str(key), "label": name} for key, name in found.devices]


@callback(
    Output(Id.OUTLIERS_BODY, "children"),
    Output(Id.OUTLIERS_COUNT, "children"),
    Output(Id.OUTLIERS_CHIPS, "children"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_outliers(search: str | None, pathname: str) -> tuple[Any, ...]:
    """The list of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    ask, said = asked(search), parameters(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        wish, found = _found(session, who, ask, PAGE_SIZE)
        names = filter_parts.names_in(session, who, ask.where)
        wrong = _wrong(session, who, ask, said, found)
    _note(ask, found)
    chips = filter_parts.chips(said, ask.where, names, PATH)
    if wrong:
        return [filter_parts.not_understood(ask.reason), wrong], None, chips
    return _body(ask, wish, found, said), _count(found), chips


def _wrong(session: Session, who: Scope, ask: Asked, said: dict[str, str], found: Outliers | None) -> Any:  # noqa: ANN401
    def instead(one: Amiss) -> str:
        kept = {name: value for name, value in said.items() if name != "page"}
        return address({**kept, "from": one.first.isoformat(), "to": one.last.isoformat()}, PATH)

    nothing = found is None or not (found.ranked or found.unranked)
    return wrong_period(session, who, ask.first, ask.last, instead, nothing=nothing)


def _found(session: Session, who: Scope, ask: Asked, limit: int) -> tuple[Wish | None, Outliers | None]:
    newest = newest_day(session, who)
    if newest is None:
        return None, None
    wish = ask.wish(newest)
    return wish, outliers(session, who, wish, (ask.page - 1) * limit, limit)


def _note(ask: Asked, found: Outliers | None) -> None:
    fields = sorted({term.field for term in filter_parts.terms(ask.choice)})
    note_view(audit.Action.VIEW_STATISTICS, ("outliers", ask), again=False, subject="outliers", filters=fields,
              count=found.total if found else 0)  # fmt: skip


def _count(found: Outliers | None) -> str | None:
    if found is None:
        return None
    return _("%(far)s of %(ranked)s", far=isolated(number_text(found.total, 15)),
             ranked=ngettext("%(n)s study", "%(n)s studies", found.ranked))  # fmt: skip


def _body(ask: Asked, wish: Wish | None, found: Outliers | None, said: dict[str, str]) -> list[Any]:
    warning = filter_parts.not_understood(ask.reason)
    if wish is None or found is None:
        return [warning, empty(_("No studies yet"), html.P(_("Outliers appear here as studies arrive.")), "studies")]
    head = html.Div([html.Span(told(_period(wish)), className="quiet"), bar_key(), _take_away(said)],
                    className="list-head")  # fmt: skip
    if not found.rows:
        return [warning, head, _nothing(found), _unranked(found)]
    images = scope().may(Permission.VIEW_IMAGES)
    rows = [_row(one, images) for one in found.rows]
    return [warning, head, html.Div(rows, className="outliers"), _pager(said, ask.page, found.total), _unranked(found)]


def _period(wish: Wish) -> str:
    first, last = (isolated(f"{one // 10_000:04}-{one // 100 % 100:02}-{one % 100:02}") for one in
                   (wish.first, wish.last))  # fmt: skip
    return _("%(first)s to %(last)s, the furthest first", first=first, last=last)


def _nothing(found: Outliers) -> html.Div:
    if found.ranked:
        return empty(_("No study stands out"), html.P(_("All doses are near those of their like.")), "ok")
    text = html.P(_("Widen the period or the filter. A study needs 30 like it to be ranked."))
    return empty(_("No study has a rank"), text)


def _unranked(found: Outliers) -> Any:  # noqa: ANN401 - a component
    """How many studies have no rank, and why."""
    if not found.unranked:
        return None
    total = ngettext("%(n)s study has no rank:", "%(n)s studies have no rank:", sum(found.unranked.values()))
    reasons = [f"{_(REASONS[key])} {isolated(number_text(count, 15))}" for key, count in found.unranked.items()]
    return html.P([icon("info"), told(f"{total} {' · '.join(reasons)}")], className="quiet with-icon unranked")


def _take_away(said: dict[str, str]) -> Any:  # noqa: ANN401 - a component
    if not scope().may(Permission.EXPORT):
        return None
    links = [
        html.A([icon("down"), name], href=address({**said, "format": form}, f"{PATH}/export"), download="",
               className="button small")
        for form, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ]  # fmt: skip
    return html.Span(links, className="page-aside")


def _row(one: Outlier, images: bool) -> html.Details:
    study, modality = one.study, one.study.modality
    text = sentence(one.standing, one.size, one.parts, by_protocol=one.by_protocol)
    cells = [
        html.Div(_distance(one), className="far"),
        html.Div(_which(one), className="which"),
        html.Div([html.Div([symbol(one.measure.column)], className="second"),
                  *dose_cell(one.standing, one.level, one.measure.column, modality)], className="amount"),
        html.Div(told(text), className="why"),
        html.Div(images_link(study, may=images), className="images"),
    ]  # fmt: skip
    return html.Details([html.Summary(cells), html.Div(_opened(one), className="opened")], className="outlier")


def _distance(one: Outlier) -> list[Any]:
    z = one.standing.distance or 0.0
    sign = "+" if z > 0 else "\N{MINUS SIGN}"
    word = badge(_("high"), "amber", "up") if z > 0 else badge(_("low"), "blue", "down")
    return [html.Bdi(f"{sign}{abs(z):.1f}", dir="ltr", className="num distance"), word]


def _which(one: Outlier) -> list[Any]:
    study = one.study
    when, clock = local_time(study.started_at)
    told_as = one.name if one.by_protocol else procedure_text(study.procedure_key or "", one.name)
    name = study.description or told_as or _("Study without a name")
    link = dcc.Link([html.Span(study.modality or "?", className="modality"), free(name, "main")],
                    href=f"/studies/{study.id}")  # fmt: skip
    second = html.Div([html.Bdi(f"{when} {clock[:5]}".strip(), dir="ltr"), " · ", free(study.device_name)],
                      className="second")  # fmt: skip
    said = told_as if told_as != name else None
    return [link, second, html.Div(free(said), className="second") if said else None]


def _opened(one: Outlier) -> list[Any]:
    standing = one.standing
    facts = _("percentile %(percentile)s of %(n)s alike · %(measure)s",
              percentile=isolated(number_text(standing.percentile or 0.0, 3)), n=isolated(str(standing.n)),
              measure=filter_parts.measure_label(one.measure))  # fmt: skip
    link = dcc.Link([_("To the study"), icon("next")], href=f"/studies/{one.study.id}", className="button small")
    return [waterfall(one.parts), html.Div([html.Span(told(facts), className="quiet"), link], className="opened-foot")]


def _pager(said: dict[str, str], page: int, total: int) -> html.Nav | None:
    last = max(1, -(-total // PAGE_SIZE))
    if last == 1:
        return None
    steps = [(page - 1, _("Previous"), "previous"), (page + 1, _("Next"), "next")]
    links = [dcc.Link([icon(name), text], href=address(said | {"page": str(n)}, PATH), className="button small")
             for n, text, name in steps if 1 <= n <= last]  # fmt: skip
    here = html.Span(_("%(page)s of %(last)s", page=isolated(str(page)), last=isolated(str(last))), className="quiet")
    return html.Nav([here, *links], className="pager", **attributes(aria_label=_("Pages")))


# ---- the table to take away -----------------------------------------------------------------------------------------

HEAD = (
    "study_id", "study_instance_uid", "started_at", "modality", "device", "name", "measure", "value", "median", "n",
    "percentile", "distance", "size_by", "size_from", "size_below", "level", "level_set", "level_edition", "parts",
)  # fmt: skip


@blueprint.get("/outliers/export")
def export() -> Response:
    """The list of an address as CSV or XLSX: the first thousand, values in the unit that ends the measure's name."""
    scope().require(Permission.EXPORT)
    form, ask = request.args.get("format", "csv"), asked(request.query_string.decode("utf-8", "ignore"))
    if form not in CONTENT:
        abort(404)
    with reading(Permission.VIEW_DOSES) as (session, who):
        wish, found = _found(session, who, ask, EXPORTED)
    note(audit.Action.EXPORT, subject="outliers", format=form, count=len(found.rows) if found else 0)
    content = as_table(form, "outliers", _about(ask, wish, found), HEAD, _lines(found))
    told_headers = {"Content-Disposition": f'attachment; filename="outliers.{form}"', "Cache-Control": "no-store"}
    return Response(content, content_type=CONTENT[form], headers=told_headers)


def _about(ask: Asked, wish: Wish | None, found: Outliers | None) -> list[tuple[str, Cell]]:
    ends = [(name, getattr(wish, end) if wish else None) for name, end in (("from", "first"), ("to", "last"))]
    ranked = found.ranked if found else 0
    return [*ends, ("least_distance", ask.least), ("filter", text_of(ask.choice)), ("ranked", ranked)]


def _lines(found: Outliers | None) -> Iterator[list[Cell]]:
    for one in found.rows if found else ():
        study, standing, level = one.study, one.standing, one.level.level
        parts = " ".join(f"{part.name}={part.ratio:.4g}" for part in one.parts.parts) if one.parts else ""
        yield [
            study.id, study.study_instance_uid, study.started_at, study.modality, study.device_name,
            one.name, one.measure.key, standing.value, standing.median, standing.n, standing.percentile,
            standing.distance, one.size.by, one.size.low, one.size.high, level.value if level else None,
            level.set_name if level else None, level.edition if level else None, parts,
        ]  # fmt: skip
