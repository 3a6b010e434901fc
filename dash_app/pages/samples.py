"""Quality control of transferred data: the months of each device, and the sheet beside its console."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import MATCH, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request

from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.period_parts import today
from dash_app.components.quality_parts import tabs
from dash_app.components.sample_parts import (
    deviation_text,
    months_table,
    plan_text,
    refusal,
    sheet_buttons,
    sheet_path,
    sheet_table,
    signature,
    unit_text,
)
from dash_app.components.values import free, ltr
from dash_app.context import changing, note, note_view, reading, scope, web
from dash_app.i18n import _
from dash_app.ids import Id, sample_id
from dash_app.pages import provenance
from dose import audit
from dose.quantities import QUANTITIES
from dose.queries.samples import SampleStudy, SampleValue, Sheet, overview, sheet
from dose.scope import Permission
from dose.store import samples
from dose.store.samples import SAMPLED, SampleRefused

blueprint = Blueprint("samples", __name__)
MANAGE = Permission.MANAGE_QUALITY


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the months."""
    bone = html.Div(className="bone block", style={"height": 240})
    return html.Div(
        [
            page_head(_("Samples")),
            tabs("/quality/samples"),
            html.P(
                _("Each month a random sample of every device is compared with what its console shows, and signed."),
                className="lead",
            ),
            html.Div(id=Id.SAMPLES_ANSWER, role="status"),
            html.Div(bone, id=Id.SAMPLES_BODY),
        ],
        className="quality",
    )


@callback(Output(Id.SAMPLES_BODY, "children"), Input(Id.SAMPLES_BODY, "id"), Input(Id.SAMPLES_ANSWER, "children"))
def show_months(_id: str, _answer: Any) -> list[Any]:  # noqa: ANN401 - a trigger
    """The last year, after drawing the month that is over if nobody has."""
    if scope().may(MANAGE):
        _draw_due()
    with reading(Permission.VIEW_QUALITY) as (session, who):
        found = overview(session, who, today())
    note_view(audit.Action.VIEW_QUALITY, "samples", again=False, subject="sample")
    if not found.devices:
        text = _("A sample is drawn when a month with studies is over.")
        return [empty(_("No month to compare yet"), html.P(text), "quality"), _plan(found.plan)]
    return [html.P(plan_text(found), className="quiet"), months_table(found), _plan(found.plan)]


def _draw_due() -> None:
    month = samples.last_finished(today())
    with reading(MANAGE) as (session, _who):
        if not samples.undrawn(session, month):
            return
    with changing(MANAGE) as (session, who):
        count = samples.draw_month(session, month, today())
        if count:
            audit.record(session, who, audit.Action.SAMPLE_DRAW, subject="sample", month=str(month), studies=count,
                         address=request.remote_addr)  # fmt: skip


def _plan(plan: samples.Plan) -> Any:  # noqa: ANN401 - a component
    if not scope().may(MANAGE):
        return None
    fields = [
        dmc.NumberInput(id=Id.SAMPLES_SIZE, label=_("Studies a device and month"), value=plan.sample_size,
                        min=samples.SMALLEST, max=samples.LARGEST, size="xs"),
        dmc.NumberInput(id=Id.SAMPLES_TOLERANCE, label=_("Tolerance in %"), value=plan.tolerance * 100, min=0, max=99,
                        decimalScale=1, size="xs"),
        html.Button(_("Save"), id=Id.SAMPLES_PLAN, className="button small"),
    ]  # fmt: skip
    said = html.P(_("Holds for samples drawn from now on; the tolerance for all that is shown."), className="quiet")
    return section(_("Plan"), [html.Div(fields, className="choices plan"), said])


