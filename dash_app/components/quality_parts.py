"""Pieces of the quality pages: their tabs, the grid of stated fields, warnings, sources, who sent what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import free, ltr, plain_number, symbol, when
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.vocabulary import KINDS, NOTES, REASONS, name_of, word
from dose.quantities import QUANTITIES
from dose.queries.expected import EXPECTED, OF_STUDY, Family
from dose.queries.quality import DeviceQuality, Period, Quality, Refused, Stated

TABS = (
    ("/quality", N_("Fields and warnings")),
    ("/quality/samples", N_("Samples")),
    ("/quality/not-patients", N_("Not patients")),
)
FAMILY_NAMES = {
    Family.CT: N_("CT"),
    Family.FLUOROSCOPY: N_("Fluoroscopy and angiography"),
    Family.RADIOGRAPHY: N_("Radiography"),
    Family.MAMMOGRAPHY: N_("Mammography"),
    Family.NUCLEAR: N_("Administered activity"),
}
FIELD_NAMES = {
    "protocol": N_("Protocol"),
    "target_region_code": N_("Body region"),
    "laterality": N_("Side"),
    "radiopharmaceutical": N_("Radiopharmaceutical"),
    "radionuclide": N_("Radionuclide"),
    "started_at": N_("Date and time"),
    "age_years": N_("Age"),
    "height_m": N_("Height"),
    "weight_kg": N_("Weight"),
}
_STEPS = ((1.0, 0), (0.95, 1), (0.5, 2), (1e-9, 3))  # share from which up, depth of the shade


def field_name(column: str) -> str:
    """The name of a field that is expected of events or studies; any other text as it is."""
    known = FIELD_NAMES.get(column)
    return _(known) if known else name_of(column) if column in _QUANTITY_LIKE else column


_QUANTITY_LIKE = {one.column for rows in EXPECTED.values() for one in rows} - set(FIELD_NAMES)


def tabs(current: str) -> html.Nav:
    """The three pages about quality."""
    links = [
        html.Span(_(text), className="page-tab current", **attributes(aria_current="page"))
        if path == current
        else dcc.Link(_(text), href=path, className="page-tab")
        for path, text in TABS
    ]
    return html.Nav(links, className="page-tabs", **attributes(aria_label=_("Quality")))


def studies_link(period: Period, device_id: int, **chosen: str) -> str:
    """The address of the studies behind a number."""
    days = {"from": period.date_from.isoformat(), "to": period.date_to.isoformat()}
    return address({"device": str(device_id), **days, **chosen})


def percent(share: float) -> str:
    """Whole percent, rounded so that only all is 100 and only nothing is 0."""
    whole = 100 if share == 1 else 0 if share == 0 else min(99, max(1, round(share * 100)))
    return f"{whole}\u202f%"


def grids(found: Quality) -> list[Any]:
    """One grid a kind of examination, devices down and fields across."""
    parts: list[Any] = []
    for family in Family:
        devices = [one for one in found.devices if one.events[family]]
        if devices:
            parts.append(html.H3(_(FAMILY_NAMES[family]), className="grid-title"))
            parts.append(_grid(family, devices, found.period))
    return parts


def _grid(family: Family, devices: Sequence[DeviceQuality], period: Period) -> html.Div:
    person = OF_STUDY if family is not Family.NUCLEAR else OF_STUDY[1:]
    columns = [(one.column, one.source) for one in EXPECTED[family]]
    heads = [html.Th(_("Device"), scope="col", className="first"), html.Th(_("Events"), scope="col", className="dose")]
    heads += [
        html.Th(_head(column), scope="col", title=f"{field_name(column)} · {_clause(source)}")
        for column, source in columns
    ]
    heads += [html.Th(field_name(column), scope="col") for column in person]
    rows = [_line(one, family, [column for column, _source in columns], person, period) for one in devices]
    return table(heads, rows, "heat")


# What `dose.queries.expected` says beside the numbers of templates and standards.
CLAUSE_WORDS = (
    N_("mandatory for spiral"), N_("mandatory"), N_("head or body, a factor of two"), N_("skin dose"),
)  # fmt: skip


def _clause(source: str) -> str:
    """Where a field is defined, its words in the reader's language."""
    words = next((text for text in CLAUSE_WORDS if text in source), None)
    return source.replace(words, _(words)) if words else source


def _head(column: str) -> Any:  # noqa: ANN401 - a component
    known = QUANTITIES.get(column)
    return symbol(column) if known and known.dose else field_name(column)


def _line(
    device: DeviceQuality, family: Family, columns: Sequence[str], person: Sequence[str], period: Period
) -> html.Tr:
    cells = device.fields.get(family, {})
    name = dcc.Link(free(device.name), href=studies_link(period, device.device_id))
    first = html.Th([name, html.Div(_studies(device), className="second")], scope="row", className="first")
    stated = [_cell(cells.get(column, Stated(0, 0)), column, device, period) for column in columns]
    stated += [_cell(device.of_studies[column], column, device, period) for column in person]
    return html.Tr([first, html.Td(plain_number(device.events[family]), className="dose"), *stated],
                   key=str(device.device_id))  # fmt: skip


