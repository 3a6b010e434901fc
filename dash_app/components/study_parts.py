"""Pieces of the study page: who and when, dose cards, totals, pictures, sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.outlier_parts import card_foot
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.trigger_parts import trigger_feet
from dash_app.components.values import (
    LONGEST_UNBROKEN,
    age_text,
    amount,
    free,
    listed,
    local_time,
    ltr,
    person_name,
    plain_number,
    symbol,
    when,
)
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dash_app.vocabulary import (
    KINDS,
    NOTES,
    ORIGINS,
    PLANES,
    SEXES,
    SIDES,
    SOURCE_REASONS,
    SOURCE_STATES,
    TOTAL_NOTES,
    name_of,
    note_text,
    word,
)
from dose.pacs import viewer_link
from dose.quantities import number_text
from dose.queries import AccumulatedRow, CounterpartRow, Note, SeriesRow, SourceRow, StudyDetail, TotalRow
from dose.queries.standing import DoseStanding, StudyStanding
from dose.queries.triggers import Crossed

CARDS = (
    ("ctdi_vol_max_mgy", "ctdi_vol_mgy"),
    ("dlp_sum_mgy_cm", "dlp_mgy_cm"),
    ("pka_sum_gy_cm2", "pka_gy_cm2"),
    ("ka_r_sum_mgy", "ka_r_mgy"),
    ("agd_sum_mgy", "agd_mgy"),
    ("fluoro_time_s", "fluoro_time_s"),
    ("activity_sum_mbq", "activity_mbq"),
    ("effective_dose_reported_msv", "effective_dose_msv"),
)
SUM_OF = {quantity: column for column, quantity in CARDS}
SMALL_DIFFERENCE = 0.01  # what rounding in the report explains


def value_button(key: str, content: Any, label: str, class_name: str = "") -> html.Button:  # noqa: ANN401 - a component
    """A number that opens to where it came from."""
    return html.Button(
        content, className=f"value {class_name}".strip(), title=_("Where %(name)s comes from", name=label),
        **attributes(data_value=key),
    )  # fmt: skip


def band(detail: StudyDetail) -> html.Div:
    """Who, what, when, where."""
    study, device = detail.study, detail.device
    day, clock = local_time(study.started_at)
    body = [amount_text(detail.height_m, "m"), amount_text(detail.weight_kg, "kg")]
    who = [
        (_("Patient"), _who(detail)),
        (_("Sex, age"), _sex_age(detail)),
        (_("Height, weight"), html.Span([body[0], " · ", body[1]]) if detail.height_m or detail.weight_kg else None),
        (_("Born"), ltr(study.identity.birth_date) if study.identity and study.identity.birth_date else None),
    ]
    what = [
        (_("Accession number"), ltr(study.accession_number) if study.identity else None),
        (_("Protocols"), _names(study.protocols)),
    ]
    where = [
        (_("Date and time"), html.Bdi(f"{day} {clock}".strip() or _("not stated"), dir="ltr")),
        (_("Device"), free(study.device_name)),
        (_("Station"), free(device.station_name) if device and device.station_name else None),
        (_("Institution"), free(device.institution if device and device.institution else detail.site_name)),
    ]
    return html.Div([_facts(who), _facts(what), _facts(where)], className="band")


def _facts(facts: Sequence[tuple[str, Any]]) -> html.Dl:
    pairs = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value is not None]
    return html.Dl(pairs, className="facts")


def _who(detail: StudyDetail) -> Any:  # noqa: ANN401 - a component
    identity = detail.study.identity
    if identity is None:
        return html.Span(_("Identity not shown"), className="quiet")
    short = len(identity.patient_id or "") <= LONGEST_UNBROKEN
    number = ltr(identity.patient_id, "quiet unbroken" if short else "quiet")
    history = f"/patients/{detail.study.patient_row_id}?study={detail.study.id}"
    name = dcc.Link(free(person_name(identity.name), "strong"), href=history, title=_("All studies of this patient"))
    return html.Span([name, " ", number])


def _sex_age(detail: StudyDetail) -> Any:  # noqa: ANN401 - a component
    years = detail.study.age_years
    parts = [word(SEXES, detail.sex), age_text(years) if years is not None else None]
    return " · ".join(part for part in parts if part) or None


def amount_text(value: float | None, unit: str) -> html.Bdi:
    """A body size as stated."""
    if value is None:
        return html.Bdi("–", className="missing")
    return html.Bdi([html.Span(number_text(value, 4)), html.Span(f"\u00a0{unit}", className="unit")], dir="ltr")


def cards(detail: StudyDetail, stand: StudyStanding | None = None, reached: Sequence[Crossed] = ()) -> html.Div:
    """One card a quantity: the number that counts, what it is, and what the report says beside it."""
    doses = stand.doses if stand else {}
    shown = [
        _card(detail, column, quantity, doses.get(quantity), reached)
        for column, quantity in CARDS
        if getattr(detail.study, column) is not None
    ]
    events = html.Div(
        [
            html.Div(name_of("event_count"), className="card-name"),
            html.Div(plain_number(detail.study.event_count), className="card-value"),
            html.Div(_source_mark(detail), className="card-note"),
        ],
        className="card",
    )
    return html.Div([*shown, events], className="cards")


def _card(
    detail: StudyDetail, column: str, quantity: str, stand: DoseStanding | None, reached: Sequence[Crossed]
) -> html.Div:
    value = getattr(detail.study, column)
    head = html.Div([symbol(quantity), html.Span(name_of(quantity))], className="card-name")
    number = value_button(f"sum:{column}:{quantity}", amount(quantity, value, detail.study.modality), name_of(quantity))
    return html.Div(
        [
            head,
            html.Div(number, className="card-value"),
            html.Div(_beside(detail, column, quantity), className="card-note"),
            *card_foot(stand, detail.study.modality),
            *trigger_feet(reached, quantity, detail.study.modality),
        ],
        className="card",
    )


def _beside(detail: StudyDetail, column: str, quantity: str) -> Any:  # noqa: ANN401 - a component
    if column == "ctdi_vol_max_mgy":
        return _("largest of the events")
    if column == "activity_sum_mbq":
        return _("sum of the events")
    total = next((row for row in detail.totals if row.column == quantity), None)
    if total is None or total.reported is None:
        return _("sum of the events") if total else _("as reported")
    if total.difference is None or abs(total.difference) < SMALL_DIFFERENCE:
        return html.Span([icon("ok"), _("as reported")], className="agrees")
    return html.Span([icon("note"), _("reported:"), " ", amount(quantity, total.reported, detail.study.modality)],
                     className="differs")  # fmt: skip


def _source_mark(detail: StudyDetail) -> str:
    kinds = dict.fromkeys(source.kind for source in detail.sources if source.status == "ok")
    return listed(word(KINDS, kind) or "?" for kind in kinds)


def totals(detail: StudyDetail) -> html.Div:
    """Sums of events beside totals as reported, then what each plane or breast was said to receive."""
    heads = [html.Th(_("Quantity")), *[html.Th(text, className="dose") for text in
             (_("Sum of events"), _("Reported"), _("Difference"))]]  # fmt: skip
    rows = [_total_row(detail, row) for row in detail.totals]
    parts = [_part_row(detail, n, row) for n, row in enumerate(detail.accumulated)]
    compared = table(heads, rows, "compact")
    if not any(parts):
        return html.Div(compared, className="totals")
    said = [html.Th(_("As reported for")), html.Th(_("Values"))]
    return html.Div([compared, table(said, [row for row in parts if row], "compact parts")], className="totals")


def _total_row(detail: StudyDetail, row: TotalRow) -> html.Tr:
    modality, differs = detail.study.modality, row.difference is not None and abs(row.difference) >= SMALL_DIFFERENCE
    percent = "–" if row.difference is None else f"{number_text(round(row.difference * 100, 2), 3)}\u00a0%"
    return html.Tr(
        [
            html.Td([symbol(row.column), html.Span(name_of(row.column), className="second")]),
            html.Td(_opening("sum", row.column, row.sum, modality), className="dose"),
            html.Td(_opening("reported", row.column, row.reported, modality), className="dose"),
            html.Td([icon("note") if differs else None, html.Bdi(percent, dir="ltr")],
                    className="dose differs" if differs else "dose"),
        ]
    )  # fmt: skip


def _opening(kind: str, column: str, value: float | None, modality: str | None) -> html.Button:
    return value_button(f"{kind}:{SUM_OF[column]}:{column}", amount(column, value, modality), name_of(column))


def _part_row(detail: StudyDetail, number: int, row: AccumulatedRow) -> html.Tr | None:
    place = word(SIDES, row.laterality) or word(PLANES, row.plane) or _("whole study")
    same_source = [other for other in detail.accumulated if other.source_object_id == row.source_object_id]
    index = same_source.index(row)
    values = [
        html.Div(
            [html.Span(name_of(column), className="quiet"),
             value_button(f"total:{row.source_object_id}:{index}:{column}",
                          amount(column, value, detail.study.modality), name_of(column))],
            className="pair",
        )
        for column, value in row.values.items() if value is not None
    ]  # fmt: skip
    return html.Tr([html.Td(place), html.Td(values)], key=str(number)) if values else None


def notes(found: Iterable[Note], modality: str | None) -> list[Any]:
    """What to know about the study, each with what the reader wrote."""
    return [
        html.Li(
            [
                icon("note"),
                html.Div(
                    [
                        html.Span(note_text(note)),
                        html.Span(_note_detail(note, modality), className="second"),
                    ]
                ),
            ]
        )
        for note in found
    ]


def _names(names: tuple[str, ...]) -> html.Span | None:
    # The separator stands outside of each name, so that it follows the direction of the page.
    parts = [part for name in names for part in (html.Span(" · ", className="quiet"), free(name))]
    return html.Span(parts[1:]) if parts else None


def _note_detail(note: Note, modality: str | None) -> Any:  # noqa: ANN401 - a component
    column = TOTAL_NOTES.get(note.code)
    if column and {"sum", "reported"} <= note.values.keys():
        events, reported = (amount(column, note.values[key], modality) for key in ("sum", "reported"))
        return [_("sum of the events:"), " ", events, " · ", _("reported:"), " ", reported]
    return html.Bdi(note.text, lang="en", dir="ltr") if note.code in NOTES and ":" in note.text else None


def viewer_of(template: str, detail: StudyDetail, series: SeriesRow | None) -> str | None:
    """The viewer's address for a series, or for the study when none is known."""
    return viewer_link(
        template,
        study_uid=detail.study.study_instance_uid,
        orthanc_study=series.orthanc_study_id if series else detail.study.orthanc_study_id,
        series_uid=series.series_instance_uid if series else None,
        orthanc_series=series.orthanc_series_id if series else None,
    )


