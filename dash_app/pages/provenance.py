"""The drawer that says where a number comes from: source object, place in it, value and unit as sent, conversion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html

from dash_app.components.parts import attributes, icon
from dash_app.components.study_more import ORGAN_DOSE
from dash_app.components.study_parts import CARDS
from dash_app.components.values import amount, free, ltr, plain_number, symbol, told
from dash_app.context import note, reading
from dash_app.filters import number
from dash_app.i18n import N_, _, direction, isolated, ngettext
from dash_app.ids import Id
from dash_app.vocabulary import EVENT_TYPES, KINDS, PLANES, SIDES, name_of, word
from dose import audit
from dose.errors import BadObject
from dose.extract.quirks import QUIRKS, SITE
from dose.extract.trace import Traced, trace
from dose.quantities import QUANTITIES
from dose.queries import EventRow, SourceRow, StudyDetail, kept_content, study_detail
from dose.scope import Permission

SHOWN_PARTS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A number of the page: `subject` and `index` as `dose.extract.trace` counts them."""

    subject: str
    index: int
    column: str
    value: float | None
    source_id: int
    event: EventRow | None = None
    part: str | None = None  # the field under which the trace has it, when that is not the column

    @property
    def field(self) -> str:
        """The field of the trace's lines."""
        return self.part or self.column


def drawer() -> html.Div:
    """The closed drawer of a study page."""
    panel = dmc.Drawer(
        html.Div(id=Id.PROVENANCE_BODY),
        id=Id.PROVENANCE,
        title=_("Where this number comes from"),
        # Mantine mirrors *right* in right-to-left pages only for its styles, not for the side it slides from.
        position="left" if direction() == "rtl" else "right",
        size="md",
        closeButtonProps={"aria-label": _("Close")},
        overlayProps={"backgroundOpacity": 0.25},
    )
    return html.Div([panel, dcc.Store(id=Id.PROVENANCE_ASKED)])


@callback(
    Output(Id.PROVENANCE, "opened"),
    Output(Id.PROVENANCE_BODY, "children"),
    Input(Id.PROVENANCE_ASKED, "data"),
    State(Id.STUDY_KEY, "data", allow_optional=True),
    prevent_initial_call=True,
)
def open_provenance(asked: dict[str, Any] | None, here: int | None) -> tuple[bool, Any]:
    """Recompute from the kept object where the clicked number comes from."""
    if not asked:
        return False, None
    study_id = number(str(asked.get("study") or here)) or 0
    return True, html.Div(_opened(asked, study_id), **attributes(data_study=str(study_id)))


def _opened(asked: dict[str, Any], study_id: int) -> Any:  # noqa: ANN401 - a component
    kind, *rest = str(asked.get("value", "")).split(":")
    with reading(Permission.VIEW_DOSES) as (session, who):
        detail = study_detail(session, who, study_id)
        found = _find(detail, kind, rest) if detail else None
        content = kept_content(session, who, found.source_id) if found and found.source_id else None
    if detail is None or found is None:
        return html.P(_("This number is not there any more: the study changed. Load the page again."))
    patient = detail.study.patient_row_id
    note(audit.Action.VIEW_PROVENANCE, subject="study", subject_id=study_id, patient_id=patient, column=found.column)
    if kind in ("sum", "reported"):
        return _sum(detail, found) if kind == "sum" else _reported(detail, found)
    return _explained(detail, found, content)


def _find(detail: StudyDetail, kind: str, rest: list[str]) -> Asked | None:
    if kind in ("sum", "reported"):
        return _study_number(detail, kind, rest)
    if kind == "total":
        return _total(detail, rest)
    event = next((one for one in detail.events if len(rest) == 2 and str(one.id) == rest[0]), None)
    if event is None:
        return None
    source, at = event.source_object_id, event.position
    if kind == "event" and rest[1] in event.values and rest[1] in QUANTITIES:
        return Asked("event", at, rest[1], event.values[rest[1]], source, event)
    organs = event.details.get("organ_doses", ())
    if kind == "organ" and rest[1].isdigit() and int(rest[1]) < len(organs):
        value = organs[int(rest[1])].get(ORGAN_DOSE)
        return Asked("event", at, ORGAN_DOSE, value, source, event, f"organ_doses.{int(rest[1])}")
    return None


def _total(detail: StudyDetail, rest: list[str]) -> Asked | None:
    if len(rest) != 3 or not rest[1].isdigit():
        return None
    rows = [row for row in detail.accumulated if str(row.source_object_id) == rest[0]]
    row = rows[int(rest[1])] if int(rest[1]) < len(rows) else None
    if row is None or rest[2] not in row.values:
        return None
    return Asked("accumulated", int(rest[1]), rest[2], row.values[rest[2]], row.source_object_id)


