"""Corrections: the dialogs of the study page, and the list of all of them with undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dash import ALL, Input, Output, State, callback, ctx, dcc, html, no_update, set_props
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import correction_parts as parts
from dash_app.components.parts import empty, page_head, skeleton_rows, table
from dash_app.context import changing, note, note_view, reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dose import audit
from dose.errors import CannotCorrect
from dose.extract import extract
from dose.queries import corrections as asked_of
from dose.queries import study_detail
from dose.scope import Permission, Scope
from dose.store import corrections
from dose.store.persons import NewPatient

PAGE_SIZE = 50
Act = Callable[[Session, Scope], Any]
About = dict[str, Any]
CHOICES = {"type": "correct", "name": ALL}


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the list."""
    return html.Div(
        [
            page_head(_("Corrections"), [html.Span(id=Id.CORRECTIONS_COUNT, className="quiet", role="status")]),
            html.P(
                _("What people set right. Each can be undone; what devices sent is kept as it is."), className="lead"
            ),
            html.Div(table(_heads(), skeleton_rows(6, 5)), id=Id.CORRECTIONS_BODY),
            parts.dialog(),
        ]
    )


def _heads() -> list[html.Th]:
    return [html.Th(text) for text in (_("When, who"), _("What"), _("Study"), _("Reason"), "")]


