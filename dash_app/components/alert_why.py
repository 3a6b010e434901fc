"""The card that says why an alert was raised, in the reader's language; it fills its place on the page of the alert."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import Input, Output, callback, dcc, html
from dash.exceptions import PreventUpdate
from sqlalchemy.exc import SQLAlchemyError

from dash_app.components.outlier_parts import (
    bar,
    bar_key,
    images_link,
    level_text,
    no_rank,
    sentence,
    size_text,
    waterfall,
)
from dash_app.components.parts import badge, icon, table, trouble
from dash_app.components.study_parts import amount_text, previews
from dash_app.components.values import age_text, amount, free, local_time, ltr, symbol, told
from dash_app.context import note_view, reading, scope, web
from dash_app.figures.style import trend_address
from dash_app.filters import address
from dash_app.i18n import _, isolated, language, ngettext
from dash_app.ids import Id
from dash_app.procedure_names import procedure_said
from dash_app.vocabulary import name_of
from dose import audit
from dose.alerts import wording
from dose.alerts.causes import Cause
from dose.alerts.identity import IDENTITY, Doubt
from dose.alerts.periodic import DRIFT, NO_DOSE, NOTICES, SILENT
from dose.alerts.shipped import name_in
from dose.log import logger
from dose.quantities import number_text
from dose.queries.alert_rows import AlertRow
from dose.queries.alert_why import Before, Near, Why, whose, why
from dose.queries.alerts import alert as find_alert
from dose.queries.choice import all_of, one_of
from dose.queries.standing import DoseStanding, StudyStanding
from dose.scope import Permission
from dose.statistics.outliers import Size

LOG = logger(__name__)
_PATH = re.compile(r"/alerts/(\d{1,10})/?")


def skeleton() -> list[html.Div]:
    """The shape of the card while it is loading."""
    heights = (64, 92, 180, 220)
    return [html.Div(className="bone block", style={"height": height}) for height in heights]


@callback(Output(Id.ALERT_WHY, "children"), Input(Id.URL, "pathname"))
def show_why(pathname: str | None) -> list[Any]:
    """Why the alert of the address was raised."""
    found = _PATH.fullmatch(pathname or "")
    if found is None:
        raise PreventUpdate  # on the way to another page
    try:
        return _explained(int(found[1]))
    except SQLAlchemyError as error:
        number = secrets.token_hex(4)
        LOG.error("an alert could not be explained", exc_info=error, extra={"incident": number})
        return [trouble(_("Why it was raised could not be found out."), _("The alert itself is kept."), number)]


def _explained(alert_id: int) -> list[Any]:
    with reading(Permission.VIEW_DOSES) as (session, who):
        today = datetime.now(UTC).astimezone(ZoneInfo(web().settings.time_zone)).date()
        detail = find_alert(session, who, alert_id, today)
        found = why(session, who, detail.alert) if detail is not None else None
        patient = whose(session, who, alert_id)
    if found is None:
        return []  # the page says so
    note_view(audit.Action.VIEW_ALERT, alert_id, again=True, subject="alert", subject_id=alert_id, patient_id=patient)
    return card(found)


def card(found: Why) -> list[Any]:
    """All parts that there is something to say in, the most telling first."""
    parts = [_said(found), _doubts(found), _causes(found), _together(found.alert)]
    if found.detail is None:
        return [*parts, _elsewhere(found.alert)]
    return [*parts, _difference(found), _images(found), _near(found), _before(found)]


def _part(title: str, *children: Any) -> html.Section:  # noqa: ANN401 - components
    return html.Section([html.H3(title), *children], className="why-part")


# ---- what happened --------------------------------------------------------------------------------------------------


def _said(found: Why) -> html.Div:
    alert, here = found.alert, language()
    remarks = [html.Li(told(wording.remark(code, here))) for code in alert.details.get("remarks", ())]
    held = wording.held_back(alert.details.get("held_back", ()), here)
    rule = found.rule
    name = free(name_in(alert.rule_key, rule.name, here)) if rule else None
    source = html.Div([name, " · ", free(rule.citation)], className="second") if rule else None
    return html.Div(
        [
            html.P(told(wording.sentence(alert, here)), className="why-said"),
            html.Ul(remarks, className="plain-list") if remarks else None,
            html.P([icon("note"), told(held)], className="with-icon held-back") if held else None,
            source,
        ]
    )


def _doubts(found: Why) -> html.Section | None:
    """Each doubt about the name: what was found, and what the name would have. An alert of them says so itself."""
    said = (
        ()
        if found.alert.kind == IDENTITY
        else found.alert.details.get("doubts") or [_as_said(one) for one in found.doubts]
    )
    if not said:
        return None
    lines = [html.Li(told(wording.doubt_sentence(one, language()))) for one in said]
    return _part(_("What speaks against the name"), html.Ul(lines, className="plain-list"))


def _as_said(one: Doubt) -> Mapping[str, Any]:
    return {"code": one.code, "said": one.said, "expected": one.expected}


def _causes(found: Why) -> html.Section | None:
    if not found.causes:
        return None
    marks = [_cause(one, "neutral" if n else "amber") for n, one in enumerate(found.causes)]
    note = html.Span(_("A suggestion: a person says what it was."), className="quiet")
    return _part(_("What may lie behind it"), html.Div(marks, className="why-causes"), note)


def _cause(one: Cause, kind: str) -> html.Span:
    """A suggestion, and by what it multiplies the dose where it is a part of it."""
    name, ratio = wording.cause_name(one.code, language()), one.details.get("ratio")
    times = "" if ratio is None else isolated(f"× {number_text(ratio, 2)}")
    return badge(f"{name} {times}".strip(), kind)


def _together(alert: AlertRow) -> html.Section | None:
    """The other examinations that a sum or a repetition is made of."""
    others = [number for number in alert.details.get("studies", ()) if number != alert.study_id]
    return _part(_("Counted together with"), html.P(_numbers(others))) if others else None


# ---- the dose among its like ----------------------------------------------------------------------------------------


def _difference(found: Why) -> html.Section | None:
    stand = found.standing
    judged = stand.doses.get(stand.judged or "") if stand else None
    if stand is None or judged is None:
        text = _("There is nothing to compare it with: no protocol, no device, or a dose that statistics leave out.")
        return _part(_("Among its like"), html.P(text, className="quiet"))
    return _part(_("Among its like"), *_ranked(found, stand, judged))


def _ranked(found: Why, stand: StudyStanding, judged: DoseStanding) -> list[Any]:
    column, modality = judged.measure.column, found.alert.modality
    size = html.P(told(size_said(found.weight_kg, judged.size))) if judged.size else None
    if judged.standing.median is None or judged.size is None:
        return [html.P(told(no_rank(judged.standing.n, judged.size)), className="quiet"), size]
    text = sentence(judged.standing, judged.size, stand.parts, by_protocol=stand.by_protocol)
    limit = level_text(judged.level, column, modality)
    return [
        html.P([html.Strong(name_of(column)), ": ", told(text)]),
        bar(judged.standing, judged.level, column, modality),
        bar_key(),
        html.P(told(limit), className="second") if limit else None,
        waterfall(stand.parts),
        size,
    ]


def size_said(weight_kg: float | None, size: Size) -> str:
    """The size of the patient beside that of those it is compared with."""
    if weight_kg is None:
        return _("The weight is not stated; compared with patients of %(size)s.", size=size_text(size))
    weight = isolated(f"{number_text(weight_kg, 3)} kg")
    return _("The patient weighs %(weight)s; compared with patients of %(size)s.", weight=weight, size=size_text(size))


def _near(found: Why) -> html.Section | None:
    """The studies that are most like it, itself on top."""
    if not found.near or found.measure is None or found.own_value is None or found.detail is None:
        return None
    size = _("Age") if found.weight_kg is None else _("Weight")
    titles: list[Any] = [_("Study"), size, symbol(found.measure.column), _("This one is")]
    head = [html.Th(title, scope="col") for title in titles]
    rows = [_near_row(one, found) for one in found.near]
    lead = _("Same protocol, device and size; the nearest in size first.")
    return _part(_("The most alike"), html.P(lead, className="quiet"), table(head, rows, "compact why-near"))


def _near_row(one: Near, found: Why) -> html.Tr:
    assert found.measure is not None
    assert found.own_value is not None
    link = dcc.Link(ltr(one.day.isoformat(), "unbroken"), href=f"/studies/{one.study_id}")
    age = age_text(one.age_years) if found.weight_kg is None and one.age_years is not None else None
    ratio = ltr(f"× {number_text(found.own_value / one.value, 2)}" if one.value > 0 else None, "num")
    cells = [link, told(age) if age else amount_text(one.weight_kg, "kg"),
             amount(found.measure.column, one.value, found.alert.modality), ratio]  # fmt: skip
    return html.Tr([html.Td(cell) for cell in cells])


# ---- the patient and the images -------------------------------------------------------------------------------------


def _before(found: Why) -> html.Section | None:
    title = _("Earlier examinations of this patient")
    if not found.before:
        return _part(title, html.P(_("None is known here."), className="quiet"))
    if all(one.study is None for one in found.before):
        return _part(title, html.P(_numbers([one.study_id for one in found.before])))
    return _part(title, html.Ul([_earlier(one) for one in found.before], className="earlier-list"))


def _numbers(study_ids: Sequence[int]) -> list[Any]:
    links = [dcc.Link(isolated(f"#{number}"), href=f"/studies/{number}") for number in study_ids]
    return [part for link in links for part in (" · ", link)][1:]


def _earlier(one: Before) -> html.Li:
    study = one.study
    assert study is not None
    name = study.description or next(iter(study.protocols), None) or _("Study without a name")
    day = local_time(study.started_at)[0] or _("no date")
    modality = html.Span(study.modality or "?", className="modality")
    link = dcc.Link([html.Bdi(day, dir="ltr"), " ", modality, " ", free(name)], href=f"/studies/{study.id}")
    ago = None
    if one.days is not None:
        ago = ngettext("%(n)s day before", "%(n)s days before", one.days) if one.days else _("the same day")
    doses = [amount(quantity, value, study.modality) for quantity, value in _doses(study) if value]
    dose = html.Span([" · ", doses[0]]) if doses else None
    return html.Li([link, " ", html.Span(told(ago), className="quiet") if ago else None, dose])


def _doses(study: Any) -> list[tuple[str, float | None]]:  # noqa: ANN401 - a row of studies
    return [("dlp_mgy_cm", study.dlp_sum_mgy_cm), ("pka_gy_cm2", study.pka_sum_gy_cm2), ("agd_mgy", study.agd_sum_mgy),
            ("activity_mbq", study.activity_sum_mbq)]  # fmt: skip


def _images(found: Why) -> html.Section | None:
    if found.detail is None or not scope().may(Permission.VIEW_IMAGES):
        return None
    link = images_link(found.detail.study, may=True)
    return _part(_("Images"), html.Div(previews(found.detail, web().settings.viewer_url)), link)


# ---- what is about no study -----------------------------------------------------------------------------------------


def _elsewhere(alert: AlertRow) -> html.Section | None:
    """Where to look, for alerts of devices and of the system."""
    links = [dcc.Link([text, icon("next")], href=href, className="button small") for text, href in _places(alert)]
    more = {DRIFT: _of_median, NO_DOSE: _by_uid}.get(alert.kind)
    return _part(_("Where to look"), more(alert) if more else None, html.Div(links, className="why-causes"))


def _of_median(alert: AlertRow) -> html.P:
    """Of which procedure, and how sure the change is."""
    named = procedure_said(alert.details.get("procedure_id"))
    ends = [isolated(number_text(one, 3)) for one in alert.details.get("interval", ())]
    sure = ends and _("Ratio of the medians: %(low)s to %(high)s (95 %% confidence).", low=ends[0], high=ends[1])
    return html.P([html.Strong(free(named)) if named else None, " ", told(sure) if sure else None])


def _by_uid(alert: AlertRow) -> html.Details:
    named = [html.Li(ltr(uid, "code")) for uid in alert.details.get("study_uids", ())]
    return html.Details([html.Summary(_("Studies by their UIDs")), html.Ul(named, className="plain-list")])


def _places(alert: AlertRow) -> list[tuple[str, str]]:
    said, device = alert.details, alert.device_id
    if alert.kind == DRIFT and device is not None and alert.modality and said.get("measure"):
        behind = all_of(one_of("device", device), one_of("procedure", said["procedure_id"]))
        return [(_("The median over time"), trend_address(alert.modality, said["measure"], behind))]
    if alert.kind == SILENT and device is not None:
        return [(_("Studies of the device"), address({"device": str(device)}, "/studies"))]
    if alert.kind == NO_DOSE:
        return [(_("Quality"), "/quality")]
    if alert.kind == NOTICES:
        return [(_("To the notices"), "/notices")]
    return [(_("To the system"), "/system")]