def _study_number(detail: StudyDetail, kind: str, rest: list[str]) -> Asked | None:
    if tuple(rest) not in CARDS:
        return None
    if kind == "sum":
        return Asked(rest[0], 0, rest[1], getattr(detail.study, rest[0]), 0)
    value = next((row.reported for row in detail.totals if row.column == rest[1]), None)
    return Asked(rest[0], 0, rest[1], value, 0)


def _head(detail: StudyDetail, asked: Asked, below: Any) -> html.Div:  # noqa: ANN401 - a component
    return html.Div(
        [
            html.Div([symbol(asked.column), html.Span(name_of(asked.column))], className="card-name"),
            html.Div(amount(asked.column, asked.value, detail.study.modality), className="card-value"),
            html.Div(below, className="card-note"),
        ],
        className="origin-head",
    )


def _explained(detail: StudyDetail, asked: Asked, content: bytes | None) -> html.Div:
    source = next((row for row in detail.sources if row.id == asked.source_id), None)
    return html.Div(
        [
            _head(detail, asked, _subject(detail, asked)),
            html.Dl([*_as_sent(asked, content), *_source_facts(source), *_clause(asked)], className="facts origin"),
        ]
    )


def _subject(detail: StudyDetail, asked: Asked) -> Any:  # noqa: ANN401 - a component
    if asked.event is None:
        return _("total as reported")
    number = detail.events.index(asked.event) + 1
    return [_("event %(n)s", n=isolated(str(number))), " · ", free(_name(asked.event))]


def _name(event: EventRow) -> str:
    return event.protocol or word(EVENT_TYPES, event.event_type) or _("type not stated")


def _as_sent(asked: Asked, content: bytes | None) -> list[Any]:
    if content is None:
        return [_fact(_("Source"), _("The object is not kept here; only its values are."))]
    try:
        lines = trace(content)
    except BadObject as error:
        return [_fact(_("Source"), str(error))]
    mine = [one for one in lines if (one.subject, one.index, one.field) == (asked.subject, asked.index, asked.field)]
    found = [one for one in mine if one.reason is None]
    if not found:
        return [_fact(_("As sent"), _missing(mine[0] if mine else None))]
    return [fact for line in found[:SHOWN_PARTS] for fact in _line(line)]


def _missing(line: Traced | None) -> Any:  # noqa: ANN401 - a component
    said = html.Span([icon("info"), _("not stated in the report")], className="with-icon")
    return html.Div([said, _why_missing(line.reason) if line and line.reason else None])


def _why_missing(why: str) -> html.Div:
    template = _NO_ITEM.fullmatch(why)
    if template:
        said = _("the template %(number)s has no item for it", number=isolated(template[1]))
        return html.Div(told(said), className="second")
    if why in ABSENT:
        return html.Div(_(why), className="second")
    return html.Div(why, className="second", lang="en", dir="ltr")


def _line(line: Traced) -> list[Any]:
    unit = html.Span(f"\u00a0{line.unit}", className="unit") if line.unit else None
    facts = [_fact(_("As sent"), html.Bdi([html.Span(line.value, className="code strong"), unit], dir="ltr"))]
    if line.conversion:
        facts.append(_fact(_("Conversion"), ltr(line.conversion)))
    return [*facts, _fact(_("Place in the object"), _place(line.path))]


# Why a kind of object says nothing of a field, as `dose.extract.trace` writes it.
_NO_ITEM = re.compile(r"template (\S+) has no item for it")
ABSENT = (
    N_("images of this kind do not state it"), N_("dose screens do not state it"),
    N_("performed procedure steps do not state it"), N_("not typed"), N_("not in the imported table"),
)  # fmt: skip
# Where a cell of a table or a typed value stood, as `dose.extract.typed` writes it.
_CELL = re.compile(r"row (\d+), column (\w+) of file (.+)")
_TYPED = re.compile(r"exposure (\d+), typed by (.+) on (\S+ \S+ UTC)")


def _place(path: str | None) -> Any:  # noqa: ANN401 - a component
    """A place in an object as it is written there; one in a table or a form in the reader's words."""
    if cell := _CELL.fullmatch(path or ""):
        row, column, file = (isolated(part) for part in cell.groups())
        return told(_("row %(row)s, column %(column)s of the file %(file)s", row=row, column=column, file=file))
    if typed := _TYPED.fullmatch(path or ""):
        number, who, at = (isolated(part) for part in typed.groups())
        return told(_("exposure %(n)s, typed by %(who)s on %(at)s", n=number, who=who, at=at))
    return ltr(path, "code path")