@callback(
    Output(Id.SAMPLES_ANSWER, "children"),
    Input(Id.SAMPLES_PLAN, "n_clicks"),
    State(Id.SAMPLES_SIZE, "value"),
    State(Id.SAMPLES_TOLERANCE, "value"),
    prevent_initial_call=True,
)
def keep_plan(clicks: int | None, size: Any, tolerance: Any) -> Any:  # noqa: ANN401 - of number fields
    """Put another plan in force."""
    if not clicks:
        raise PreventUpdate
    try:
        with changing(MANAGE) as (session, who):
            samples.set_plan(session, who.user_name, int(size or 0), float(tolerance or 0) / 100)
            audit.record(session, who, audit.Action.SAMPLE_PLAN, subject="sample", size=size, tolerance=tolerance,
                         address=request.remote_addr)  # fmt: skip
    except (SampleRefused, ValueError):
        return _said("bad", refusal("bad-plan"))
    return _said("good", _("The plan is saved."))


def _said(kind: str, text: str) -> html.Div:
    return html.Div([icon("ok" if kind == "good" else "note"), text], className=f"message {kind}")


def sheet_layout(device_id: str, month: str, search: str = "") -> html.Div:  # noqa: ARG001 - of the address
    """The page before its sample is asked for."""
    bone = html.Div(className="bone block", style={"height": 300})
    return html.Div(
        [
            dcc.Store(id=Id.SHEET_KEY, data=[int(device_id), month]),
            dcc.Store(id=Id.SHEET_ACTION),
            html.Div(id=Id.SHEET_ANSWER, role="status"),
            html.Div(bone, id=Id.SHEET_BODY),
            provenance.drawer(),
        ],
        className="quality",
    )


@callback(
    Output(Id.SHEET_BODY, "children"),
    Output(Id.SHEET_ANSWER, "children"),
    Input(Id.SHEET_KEY, "data"),
    Input(Id.SHEET_ACTION, "data"),
)
def show_sheet(key: list[Any], asked: dict[str, Any] | None) -> tuple[Any, Any]:
    """The sample, after drawing it at its first view, signing it or opening it again."""
    device_id, month = int(key[0]), _month(key[1])
    pressed = (asked or {}).get("action") if ctx.triggered_id == Id.SHEET_ACTION else "draw"
    answer = _act(str(pressed), device_id, month) if scope().may(MANAGE) else None
    with reading(Permission.VIEW_QUALITY) as (session, who):
        found = sheet(session, who, device_id, month)
    if found is None:
        return empty(_("No such device"), dcc.Link(_("Samples"), href="/quality/samples", className="button")), None
    note_view(audit.Action.VIEW_QUALITY, tuple(key), again=asked is not None, subject="sample", subject_id=device_id,
              month=str(month), studies=[one.study_id for one in found.studies])  # fmt: skip
    return _sheet(found), answer


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise PreventUpdate from None


def _act(what: str, device_id: int, month: date) -> Any:  # noqa: ANN401 - a component
    try:
        with changing(MANAGE) as (session, who):
            if sheet(session, who, device_id, month) is None:
                return None
            action, count = _change(session, who.user_name, what, device_id, month)
            if count:
                audit.record(session, who, action, subject="sample", subject_id=device_id, month=str(month),
                             values=count, address=request.remote_addr)  # fmt: skip
    except SampleRefused as refused:
        return _said("bad", refusal(refused.code)) if what != "draw" else None
    return _said("good", _("Signed.")) if what == "sign" else None


def _change(session: Any, who: str, what: str, device_id: int, month: date) -> tuple[audit.Action, int]:  # noqa: ANN401
    if what == "sign":
        return audit.Action.SAMPLE_SIGN, samples.sign(session, who, device_id, month)
    if what == "reopen":
        return audit.Action.SAMPLE_REOPEN, samples.reopen(session, who, device_id, month)
    return audit.Action.SAMPLE_DRAW, samples.draw(session, device_id, month, today())