@callback(
    Output(Id.CORRECTIONS_BODY, "children"),
    Output(Id.CORRECTIONS_COUNT, "children"),
    Input(Id.URL, "search"),
    Input(Id.CORRECT_DONE, "data"),
    State(Id.URL, "pathname"),
)
def show_corrections(search: str | None, _done: Any, pathname: str) -> tuple[Any, str]:  # noqa: ANN401 - a trigger
    """All corrections, newest first."""
    if pathname.rstrip("/") != "/corrections":
        raise PreventUpdate
    page = number(parameters(search).get("page")) or 1
    with reading(Permission.CORRECT) as (session, who):
        found = asked_of.corrections(session, who, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    note(audit.Action.VIEW_LIST, subject="corrections", shown=len(found.rows))
    return _list(found, page), ngettext("%(n)s correction", "%(n)s corrections", found.total)


def _list(found: asked_of.CorrectionPage, page: int) -> Any:  # noqa: ANN401 - a component
    if not found.rows:
        return empty(_("Nothing was corrected"), html.P(_("Studies are corrected from their own page.")), "correct")
    rows = [parts.correction_row(row, web().settings.time_zone, scope()) for row in found.rows]
    links = [
        dcc.Link(isolated(str(n)), href=address({"page": str(n)}, "/corrections"),
                 className="button small current" if n == page else "button small")
        for n in range(1, -(-found.total // PAGE_SIZE) + 1)
    ]  # fmt: skip
    return [table(_heads(), rows, "stack"), html.Nav(links, className="pager") if len(links) > 1 else None]


@callback(
    Output(Id.CORRECT, "opened"),
    Output(Id.CORRECT, "title"),
    Output(Id.CORRECT_BODY, "children"),
    Output(Id.CORRECT_FOOT, "hidden"),
    Output(Id.CORRECT_ABOUT, "data"),
    Output(Id.CORRECT_REASON, "value"),
    Output(Id.CORRECT_ANSWER, "children"),
    Output(Id.CORRECT_DO, "children"),
    Input(Id.CORRECT_ASKED, "data"),
    State(Id.URL, "pathname"),
    prevent_initial_call=True,
)
def open_correction(asked: About | None, pathname: str) -> tuple[Any, ...]:
    """Open the dialog of the task whose button was pressed."""
    task, _colon, which = str((asked or {}).get("action", "")).partition(":")
    study_id = number(pathname.rstrip("/").rpartition("/")[2]) or 0
    about = {"task": task, "id": study_id, "other": number(which) or 0}
    if task == "undo":
        about["id"] = number(which) or 0
    with reading(_permission(task)) as (session, who):
        title, body = _opened(session, who, task, about)
    _looked(about, [])
    button = _("Undo") if task == "undo" else _("Correct")
    return True, title, body, task == "history", about, "", None, button


def _looked(about: About, concerned: Sequence[int]) -> None:
    """Dialogs name people: the browser says of which study, so a look is on record whether or not its page was seen."""
    subject = "correction" if about["task"] == "undo" else "study"
    what = ("correction", about["task"], about["id"], *concerned)
    note_view(audit.Action.VIEW_STUDY, what, again=True, subject=subject, subject_id=about["id"])


def _permission(task: str) -> Permission:
    if task == "history":
        return Permission.VIEW_DOSES
    if task == "apart":
        return Permission.CORRECT
    return parts.TASKS[task][2] if task in parts.TASKS else Permission.ENTER_SIZE


def _opened(session: Session, who: Scope, task: str, about: About) -> tuple[str, Any]:
    zone, number_of = web().settings.time_zone, about["id"]
    if task == "history":
        found = asked_of.corrections_of(session, who, number_of)
        return _("Corrections of this study"), parts.history(found, zone, who)
    if task == "apart":
        return _("Not the same examination?"), _apart(session, who, about)
    if task == "undo":
        row = asked_of.correction(session, who, number_of)
        return _("Undo this correction?"), parts.undo_form(row, zone) if row else None
    if task not in parts.TASKS:
        raise PreventUpdate
    return _(parts.TASKS[task][1]), _form(session, who, task, number_of)


def _apart(session: Session, who: Scope, about: About) -> list[Any]:
    study, other = (study_detail(session, who, about[name]) for name in ("id", "other"))
    if study is None or other is None:
        raise PreventUpdate
    return parts.apart_form(study.study, other.study)


def _form(session: Session, who: Scope, task: str, study_id: int) -> list[Any]:
    detail = study_detail(session, who, study_id)
    if detail is None:
        raise PreventUpdate
    if task == "patient":
        patient = detail.study.patient_row_id
        studies = asked_of.studies_of_patient(session, who, patient)
        return parts.patient_form(studies, study_id, asked_of.person(session, who, patient))
    if task == "size":
        return parts.size_form(detail)
    if task == "kind":
        return parts.kind_form(detail.study.is_patient)
    return parts.events_form(detail.events) if task == "events" else [parts.target_form()]


@callback(
    Output(Id.CORRECT_FOUND, "children"),
    Input(Id.CORRECT_FIND, "value"),
    State(Id.CORRECT_ABOUT, "data"),
    prevent_initial_call=True,
)
def find_candidates(text: str | None, about: About | None) -> Any:  # noqa: ANN401 - a component
    """Who, or which study, may be meant."""
    wanted, of_patient = (text or "").strip(), (about or {}).get("task") == "patient"
    with reading(Permission.CORRECT) as (session, who):
        people = asked_of.find_people(session, who, wanted) if of_patient else ()
        studies = (
            () if of_patient else asked_of.find_target_studies(session, who, wanted, int((about or {}).get("id", 0)))
        )
    if wanted:
        note(audit.Action.VIEW_LIST, subject="candidates", shown=len(people) + len(studies))
    return parts.found_people(people, bool(wanted)) if of_patient else parts.found_studies(studies, bool(wanted))


@callback(
    Output(Id.CORRECT_PREVIEW, "children"),
    Output(Id.CORRECT_DO, "disabled"),
    Input(Id.CORRECT_ABOUT, "data"),
    Input(CHOICES, "value"),
    Input({"type": "correct-switch", "name": ALL}, "checked"),
    prevent_initial_call=True,
)
def preview_correction(about: About | None, _chosen: list[Any], _switched: list[Any]) -> tuple[Any, bool]:
    """What would change, and whether it can be done."""
    scope().require(_permission(str((about or {}).get("task"))))
    wish = _wish(about or {}, _values(ctx.inputs_list[1:]), None)
    if wish is None:
        return None, True
    try:
        return _previewed(about or {}, _values(ctx.inputs_list[1:]), wish), False
    except (CannotCorrect, LookupError) as error:
        return _refused(error), True


def _previewed(about: About, values: About, wish: Act) -> Any:  # noqa: ANN401 - a component
    with changing(_permission(str(about.get("task")))) as (session, who):
        studies, people = _concerned(session, who, about, values)
        effect = asked_of.preview(session, who, studies, people, lambda: wish(session, who))
    _looked(about, [*studies, 0, *people])
    return parts.effect_view(effect) if effect.studies or effect.persons else None


def _concerned(session: Session, who: Scope, about: About, values: About) -> tuple[list[int], list[int]]:
    row = asked_of.correction(session, who, about["id"]) if about["task"] == "undo" else None
    if row is not None:
        studies = [one.id for one in (row.study, row.target) if one]
        return studies, [one.id for one in (row.person, row.former) if one]
    chosen = [number(text) or 0 for text in values.get("studies") or ()] or [about["id"]]
    targets = [number(values.get("target")), about.get("other")]
    person = number(values.get("person"))
    return [*chosen, *(one for one in targets if one)], [person] if person else []


@callback(
    Output(Id.CORRECT, "opened", allow_duplicate=True),
    Output(Id.CORRECT_ANSWER, "children", allow_duplicate=True),
    Output(Id.CORRECT_DONE, "data"),
    Input(Id.CORRECT_DO, "n_clicks"),
    State(Id.CORRECT_ABOUT, "data"),
    State(CHOICES, "value"),
    State({"type": "correct-switch", "name": ALL}, "checked"),
    State(Id.CORRECT_REASON, "value"),
    State(Id.URL, "pathname"),
    prevent_initial_call=True,
)
def correct(
    clicks: int | None, about: About | None, _chosen: list[Any], _switched: list[Any], reason: str | None, path: str
) -> tuple[Any, Any, Any]:
    """Correct or undo, in one transaction."""
    scope().require(_permission(str((about or {}).get("task"))))
    wish = _wish(about or {}, _values(ctx.states_list[1:3]), reason) if clicks else None
    if wish is None:
        return no_update, no_update, no_update
    try:
        with changing(_permission(str((about or {}).get("task")))) as (session, who):
            wish(session, who)
    except (CannotCorrect, LookupError) as error:
        return no_update, _refused(error), no_update
    _show_again(path)
    return False, None, clicks


def _show_again(path: str) -> None:
    study_id = number(path.rstrip("/").rpartition("/")[2]) if path.startswith("/studies/") else None
    if study_id:
        set_props(Id.STUDY_KEY.value, {"data": study_id})


def _values(groups: list[Any]) -> About:
    """What stands in the dialog, by name."""
    parts_ = [one for group in groups for one in (group if isinstance(group, list) else [])]
    return {one["id"]["name"]: one.get("value") for one in parts_ if isinstance(one.get("id"), dict)}


def _wish(about: About, values: About, reason: str | None) -> Act | None:
    """What the dialog asks for, None while something is missing."""
    task, study_id = about.get("task"), int(about.get("id") or 0)
    target = number(values.get("target"))
    if task == "undo":
        return lambda session, who: corrections.undo(session, who, study_id, extract)
    if task == "apart":
        return lambda session, who: corrections.tell_apart(session, who, study_id, about.get("other") or 0, reason)
    if task == "patient":
        return _whose(values, study_id, reason)
    if task == "size":
        height, weight = _size(values.get("height")), _size(values.get("weight"))
        return lambda session, who: corrections.set_size(session, who, study_id, height, weight, reason)
    if task == "kind":
        is_patient = values.get("is_patient") != "no"
        return lambda session, who: corrections.set_is_patient(session, who, study_id, is_patient, reason)
    if task == "merge" and target:
        return lambda session, who: corrections.merge_studies(session, who, study_id, target, reason)
    events = [number(text) or 0 for text in values.get("events") or ()]
    if task == "events" and target and events:
        return lambda session, who: corrections.assign_events(session, who, study_id, events, target, reason)
    return None


def _whose(values: About, study_id: int, reason: str | None) -> Act | None:
    person, studies = number(values.get("person")), [number(text) or 0 for text in values.get("studies") or ()]
    if person and values.get("same"):
        return lambda session, who: corrections.merge_patients(
            session, who, _patient_of(session, who, study_id), person, reason
        )
    new = NewPatient(**{name: values.get(f"new_{name}") or None for name in NewPatient.__dataclass_fields__})
    if not (person or new.patient_id or new.name) or not studies:
        return None
    several = len(studies) > 1
    return lambda session, who: corrections.assign_studies(
        session, who, studies, person or new, reason, splitting=several
    )


def _patient_of(session: Session, who: Scope, study_id: int) -> int:
    detail = study_detail(session, who, study_id)
    if detail is None:
        raise LookupError(f"no study {study_id} for this account")
    return detail.study.patient_row_id


def _size(value: Any) -> float | None:  # noqa: ANN401 - what a number field gives
    return float(value) if isinstance(value, int | float) else None


def _refused(error: CannotCorrect | LookupError) -> Any:  # noqa: ANN401 - a component
    if isinstance(error, LookupError):
        return parts.refusal("gone", None, web().settings.time_zone)
    later = None
    if error.correction_id is not None:
        with reading(Permission.ENTER_SIZE) as (session, who):
            later = asked_of.correction(session, who, error.correction_id)
    return parts.refusal(error.code, later, web().settings.time_zone)