def _source_facts(source: SourceRow | None) -> list[Any]:
    if source is None:
        return []
    template = [" · ", _("template %(number)s", number=isolated(source.template))] if source.template else []
    count = source.instance_count
    images = [" · ", ngettext("%(n)s image", "%(n)s images", count)] if count > 1 else []
    known = {row.name: row.why for row in (*QUIRKS, *SITE.rows)}
    repaired = [
        _fact(
            _("Deviation repaired"),
            [ltr(name, "code"), html.Div(known.get(name), className="second", lang="en", dir="ltr")],
        )
        for name in source.quirks
    ]
    return [
        _fact(_("Source object"), html.Span([word(KINDS, source.kind) or "?", *template, *images])),
        _fact(_("Series Instance UID") if count > 1 else _("SOP Instance UID"), ltr(source.sop_instance_uid, "code")),
        *repaired,
        _fact(_("Read by"), _("reader version %(version)s", version=isolated(str(source.reader_version)))),
    ]


def _clause(asked: Asked) -> list[Any]:
    quantity = QUANTITIES[asked.column]
    return [_fact(_("Stored in"), ltr(quantity.unit if quantity.unit != "1" else "–")),
            _fact(_("Defined by"), ltr(quantity.source))]  # fmt: skip


def _fact(name: str, value: Any) -> html.Div:  # noqa: ANN401 - a component
    return html.Div([html.Dt(name), html.Dd(value)])


def _sum(detail: StudyDetail, asked: Asked) -> html.Div:
    """A number of ours: which events went into it, and which did not and why."""
    stating = [(n, event) for n, event in enumerate(detail.events, 1) if event.values.get(asked.column) is not None]
    counted = [(n, event) for n, event in stating if event.counted]
    if asked.subject == "fluoro_time_s" and any(row.values.get(asked.column) is not None for row in detail.accumulated):
        return _reported(detail, asked)
    if not counted:
        return html.Div(
            [_head(detail, asked, _("not calculable")), html.P(_("No event states it."), className="quiet")]
        )
    how = _("largest of the events") if asked.subject.endswith("max_mgy") else _("sum of the events")
    left = [(n, event) for n, event in stating if not event.counted]
    covered = [(n, event) for n, event in left if event.covered_by is not None]
    others = [(n, event) for n, event in left if event.covered_by is None]
    better = _("Not counted, because a better source describes the same exposure:")
    return html.Div(
        [
            _head(detail, asked, how),
            _parts(detail, asked.column, counted),
            *([html.P(better, className="quiet"), _parts(detail, asked.column, covered)] if covered else []),
            *([html.P(_("Counted for another patient:"), className="quiet"), _parts(detail, asked.column, others)]
              if others else []),
        ]
    )  # fmt: skip


def _parts(detail: StudyDetail, column: str, parts: list[tuple[int, EventRow]]) -> html.Div:
    rows = [
        html.Li(
            [html.Span([plain_number(n), " ", free(_name(event))]),
             html.Button(amount(column, event.values[column], detail.study.modality), className="value",
                         **attributes(data_value=f"event:{event.id}:{column}"))],
            key=str(event.id),
        )
        for n, event in parts[:SHOWN_PARTS]
    ]  # fmt: skip
    more = _("and %(n)s more", n=isolated(str(len(parts) - SHOWN_PARTS))) if len(parts) > SHOWN_PARTS else None
    return html.Div([html.Ul(rows, className="parts-list"), more])


def _reported(detail: StudyDetail, asked: Asked) -> html.Div:
    """What the reports state for the whole examination: which of their totals went into it."""
    rows = []
    for row in detail.accumulated:
        same = [other for other in detail.accumulated if other.source_object_id == row.source_object_id]
        value = row.values.get(asked.column)
        if value is None:
            continue
        place = word(SIDES, row.laterality) or word(PLANES, row.plane) or _("whole study")
        key = f"total:{row.source_object_id}:{same.index(row)}:{asked.column}"
        shown = amount(asked.column, value, detail.study.modality)
        rows.append(html.Li([html.Span(place), html.Button(shown, className="value", **attributes(data_value=key))]))
    if not rows:
        return html.Div([_head(detail, asked, _("not calculable")),
                         html.P(_("No report states a total of it."), className="quiet")])  # fmt: skip
    how = _("as reported") if asked.value is not None else _("not calculable")
    overlap = html.P(_("The reports overlap: their totals cannot be added."), className="quiet")
    return html.Div([_head(detail, asked, how), html.Ul(rows, className="parts-list"),
                     overlap if asked.value is None else None])  # fmt: skip