def _studies(device: DeviceQuality) -> str:
    return ngettext("%(n)s study", "%(n)s studies", device.studies)


def _cell(stated: Stated, column: str, device: DeviceQuality, period: Period) -> html.Td:
    share = stated.share
    if share is None:
        return html.Td("–", className="missing")
    text = html.Bdi(percent(share), className="num", dir="ltr")
    said = _("%(name)s: stated by %(stated)s of %(of)s", name=field_name(column),
             stated=isolated(str(stated.stated)), of=isolated(str(stated.of)))  # fmt: skip
    depth = next((step for least, step in _STEPS if share >= least), 4)
    if share == 1:
        return html.Td(text, className="all", title=said)
    link = dcc.Link(text, href=studies_link(period, device.device_id, missing=column), title=said)
    return html.Td(link, className=f"lacks-{depth}")


def legend() -> html.P:
    """How to read a grid."""
    said = _("Share of events that state a field they are expected to state. A shaded number leads to the studies "
             "that do not.")  # fmt: skip
    return html.P(said, className="quiet legend")


def warnings(found: Quality) -> Any:  # noqa: ANN401 - a component
    """Notes by code, with the studies of each device."""
    totals: Counter[str] = Counter()
    for device in found.devices:
        totals.update(device.warnings)
    if not totals:
        return html.P([icon("ok"), _("No study of this period has a note.")], className="quiet with-icon")
    heads = [html.Th(_("Note"), scope="col"), html.Th(_("Studies"), scope="col", className="dose"),
             html.Th(_("By device"), scope="col")]  # fmt: skip
    return table(heads, [_warning(code, count, found) for code, count in totals.most_common()], "stack notes-table")


def _warning(code: str, count: int, found: Quality) -> html.Tr:
    devices = [(one, one.warnings[code]) for one in found.devices if one.warnings[code]]
    devices.sort(key=lambda pair: -pair[1])
    links = [
        dcc.Link([free(one.name), plain_number(n)], href=studies_link(found.period, one.device_id, warning=code),
                 className="tally")
        for one, n in devices
    ]  # fmt: skip
    text = html.Span([icon("note"), word(NOTES, code) or code], className="with-icon")
    cells = [html.Td(text), html.Td(plain_number(count), className="dose"), html.Td(links, className="tallies")]
    return html.Tr(cells, key=code)


def sources(found: Quality) -> html.Div:
    """What spoke for each device, and which deviations of its maker were repaired."""
    titles = (_("Device"), _("Studies"), _("With notes"), _("Sources"), _("Quirks repaired"))
    heads = [html.Th(text, scope="col", className="dose" if n in (1, 2) else None) for n, text in enumerate(titles)]
    return table(heads, [_source(one, found.period) for one in found.devices], "stack sources-table")


def _source(device: DeviceQuality, period: Period) -> html.Tr:
    noted: Any = plain_number(device.noted)
    if device.noted:
        noted = dcc.Link(noted, href=studies_link(period, device.device_id, state="notes"))
    demo = badge(_("demo"), "neutral") if device.is_demo else None
    cells = [
        html.Td([dcc.Link(free(device.name), href=studies_link(period, device.device_id)), " ", demo]),
        html.Td([html.Span(_("Studies"), className="phone-label"), plain_number(device.studies)], className="dose"),
        html.Td([html.Span(_("With notes"), className="phone-label"), noted], className="dose"),
        html.Td(_tallies(device.sources, KINDS), className="tallies"),
        html.Td(_tallies(device.quirks, {}), className="tallies"),
    ]
    return html.Tr(cells, key=str(device.device_id))


def _tallies(counts: Counter[str], words: Mapping[str, str]) -> list[Any]:
    found = counts.most_common()
    return [html.Span([html.Bdi(word(words, name)), plain_number(n)], className="tally still") for name, n in found]


def refused(rows: Sequence[Refused], zone: str) -> Any:  # noqa: ANN401 - a component
    """Objects that could not be read, by their sender."""
    if not rows:
        return html.P([icon("ok"), _("Every object of this period could be read.")], className="quiet with-icon")
    heads = [html.Th(text, scope="col") for text in (_("Sender"), _("Reason"), _("Objects"), _("Last"))]
    return table(heads, [_refused(row, zone) for row in rows], "stack")


def _refused(row: Refused, zone: str) -> html.Tr:
    who = free(row.sender) if row.sender else html.Span(_("not readable"), className="quiet")
    count = dcc.Link(ngettext("%(n)s object", "%(n)s objects", row.count), href="/rejected")
    cells = [who, word(REASONS, row.reason_code) or ltr(None), count, when(row.last_at, zone)]
    return html.Tr([html.Td(cell) for cell in cells], key=f"{row.sender} {row.reason_code}")