def _sheet(found: Sheet) -> list[Any]:
    zone, may_edit = web().settings.time_zone, scope().may(MANAGE)
    title = [free(found.name), " ", ltr(f"{found.month:%Y-%m}", "quiet")]
    crumbs = [(_("Quality"), "/quality"), (_("Samples"), "/quality/samples")]
    if not found.studies:
        text = _("There was no study of a patient in this month, or it is not over, or nobody has drawn the sample.")
        return [page_head(title, crumbs=crumbs), empty(_("Nothing was drawn"), html.P(text), "quality")]
    buttons = sheet_buttons(found, may_edit, scope().may(Permission.EXPORT), Id.SHEET_ACTION.value)
    return [
        page_head(title, [signature(found, zone), *buttons], crumbs=crumbs),
        html.P(plan_text(found), className="quiet"),
        sheet_table(found, may_edit),
    ]


@callback(
    Output(sample_id("deviation", MATCH), "children"),
    Output(sample_id("console", MATCH), "error"),
    Input(sample_id("console", MATCH), "value"),
    Input(sample_id("comment", MATCH), "value"),
    State(sample_id("console", MATCH), "id"),
    State(Id.SHEET_KEY, "data"),
    prevent_initial_call=True,
)
def keep_value(text: str | None, comment: str | None, which: dict[str, Any], key: list[Any]) -> tuple[Any, Any]:
    """Write down what the console shows, as soon as the field is left."""
    try:
        with changing(MANAGE) as (session, who):
            before = _mine(sheet(session, who, int(key[0]), _month(key[1])), which["number"])
            if not before:
                return no_update, refusal("gone")
            if (text or "", comment or "") == (before[0][1].console_text or "", before[0][1].comment or ""):
                return no_update, None
            samples.enter(session, who.user_name, int(which["number"]), text or "", comment or "")
            audit.record(session, who, audit.Action.SAMPLE_ENTER, subject="sample", subject_id=which["number"],
                         address=request.remote_addr)  # fmt: skip
            study, value = _mine(sheet(session, who, int(key[0]), _month(key[1])), which["number"])[0]
    except SampleRefused as refused:
        return no_update, refusal(refused.code)
    return deviation_text(value, study.modality), None


def _mine(found: Sheet | None, number: object) -> list[tuple[SampleStudy, SampleValue]]:
    pairs = [(study, value) for study in (found.studies if found else ()) for value in study.values]
    return [pair for pair in pairs if pair[1].id == number]


@blueprint.get("/quality/samples/<int:device_id>/<month>.csv")
def as_csv(device_id: int, month: str) -> Response:
    """The sheet as a table for other programs: canonical texts, one value a line."""
    scope().require(Permission.EXPORT)
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        abort(404)
    with reading(Permission.VIEW_QUALITY) as (session, who):
        found = sheet(session, who, device_id, first)
    if found is None:
        abort(404)
    note(audit.Action.EXPORT, subject="sample", subject_id=device_id, month=str(first), count=len(found.values))
    answer = Response(_csv(found), mimetype="text/csv")
    name = sheet_path(device_id, first).removeprefix("/quality/").replace("/", "-")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


HEADS = ("study_instance_uid", "started_at", "quantity", "here", "canonical_unit", "console_as_typed", "typed_in",
         "console", "deviation", "deviation_percent", "agrees", "remark", "signed_at", "signed_by")  # fmt: skip


def _csv(found: Sheet) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(HEADS)
    for study in found.studies:
        writer.writerows(_csv_line(found, study, value) for value in study.values)
    return "\ufeff" + lines.getvalue()


def _csv_line(found: Sheet, study: SampleStudy, value: SampleValue) -> list[Any]:
    apart = value.deviation
    return [
        _harmless(study.study_instance_uid), study.started_at, value.column, value.ours,
        QUANTITIES[SAMPLED[value.column]].unit, value.console_text,
        unit_text(value.column, study.modality), value.console,
        apart.absolute if apart else None,
        None if apart is None or apart.relative is None else round(apart.relative * 100, 3),
        apart.agrees if apart else None, _harmless(value.comment), found.signed_at,
        _harmless(found.signed_by),
    ]  # fmt: skip


def _harmless(text: str | None) -> str | None:
    """Free text that no spreadsheet takes for a formula."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