def present(detail: StudyDetail) -> list[SeriesRow]:
    """The series that Orthanc still holds."""
    return [series for series in detail.series if series.present]


def previews(detail: StudyDetail, template: str) -> Any:  # noqa: ANN401 - a component
    """A strip of pictures, each opening its series in the viewer."""
    shown = present(detail)
    if not shown:
        gone = detail.series or detail.study.images_present is False
        text = _("Images are no longer in Orthanc. Doses and their sources are kept here.") if gone else _(
            "No images of this study are known in Orthanc.")  # fmt: skip
        return html.P([icon("images"), text], className="quiet with-icon")
    return html.Div([_preview(detail, series, template) for series in shown[:12]], className="strip")


def _preview(detail: StudyDetail, series: SeriesRow, template: str) -> html.A:
    pictures = [
        html.Img(src=f"/images/instances/{instance}/rendered", alt="", width=112, height=112)
        for instance in series.preview_instance_ids[:3]
    ]
    name = series.description or series.protocol or (series.modality or "")
    count = ngettext("%(n)s image", "%(n)s images", series.instance_count)
    caption = [free(name, "strong"), html.Span(count, className="quiet")]
    return html.A(
        [html.Div(pictures, className="pictures"), html.Div(caption, className="caption")],
        href=viewer_of(template, detail, series),
        target="_blank",
        rel="noopener",
        className="preview",
        title=_("Open this series in the viewer"),
    )


