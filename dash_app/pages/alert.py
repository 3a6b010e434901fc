"""One alert: why it was raised, what people found out and decided, and the study beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from dash import MATCH, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import alert_why
from dash_app.components import alert_work_parts as parts
from dash_app.components.alert_parts import PATH, judged
from dash_app.components.alert_words import done, refusal
from dash_app.components.parts import empty, page_head
from dash_app.components.period_parts import today
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import day, number
from dash_app.i18n import N_, _, language
from dash_app.ids import Id, outcome_id
from dose import audit
from dose.queries.alert_follow_up import colleagues
from dose.queries.alert_rows import AlertDetail
from dose.queries.alerts import alert
from dose.scope import Permission, Scope
from dose.store import alert_library as library
from dose.store import alert_work as work
from dose.store.alert_follow_up import finish_follow_up, start_follow_up
from dose.store.alert_settings import plan_of
from dose.store.alert_work import Closing, Seen, WorkRefused

WORK, ANSWER = Permission.WORK_ALERTS, Permission.ANSWER_ALERTS
# What a button does: who may, whether it uses the comment, what is said when it is done
STEPS: Mapping[str, tuple[Permission, bool, str]] = {
    "take": (WORK, False, N_("It is yours now.")),
    "comment": (Permission.VIEW_DOSES, True, N_("The comment is kept.")),
    "reason": (ANSWER, True, N_("Thank you: your reason is kept. A physicist looks at it next.")),
    "accept": (WORK, True, N_("Accepted and closed.")),
    "ask": (WORK, True, N_("Asked again.")),
    "reopen": (WORK, True, N_("Reopened.")),
    "follow": (WORK, False, N_("Follow-up is planned.")),
}


def layout(alert_id: str, search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before its alert is asked for; the comment outlives everything that is made anew around it."""
    bone = html.Div(className="bone block", style={"height": 160})
    may = scope().may(WORK) or scope().may(ANSWER)
    work_column = [
        html.Div(id=Id.ALERT_ANSWER, role="status"),
        html.Div(bone, id=Id.ALERT_STATE),
        parts.writing(may=may),
        html.Div(id=Id.ALERT_END),
        html.Div(id=Id.ALERT_HISTORY),
    ]
    return html.Div(
        [
            *(dcc.Store(id=name) for name in (Id.ALERT_SEEN, Id.ALERT_FRESH, Id.ALERT_ACTION, Id.ALERT_MACRO)),
            dcc.Store(id=Id.ALERT_KEY, data=int(alert_id)),
            html.Div(page_head("…", crumbs=[(_("Alerts"), PATH)]), id=Id.ALERT_HEAD),
            html.Div(
                [
                    html.Div(alert_why.skeleton(), id=Id.ALERT_WHY, className="alert-why"),
                    html.Div(work_column, className="alert-work"),
                    html.Div(id=Id.ALERT_BESIDE, className="alert-beside"),
                ],
                className="alert-columns",
            ),
        ],
        className="alert-page",
    )


@callback(
    Output(Id.ALERT_HEAD, "children"),
    Output(Id.ALERT_STATE, "children"),
    Output(Id.ALERT_END, "children"),
    Output(Id.ALERT_HISTORY, "children"),
    Output(Id.ALERT_BESIDE, "children"),
    Output(Id.ALERT_SEEN, "data"),
    Input(Id.ALERT_KEY, "data"),
    Input(Id.ALERT_FRESH, "data"),
    State(Id.URL, "pathname"),
)
def show_alert(alert_id: int, _fresh: Any, pathname: str) -> tuple[Any, ...]:  # noqa: ANN401 - components
    """Everything about the alert of the address."""
    if pathname.rstrip("/") != f"{PATH}/{alert_id}":
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = alert(session, who, alert_id, today())
        if found is None:
            return (_unknown(), None, None, None, None, None)
        shown = _columns(session, who, found)
    named = {"subject": "alert", "subject_id": alert_id}
    note_view(audit.Action.VIEW_ALERT, alert_id, again=ctx.triggered_id == Id.ALERT_FRESH.value, **named,
              patient_id=found.study.patient_row_id if found.study else None)  # fmt: skip
    return (*shown, {"id": alert_id, "version": str(found.alert.version)})


