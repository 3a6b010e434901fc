"""The study list: everything that arrived, newest first, found by anything."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.dependencies import ALL

from dash_app.components.filter_parts import in_words, names_in, read, reason_text
from dash_app.components.name_words import procedure_choices
from dash_app.components.parts import attributes, empty, icon, page_head, skeleton_rows
from dash_app.components.quality_parts import field_name
from dash_app.components.study_rows import COLUMNS, study_row
from dash_app.components.values import plain_number, symbol
from dash_app.context import note_view, reading
from dash_app.filters import PAGE_SIZE, Listing, address, parameters, parse
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dash_app.pages import views
from dash_app.vocabulary import NOTES, word
from dose import audit
from dose.queries import Order, StudyPage, filter_choices, find_studies, studies_since
from dose.scope import Permission

LABELS = {
    "q": N_("Search"),
    "patient": N_("Patient"),
    "accession": N_("Accession number"),
    "from": N_("From"),
    "to": N_("To"),
    "modality": N_("Modality"),
    "device": N_("Device"),
    "protocol": N_("Protocol"),
    "description": N_("Description"),
    "state": N_("State"),
    "warning": N_("Note"),
    "missing": N_("Not stated"),
    "where": N_("Filter"),
    "procedure": N_("Procedure"),
}
STATE_NAMES = {"ok": N_("Without notes"), "notes": N_("With notes")}
SORTED = {
    "ctdi_vol_max_mgy": Order.CTDI_VOL,
    "dlp_sum_mgy_cm": Order.DLP,
    "pka_sum_gy_cm2": Order.PKA,
    "ka_r_sum_mgy": Order.KA_R,
    "agd_sum_mgy": Order.AGD,
}
_FIRST = ("from", "to", "modality", "device", "state")
_MORE = ("procedure", "patient", "accession", "protocol", "description")


def layout(search: str = "") -> html.Div:
    """The page around the list; the values of the controls are those of the address."""
    said = parameters(search)
    more = html.Details(
        [
            html.Summary([icon("filter"), _("More filters"), icon("down")], className="button small"),
            html.Div([_control(name, said.get(name)) for name in _MORE], className="filters more"),
        ],
        open=any(name in said for name in _MORE),
        className="more-filters",
    )
    return html.Div(
        [
            page_head(
                _("Studies"), [html.Span(id=Id.STUDIES_COUNT, className="quiet", role="status"), views.menu()]
            ),
            html.Div(
                [
                    html.Button([icon("filter"), _("Filters"), icon("down")], className="button small filters-fold"),
                    html.Div([*[_control(name, said.get(name)) for name in _FIRST], more], className="filter-row"),
                ],
                id=Id.FILTERS,
            ),
            html.Div(id=Id.STUDIES_CHIPS, className="chips"),
            html.Div(id=Id.STUDIES_NEW, className="new-studies", role="status"),
            html.Div(_grid(Listing(parse(search).chosen, Order.NEWEST, 1), said, skeleton_rows(12, len(COLUMNS) + 5)),
                     id=Id.STUDIES_BODY, **attributes(data_version="")),
            html.Nav(id=Id.STUDIES_PAGER, className="pager", **attributes(aria_label=_("Pages of the list"))),
            dcc.Store(id=Id.STUDIES_SEEN),
            dcc.Store(id=Id.STUDIES_ASKED),
        ],
        className="studies",
    )  # fmt: skip


def _control(name: str, value: str | None) -> Any:  # noqa: ANN401 - a component
    label = _(LABELS[name])
    if name in ("from", "to"):
        return dmc.TextInput(
            id=filter_id(name), label=label, value=value or "", inputProps={"type": "date"}, size="xs", debounce=400
        )
    if name in ("modality", "device", "state", "procedure"):
        data = [{"value": key, "label": _(text)} for key, text in STATE_NAMES.items()] if name == "state" else []
        many = name in ("device", "procedure")
        return dmc.Select(
            id=filter_id(name), label=label, value=value, data=data, clearable=True, searchable=many,
            placeholder=_("All"), size="xs", nothingFoundMessage=_("None"), comboboxProps={"width": "max-content"},
        )  # fmt: skip
    return dmc.TextInput(id=filter_id(name), label=label, value=value or "", size="xs", debounce=600)


@callback(
    Output(Id.STUDIES_BODY, "children"),
    Output(Id.STUDIES_BODY, "data-version"),
    Output(Id.STUDIES_COUNT, "children"),
    Output(Id.STUDIES_PAGER, "children"),
    Output(Id.STUDIES_CHIPS, "children"),
    Output(Id.STUDIES_SEEN, "data"),
    Input(Id.URL, "search"),
    Input(Id.LIVE, "data"),
    State(Id.URL, "pathname"),
    State(Id.STUDIES_SEEN, "data"),
)
def show_list(search: str | None, live: Any, pathname: str, seen: dict[str, Any] | None) -> tuple[Any, ...]:  # noqa: ANN401, ARG001
    """One page of the list; rows that are newer than what was shown under the same address fade in."""
    listing, said = parse(search), parameters(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        page = find_studies(session, who, listing.chosen, order=listing.order, limit=PAGE_SIZE, offset=listing.offset)
        names: dict[Any, str] = dict(filter_choices(session, who).devices) if "device" in said else {}
        names |= names_in(session, who, read(listing.chosen.where)[0])
        names |= {
            f"procedure {one['value']}": one["label"] for one in procedure_choices(session, who, said.get("procedure"))
        }
    again = bool(seen) and seen["search"] == search  # type: ignore[index]
    used = sorted(said.keys() & LABELS.keys())  # our names of filters only: anything may stand in an address
    note_view(audit.Action.VIEW_LIST, search, again=again, subject="study", count=len(page.rows), filters=used)
    body = _body(listing, said, page, seen["version"] if again else None)  # type: ignore[index]
    seen = {"search": search, "version": page.newest_version}
    return body, str(page.newest_version), _count(page), _pager(listing, said, page), _chips(said, names), seen


@callback(
    Output(Id.STUDIES_NEW, "children"),
    Input(Id.STUDIES_ASKED, "data"),
    State(Id.STUDIES_SEEN, "data"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def say_new(_asked: Any, seen: dict[str, Any] | None, search: str | None) -> Any:  # noqa: ANN401 - a component
    """How many arrived or changed while somebody reads further down; the list itself stays as it is."""
    if not seen or _asked is None:
        return None
    with reading(Permission.VIEW_DOSES) as (session, who):
        count = len(studies_since(session, who, seen["version"], parse(search).chosen).rows)
    text = ngettext("%(n)s new or changed study", "%(n)s new or changed studies", count)
    return html.Button([icon("up"), text], className="new-pill", id="show-new") if count else None


@callback(
    Output(filter_id("modality"), "data"),
    Output(filter_id("device"), "data"),
    Input(Id.FILTERS, "id"),
)
def offer_choices(_id: str) -> tuple[list[str], list[dict[str, str]]]:
    """What the selectors offer."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        choices = filter_choices(session, who)
    return list(choices.modalities), [{"value": str(number), "label": name} for number, name in choices.devices]