def sources(detail: StudyDetail, zone: str) -> html.Div:
    """The objects that spoke about the study, and which of them counts."""
    heads = [html.Th(text) for text in (
        _("Object"), _("State"), _("Events"), _("Received"), _("Read"), _("SOP Instance UID"))]  # fmt: skip
    return table(heads, [_source(row, zone) for row in detail.sources], "compact stack sources")


def _source(row: SourceRow, zone: str) -> html.Tr:
    kind = badge(word(SOURCE_STATES, row.status) or row.status, "fine" if row.status == "ok" else "neutral",
                 "ok" if row.status == "ok" else None)  # fmt: skip
    reader = _("reader %(version)s", version=isolated(str(row.reader_version)))
    marks = [_("template %(number)s", number=isolated(row.template)) if row.template else None, reader,
             word(ORIGINS, row.origin), *[f"quirk: {name}" for name in row.quirks]]  # fmt: skip
    kept = badge(_("kept here"), "neutral", "lock") if row.kept else None
    return html.Tr(
        [
            html.Td([word(KINDS, row.kind) or "?", html.Div(_listed(marks), className="second")]),
            html.Td([kind, " ", kept, _uncounted(row)]),
            html.Td([html.Span(_("Events"), className="phone-label"), plain_number(row.event_count)],
                    className="dose"),
            html.Td([html.Span(_("Received"), className="phone-label"), when(row.received_at, zone)]),
            html.Td([html.Span(_("Read"), className="phone-label"), when(row.read_at, zone)]),
            html.Td(ltr(row.sop_instance_uid, "code")),
        ]
    )  # fmt: skip