def _columns(session: Session, who: Scope, found: AlertDetail) -> tuple[Any, ...]:
    row, known = found.alert, library.causes(session, everything=True)
    names = {name: library.said_in(one.names, language()) for one in known for name in (one.key, str(one.id))}
    people = colleagues(session, who, row.site_id) if who.may(WORK) else ()
    every = library.criteria(session, everything=True)
    in_force = [one for one in every if one.active]
    chosen = [one for one in known if one.active]
    return (
        parts.head(row),
        parts.standing(found, who, people, library.reasons(session), names),
        [
            parts.sentences(library.macros(session)),
            *parts.ending(row, who, chosen, in_force, len(every) - len(in_force)),
        ]
        if who.may(WORK)
        else None,
        parts.history(found.steps, names, web().settings.time_zone),
        parts.beside(found, who, today(), plan_of(session, row.site_id)),
    )


def _unknown() -> html.Div:
    back = dcc.Link(_("To the alerts"), href=PATH, className="button")
    text = html.P(_("Or it belongs to a site that your account does not see."))
    return empty(_("No such alert"), [text, back])


# ---- what people do -------------------------------------------------------------------------------------------------


def _do(permission: Permission, step: Callable[[Session, Scope], object], said: str) -> tuple[Any, Any]:
    """Do one step in its transaction; what came of it, and whether the page is made anew.

    It is not after most refusals, so that what was chosen and written stays.
    """
    try:
        with changing(permission) as (session, who):
            step(session, who)
    except WorkRefused as refused:
        return refusal(refused), str(time.monotonic_ns()) if refused.code == "changed" else no_update
    return done(said), str(time.monotonic_ns())


def _text_left(answer: Any) -> Any:  # noqa: ANN401 - components
    """What stays of a comment: nothing once it was used."""
    return "" if "good" in answer.className else no_update


def _seen(data: Mapping[str, Any] | None) -> Seen:
    return Seen.said(str((data or {}).get("id")), str((data or {}).get("version")))


@callback(
    Output(Id.ALERT_ANSWER, "children"),
    Output(Id.ALERT_FRESH, "data"),
    Output(Id.ALERT_TEXT, "value"),
    Input(Id.ALERT_ACTION, "data"),
    State(Id.ALERT_SEEN, "data"),
    State(Id.ALERT_TEXT, "value"),
    prevent_initial_call=True,
)
def act(asked: dict[str, Any] | None, seen: dict[str, Any] | None, text: str | None) -> tuple[Any, ...]:
    """Do what a button says; a comment that was used is taken from its box."""
    what, _colon, which = str((asked or {}).get("action", "")).partition(":")
    if what not in STEPS or seen is None:
        raise PreventUpdate
    permission, takes_text, said = STEPS[what]
    how = (what, which, _seen(seen), text or "")
    answer, fresh = _do(permission, lambda session, who: _step(session, who, *how), _(said))
    return answer, fresh, _text_left(answer) if takes_text else no_update


def _step(session: Session, who: Scope, what: str, which: str, seen: Seen, text: str) -> None:
    steps: Mapping[str, Callable[[], object]] = {
        "take": lambda: work.assign(session, who, seen, who.user_id),
        "comment": lambda: work.comment(session, who, seen.alert_id, text),
        "reason": lambda: work.answer(session, who, seen, which, text),
        "accept": lambda: work.accept(session, who, seen, judged(which), text),
        "ask": lambda: work.ask_again(session, who, seen, text),
        "reopen": lambda: work.reopen(session, who, seen, text),
        "follow": lambda: start_follow_up(session, who, seen.alert_id, today()),
    }
    steps[what]()