@callback(Output(filter_id("procedure"), "data"), Input(Id.FILTERS, "id"))
def offer_procedures(_id: str) -> list[dict[str, str]]:
    """Which procedures can be chosen."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return procedure_choices(session, who)


def _body(listing: Listing, said: dict[str, str], page: StudyPage, seen: int | None) -> Any:  # noqa: ANN401 - a component
    if page.rows:
        return _grid(listing, said, [study_row(row, seen is not None and row.version > seen) for row in page.rows])
    if said.keys() - {"sort", "page"}:
        clear = dcc.Link(_("Show all studies"), href="/studies", className="button")
        return empty(_("No study matches"), [html.P(_("Loosen a filter, or remove them all.")), clear])
    return empty(_("No doses yet"), html.P(_first_steps()), "studies")


def _first_steps() -> str:
    return _(
        "Send a study with a dose report (RDSR) to Orthanc; it appears here within a second. "
        "A scanner that Orthanc does not know yet stands on the system page."
    )


def _grid(listing: Listing, said: dict[str, str], rows: list[Any]) -> html.Div:
    heads = [
        html.Th(_sorter(listing, said, _("Date and time"), Order.OLDEST), className="when", scope="col"),
        html.Th(_("Patient"), scope="col"),
        html.Th(_("Procedure"), scope="col"),
        html.Th(_("Device"), scope="col"),
        *[html.Th(_sorter(listing, said, symbol_head(column), SORTED[column]), className="dose", scope="col")
          for column in SORTED],
        html.Th(_("State"), scope="col"),
    ]  # fmt: skip
    grid = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="studies-table")
    return html.Div(grid, className="table")


def symbol_head(column: str) -> list[Any]:
    """The symbol of a dose column; what the list shows of CTDIvol is the largest of the study."""
    shown = symbol(COLUMNS[column])
    return [shown, html.Span(_("max"), className="head-note")] if column == "ctdi_vol_max_mgy" else [shown]


def _sorter(listing: Listing, said: dict[str, str], title: Any, order: Order) -> dcc.Link:  # noqa: ANN401 - a component
    active = listing.order == order or (order == Order.OLDEST and listing.order == Order.NEWEST)
    rest = {name: value for name, value in said.items() if name not in ("sort", "page")}
    target = rest if listing.order == order else rest | {"sort": order.value}
    arrow = icon("up" if listing.order == Order.OLDEST else "down") if active else None
    title = title if isinstance(title, list) else [title]
    return dcc.Link([*title, arrow], href=address(target), className="sorter active" if active else "sorter")


def _count(page: StudyPage) -> list[Any]:
    more = "\u202f+" if page.more_than_total else ""
    text = ngettext("%(n)s study", "%(n)s studies", page.total)
    shown = plain_number(page.total).children + more
    return [text.replace(isolated(str(page.total)), isolated(shown))]


def _pager(listing: Listing, said: dict[str, str], page: StudyPage) -> list[Any]:
    last = max(1, -(-page.total // PAGE_SIZE))
    if last == 1 and listing.page == 1:
        return []
    here = _("Page %(page)s of %(last)s", page=isolated(str(listing.page)), last=isolated(str(last)))
    return [
        _step(said, listing.page - 1, [icon("previous"), _("Previous")], listing.page > 1),
        html.Span(here, className="quiet"),
        _step(said, listing.page + 1, [_("Next"), icon("next")], listing.page < last),
    ]


def _step(said: dict[str, str], page: int, label: list[Any], possible: bool) -> Any:  # noqa: ANN401 - a component
    if not possible:
        return html.Span(label, className="button small", **attributes(aria_disabled="true"))
    return dcc.Link(label, href=address(said | {"page": str(page)}), className="button small")


def _chips(said: dict[str, str], devices: dict[Any, str]) -> list[Any]:
    names = {name: value for name, value in said.items() if name in LABELS}
    chips = [
        dcc.Link(
            [html.Span(_(LABELS[name]), className="quiet"), html.Bdi(_chip_text(name, value, devices)), icon("close")],
            href=address({key: text for key, text in said.items() if key not in (name, "page")}),
            className="chip",
            title=_("Remove this filter"),
        )
        for name, value in names.items()
    ]
    clear = dcc.Link(_("Remove all"), href="/studies", className="quiet clear")
    return [*chips, clear] if len(chips) > 1 else chips


def _chip_text(name: str, value: str, devices: dict[Any, str]) -> str:
    if name == "where":
        choice, reason = read(value)
        return reason_text(reason) if reason else in_words(choice, devices)
    if name == "procedure":
        return devices.get(f"procedure {value}", value)
    if name == "device" and value.isdigit():
        return devices.get(int(value), value)
    if name == "missing":
        return field_name(value)
    if name == "warning":
        return word(NOTES, value) or value
    return _(STATE_NAMES[value]) if name == "state" and value in STATE_NAMES else value


clientside_callback(
    ClientsideFunction("dacs", "filters"),
    Input({"type": "filter", "name": ALL}, "value"),
    State({"type": "filter", "name": ALL}, "id"),
)
