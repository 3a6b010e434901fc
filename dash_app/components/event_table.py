"""The dense table of irradiation events: dose first, then technique; only columns that some event fills."""

from __future__ import annotations

from typing import Any

from dash import html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.study_parts import present, value_button, viewer_of
from dash_app.components.values import amount, free, local_time, ltr, plain_number, symbol
from dash_app.i18n import _, isolated
from dash_app.vocabulary import EVENT_TYPES, KINDS, PHANTOMS, PLANES, SIDES, name_of, word
from dose.queries import EventRow, SeriesRow, StudyDetail

EVENTS_A_PAGE = 100
DOSES = ("ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy",
         "activity_mbq", "effective_dose_msv")  # fmt: skip
TECHNIQUE = (
    "kvp_kv", "tube_current_ma", "max_tube_current_ma", "exposure_mas", "exposure_time_ms", "pulse_width_ms",
    "exposure_time_per_rotation_ms", "irradiation_duration_s", "pulse_rate_hz", "number_of_pulses",
    "scanning_length_mm", "pitch", "single_collimation_mm", "total_collimation_mm",
    "positioner_primary_angle_deg", "positioner_secondary_angle_deg",
    "distance_source_to_detector_mm", "collimated_field_area_cm2", "focal_spot_mm", "hvl_mm", "compressed_thickness_mm",
    "exposure_index", "target_exposure_index", "deviation_index",
)  # fmt: skip


def event_table(detail: StudyDetail, template: str, page: int) -> html.Div:
    """Events of one page of the table, numbered through the whole study."""
    first = (page - 1) * EVENTS_A_PAGE
    shown = list(enumerate(detail.events, 1))[first : first + EVENTS_A_PAGE]
    doses, technique = _filled(detail.events, DOSES), _filled(detail.events, TECHNIQUE)
    texts = [name for name, filled in (("plane", _plane), ("side", _side), ("view", _view))
             if any(filled(event) for event in detail.events)]  # fmt: skip
    rows = [_row(detail, n, event, doses, texts, technique, template) for n, event in shown]
    return table(
        _heads(doses, texts, technique),
        rows,
        "events long" if len(shown) > 20 else "events",
        **attributes(data_events=str(len(detail.events))),
    )


def _filled(events: tuple[EventRow, ...], columns: tuple[str, ...]) -> list[str]:
    return [column for column in columns if any(event.values[column] is not None for event in events)]


def _heads(doses: list[str], texts: list[str], technique: list[str]) -> list[html.Th]:
    titles = {"plane": _("Plane"), "side": _("Side"), "view": _("View")}
    return [
        html.Th("#", className="number"),
        html.Th(_("Time")),
        html.Th(_("Event")),
        *[html.Th(symbol(column), className="dose", title=name_of(column)) for column in doses],
        *[html.Th(titles[name]) for name in texts],
        *[html.Th(name_of(column), className="technique") for column in technique],
        html.Th(html.Span(_("Images"), className="hidden")),
    ]


def _row(
    detail: StudyDetail, number: int, event: EventRow, doses: list[str], texts: list[str], technique: list[str],
    template: str,
) -> html.Tr:  # fmt: skip
    day, clock = local_time(event.started_at)
    said = {"plane": _plane, "side": _side, "view": _view}
    return html.Tr(
        [
            html.Td(plain_number(number), className="number"),
            html.Td([html.Bdi(clock or "–", dir="ltr"), _other_day(detail, day)]),
            html.Td(_kind(detail, event), className="kind"),
            *[html.Td(_value(detail, event, column), className="dose") for column in doses],
            *[html.Td(said[name](event)) for name in texts],
            *[html.Td(_value(detail, event, column), className="technique") for column in technique],
            html.Td(_images(detail, event, template), className="images"),
        ],
        key=str(event.id),
        id=f"event-{event.id}",
    )


def _other_day(detail: StudyDetail, day: str) -> html.Div | None:
    same = (detail.study.started_at or "").startswith(day)
    return None if same else html.Div(ltr(day), className="second")


def _kind(detail: StudyDetail, event: EventRow) -> list[Any]:
    second = [free(text) for text in (event.protocol, event.target_region, event.comment) if text]
    twice = badge(_("counted elsewhere"), "blue", "info") if event.counted_elsewhere else None
    parts: list[Any] = [] if event.counted else [_not_counted(detail, event)]
    for text in second:
        parts += [" · ", text] if parts else [text]
    return [html.Span(word(EVENT_TYPES, event.event_type) or _("type not stated")), twice,
            html.Div(parts, className="second")]  # fmt: skip


def _not_counted(detail: StudyDetail, event: EventRow) -> html.Span:
    kind = next((source.kind for source in detail.sources if source.id == event.covered_by), None)
    if kind is None and any(one.certain and one.counts for one in detail.counterparts):
        return badge(_("not counted: the same examination counts in another study"), "blue", "info")
    if kind is None:
        return badge(_("not counted: counts for another patient"), "blue", "info")
    source = word(KINDS, kind) or kind
    return badge(_("not counted: described better by %(source)s", source=isolated(source)), "blue", "info")


def _value(detail: StudyDetail, event: EventRow, column: str) -> Any:  # noqa: ANN401 - a component
    shown = amount(column, event.values[column], detail.study.modality)
    phantom = event.values.get("ctdi_phantom") if column == "ctdi_vol_mgy" else None
    mark = html.Span(word(PHANTOMS, phantom), className="second") if phantom else None
    button = value_button(f"event:{event.id}:{column}", shown, name_of(column))
    return [button, mark] if mark else button


def _plane(event: EventRow) -> str | None:
    return word(PLANES, event.plane) if event.plane in ("A", "B") else None


def _side(event: EventRow) -> str | None:
    return word(SIDES, event.laterality)


def _view(event: EventRow) -> Any:  # noqa: ANN401 - a component
    return ltr(event.values["view"]) if event.values["view"] else None


def _images(detail: StudyDetail, event: EventRow, template: str) -> html.A | None:
    own = series_of(detail, event)
    held = present(detail)
    series = own or (held[0] if held else None)
    link = viewer_of(template, detail, series) if series else None
    if link is None:
        return None
    title = _("Open the images of this event") if own else _("Open the images of the study")
    return html.A(icon("images"), href=link, target="_blank", rel="noopener", title=title,
                  className="event-images own" if own else "event-images")  # fmt: skip


def series_of(detail: StudyDetail, event: EventRow) -> SeriesRow | None:
    """The series whose images carry the event's UID."""
    return next((s for s in present(detail) if event.irradiation_event_uid in s.irradiation_event_uids), None)