@callback(
    Output(Id.ALERT_ANSWER, "children", allow_duplicate=True),
    Output(Id.ALERT_FRESH, "data", allow_duplicate=True),
    Input(Id.ALERT_GIVE, "n_clicks"),
    State(Id.ALERT_WHO, "value"),
    State(Id.ALERT_SEEN, "data"),
    prevent_initial_call=True,
)
def give(clicks: int | None, to: str | None, seen: dict[str, Any] | None) -> tuple[Any, Any]:
    """Give the alert to somebody, or to nobody."""
    if not clicks:
        raise PreventUpdate
    return _do(WORK, lambda session, who: work.assign(session, who, _seen(seen), number(to)), _("Given."))


@callback(
    Output(Id.ALERT_ANSWER, "children", allow_duplicate=True),
    Output(Id.ALERT_FRESH, "data", allow_duplicate=True),
    Input(Id.ALERT_DUE_SET, "n_clicks"),
    State(Id.ALERT_DUE, "value"),
    State(Id.ALERT_SEEN, "data"),
    prevent_initial_call=True,
)
def put_off(clicks: int | None, until: str | None, seen: dict[str, Any] | None) -> tuple[Any, Any]:
    """Change until when it is to be closed."""
    if not clicks:
        raise PreventUpdate
    wanted = day(until)
    if wanted is None:
        return refusal(WorkRefused("due")), no_update
    return _do(WORK, lambda session, who: work.set_due(session, who, _seen(seen), wanted, today()), _("Changed."))


@callback(
    Output(Id.ALERT_ANSWER, "children", allow_duplicate=True),
    Output(Id.ALERT_FRESH, "data", allow_duplicate=True),
    Output(Id.ALERT_TEXT, "value", allow_duplicate=True),
    Input(Id.ALERT_CLOSE, "n_clicks"),
    State(Id.ALERT_SEEN, "data"),
    State(Id.ALERT_CAUSE, "value"),
    State(Id.ALERT_REPORTABLE, "value"),
    State(Id.ALERT_CRITERIA, "value"),
    State(Id.ALERT_TEXT, "value"),
    prevent_initial_call=True,
)
def close(clicks: int | None, seen: dict[str, Any] | None, cause: str | None, declared: str | None, *said: Any) -> Any:  # noqa: ANN401
    """Say what it was, and whether it is declared."""
    if not clicks:
        raise PreventUpdate
    criteria = tuple(one for one in map(number, said[0] or ()) if one)
    closing = Closing(number(cause) or 0, judged(declared), said[1] or "", criteria)
    answer, fresh = _do(WORK, lambda session, who: work.close(session, who, _seen(seen), closing), _("Closed."))
    return answer, fresh, _text_left(answer)


@callback(
    Output(Id.ALERT_TEXT, "value", allow_duplicate=True),
    Input(Id.ALERT_MACRO, "data"),
    State(Id.ALERT_TEXT, "value"),
    prevent_initial_call=True,
)
def put_in(asked: dict[str, Any] | None, text: str | None) -> str:
    """Put a sentence of the library behind what is written."""
    wanted = number(str((asked or {}).get("action")))
    with reading(Permission.VIEW_DOSES) as (session, _who):
        known = {one.id: library.said_in(one.texts, language()) for one in library.macros(session)}
    if wanted not in known:
        raise PreventUpdate
    return " ".join(part for part in ((text or "").strip(), known[wanted]) if part)


@callback(
    Output(outcome_id("answer", MATCH), "children"),
    Input(outcome_id("done", MATCH), "n_clicks"),
    State(outcome_id("text", MATCH), "value"),
    State(outcome_id("done", MATCH), "id"),
    prevent_initial_call=True,
)
def finish(clicks: int | None, text: str | None, which: dict[str, Any]) -> Any:  # noqa: ANN401 - a component
    """Write down what came of a step of follow-up."""
    if not clicks:
        raise PreventUpdate
    step = int(which["number"])
    return _do(WORK, lambda session, who: finish_follow_up(session, who, step, text or ""), _("Kept."))[0]