def _uncounted(row: SourceRow) -> html.Div | None:
    """Why nothing, or not all, of a source counts; None where everything does."""
    if row.reason_code or row.reason:
        known = word(SOURCE_REASONS, row.reason_code) if row.reason_code in SOURCE_REASONS else None
        return html.Div(known or html.Bdi(row.reason, lang="en", dir="ltr"), className="second")
    if row.counted_events >= row.event_count:
        return None
    if not row.counted_events:
        return html.Div(_("Its events do not count here: another source describes them, or they count elsewhere."),
                        className="second")  # fmt: skip
    said = _("%(n)s of its %(all)s events count here.", n=isolated(str(row.counted_events)),
             all=isolated(str(row.event_count)))  # fmt: skip
    return html.Div(said, className="second")


def _listed(texts: Iterable[str | None]) -> str:
    return " · ".join(text for text in texts if text)


def crumb(detail: StudyDetail) -> tuple[Any, list[Any]]:
    """The title of the page and its badges."""
    study = detail.study
    name = study.description or next(iter(study.protocols), None) or _("Study without a name")
    title = [html.Span(study.modality or "?", className="modality"), free(name)]
    return title, [badge(_("demo"), "neutral")] if study.is_demo else []


def counterparts(detail: StudyDetail, may_correct: bool) -> list[Any]:
    """Links to studies that are, or may be, the same examination; who may correct can say that one is not."""
    said = {
        (True, True): _("The same examination, sent or described better, counts in:"),
        (True, False): _("The same examination was also typed or imported, which does not count:"),
        (False, True): _("Possibly the same examination; each is counted:"),
    }
    found = []
    for key, text in said.items():
        links = [_counterpart(one, may_correct) for one in detail.counterparts if (one.certain, one.counts) == key]
        if links:
            found.append(html.P([icon("info"), html.Span([text, " ", *links])], className="quiet with-icon"))
    return found


def _counterpart(one: CounterpartRow, may_correct: bool) -> html.Span:
    kinds = listed(word(KINDS, kind) or kind for kind in one.kinds)
    link = dcc.Link(isolated(f"#{one.study_id}"), href=f"/studies/{one.study_id}")
    asks = attributes(data_action=f"apart:{one.study_id}", data_target=Id.CORRECT_ASKED.value)
    apart = html.Button(_("Not the same…"), type="button", className="button small", **asks) if may_correct else None
    return html.Span([link, f" {kinds} ", apart])


def shared(detail: StudyDetail) -> list[Any]:
    """Links to other studies that hold some of the same events."""
    others = sorted({number for event in detail.events for number in event.shared_with})
    if not others:
        return []
    links = [dcc.Link(isolated(f"#{number}"), href=f"/studies/{number}") for number in others]
    text = _("Events of this study belong to another study as well and are counted once:")
    return [html.P([icon("info"), html.Span([text, " ", *links])], className="quiet with-icon")]
