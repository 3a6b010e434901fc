"""Names: what local names mean, which mean nothing yet, and the rules that say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response

from dash_app.components.name_empty import nothing_found, without_vocabulary
from dash_app.components.name_parts import (
    conflict_table,
    duplicate_table,
    history_table,
    name_table,
    named_table,
    rule_table,
)
from dash_app.components.name_tabs import TABS, name_tabs, pager
from dash_app.components.name_words import bad, gone_text, good, refusal
from dash_app.components.parts import empty, icon, page_head
from dash_app.components.quality_parts import percent
from dash_app.components.table_upload import bytes_of, table_upload, taken_message
from dash_app.context import changing, note, note_view, reading, scope, web
from dash_app.filters import number, parameters
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dose import audit
from dose.naming.rules import CONFLICT, MAPPED, NONE, RuleRefused
from dose.queries import filter_choices
from dose.queries.naming import name_groups, names_page, procedures, suggested, suggester
from dose.queries.naming_duplicates import duplicate_protocols
from dose.queries.naming_rules import disagreeing, history, rules
from dose.reference import vocabulary
from dose.scope import Permission
from dose.store import naming_marks
from dose.store.naming_csv import export_rules, import_rules
from dose.store.naming_rules import ACCEPTED, Draft, RuleGone, accept_rules, make_rule, retire_rule, undo

PATH = "/names"
MANAGE = Permission.MANAGE_NAMES
PAGE_SIZE, TICK_MS = 50, 2000
_SEARCHED = ("", "named", "rules")
blueprint = Blueprint("names", __name__)


def layout(search: str = "") -> html.Div:
    """The page around the lists; which of them stands in the address."""
    said = parameters(search)
    return html.Div(
        [
            page_head(_("Names"), [html.Span(id=Id.NAMES_COUNT, className="quiet", role="status"), *_tools()]),
            html.Div(_head(said), id=Id.NAMES_TABS),
            html.Div(id=Id.NAMES_PROGRESS, role="status"),
            html.Div(id=Id.NAMES_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.NAMES_BODY),
            html.P(" ".join(vocabulary.notices()), className="notices", lang="en", dir="ltr"),
            dcc.Store(id=Id.NAMES_ACTION),
            dcc.Store(id=Id.NAMES_DONE),
            dcc.Store(id=Id.NAMES_TAB, data=_tab_of(said)),
            dcc.Interval(id=Id.NAMES_TICK, interval=TICK_MS),
        ],
        className="quality",
    )


def _tab_of(said: dict[str, str]) -> str:
    return said.get("tab", "") if said.get("tab", "") in TABS else ""


def _head(said: dict[str, str]) -> list[Any]:
    """The tabs, what the chosen one is, and where its list is searched."""
    tab = _tab_of(said)
    find = dmc.TextInput(id=filter_id("find"), label=_("Find"), value=said.get("find", ""), size="xs", debounce=500,
                         inputProps={"autoComplete": "off", "dir": "auto"})  # fmt: skip
    return [
        name_tabs(tab),
        html.P(_(LEADS[tab]), className="lead") if tab in LEADS else None,
        html.Div(find, className="filter-row names-find") if tab in _SEARCHED else None,
    ]


@callback(
    Output(Id.NAMES_TABS, "children"),
    Output(Id.NAMES_TAB, "data"),
    Output(Id.NAMES_ANSWER, "children", allow_duplicate=True),
    Input(Id.URL, "search"),
    State(Id.NAMES_TAB, "data"),
    State(Id.URL, "pathname"),
    prevent_initial_call=True,
)
def turn(search: str | None, shown: str | None, pathname: str) -> tuple[Any, str, None]:
    """The head of another list; what was said about the one before is gone."""
    said = parameters(search)
    if pathname.rstrip("/") != PATH or _tab_of(said) == shown:
        raise PreventUpdate  # somebody may be typing in it
    return _head(said), _tab_of(said), None


LEADS = {
    "": N_("Names that devices send and that no rule gives a procedure yet, the most frequent first. A rule made once "
           "holds for all sites; a site or a device can have its own."),
    "conflicts": N_("Rules of one rank name these studies differently, so they have no procedure. Change one of the "
                    "rules, or give one a higher priority."),
    "protocols": N_("Protocols of the last three months that are the same under several names, or one name for "
                    "several: settle them on the consoles."),
}  # fmt: skip


def _tools() -> list[Any]:
    out = html.A([icon("down"), _("Rules as a table")], href="/names/rules.csv", className="button small", download="")
    if not scope().may(MANAGE):
        return [out] if scope().may(Permission.EXPORT) else []
    return [
        dcc.Link([icon("typed"), _("New rule")], href="/names/rule", className="button small primary"),
        table_upload(Id.NAMES_UPLOAD),
        out,
    ]


@callback(
    Output(Id.NAMES_BODY, "children"),
    Output(Id.NAMES_COUNT, "children"),
    Input(Id.URL, "search"),
    Input(Id.NAMES_ANSWER, "children"),
    Input(Id.NAMES_DONE, "data"),
    State(Id.URL, "pathname"),
)
def show_names(search: str | None, _answer: Any, _done: Any, pathname: str) -> tuple[Any, Any]:  # noqa: ANN401
    """The list of the chosen tab; again when all studies are named, not before: somebody may be choosing in it."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = parameters(search)
    tab = _tab_of(said)
    again = ctx.triggered_id not in (None, Id.URL.value)
    note_view(audit.Action.VIEW_LIST, f"{PATH} {tab}", again=again, subject="names")
    return _SHOW[tab](said), _count()


def _count() -> Any:  # noqa: ANN401 - a component
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = names_page(session, who, limit=0)
    if found.share_named is None:
        return None
    return _("%(share)s of all studies have a name", share=isolated(percent(found.share_named)))


def _target() -> str | None:
    return Id.NAMES_ACTION.value if scope().may(MANAGE) else None


def _unnamed(said: dict[str, str]) -> list[Any]:
    page = number(said.get("page")) or 1
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = names_page(session, who, NONE, search=said.get("find", ""), modality=said.get("modality"),
                           limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)  # fmt: skip
        rows, known = suggested(session, found.groups), procedures(session, who)
    loaded = None if known else without_vocabulary()
    if not found.groups:
        return [loaded, _nothing(said, found.by_state, found.total)]
    accept = html.Button(
        [icon("ok"), _("Accept the chosen suggestions")], id=Id.NAMES_ACCEPT, className="button primary"
    )
    may = _target() is not None and any(row.found for row in rows)
    return [
        loaded,
        html.Div([_lines(found.total), accept if may else None], className="list-head"),
        name_table(rows, known, sum(found.by_state.values()), _target()),
        pager(said, PATH, page, found.total, PAGE_SIZE),
    ]


def _nothing(said: dict[str, str], states: Mapping[str, int], total: int) -> html.Div:
    if found := nothing_found(said, PATH, _("No name matches"), total):
        return found
    if not sum(states.values()):
        return empty(_("No studies yet"), html.P(_("Names appear here as studies arrive.")), "studies")
    return empty(_("Every study has a name"), html.P(_("New names appear here as devices send them.")), "ok")


def _lines(total: int) -> html.Span:
    return html.Span(ngettext("%(n)s name", "%(n)s names", total), className="quiet")


def _named(said: dict[str, str]) -> list[Any]:
    page = number(said.get("page")) or 1
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = names_page(session, who, MAPPED, search=said.get("find", ""), limit=PAGE_SIZE,
                           offset=(page - 1) * PAGE_SIZE)  # fmt: skip
        known = procedures(session, who)
    if not found.groups:
        without = dcc.Link(_("To the names without"), href=PATH, className="button")
        other = nothing_found(said, PATH, _("No name matches"), found.total)
        return [other or empty(_("No name has a procedure"), without)]
    total = sum(found.by_state.values())
    return [
        _lines(found.total),
        named_table(found.groups, known, total),
        pager(said, PATH, page, found.total, PAGE_SIZE),
    ]


def _conflicts(said: dict[str, str]) -> list[Any]:  # noqa: ARG001 - as every list
    with reading(Permission.VIEW_DOSES) as (session, who):
        groups, states = name_groups(session, who, CONFLICT)
        rows = disagreeing(session, who, groups[:PAGE_SIZE])
    if not rows:
        return [empty(_("No conflicts"), html.P(_("No study is named differently by rules of one rank.")), "ok")]
    return [_lines(len(groups)), conflict_table(rows, sum(states.values()))]


def _rules(said: dict[str, str]) -> list[Any]:
    page = number(said.get("page")) or 1
    with reading(Permission.VIEW_DOSES) as (session, who):
        rows, total = rules(session, who, search=said.get("find", ""), limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    if not rows:
        text = _("Studies with a RadLex, LOINC or CCAM code name themselves; rules name the others.")
        other = nothing_found(said, PATH, _("No rule matches"), total)
        return [other or empty(_("No rules"), html.P(text), "typed")]
    head = html.Span(ngettext("%(n)s rule", "%(n)s rules", total), className="quiet")
    return [head, rule_table(rows, web().settings.time_zone, _target()), pager(said, PATH, page, total, PAGE_SIZE)]


def _protocols(said: dict[str, str]) -> list[Any]:  # noqa: ARG001 - as every list
    with reading(Permission.VIEW_DOSES) as (session, who):
        rows, devices = duplicate_protocols(session, who), dict(filter_choices(session, who).devices)
    if rows is None:
        text = _("Protocols appear here as studies of patients arrive.")
        return [empty(_("No protocols in the last three months"), html.P(text), "studies")]
    if not rows:
        return [empty(_("No duplicate protocols"), html.P(_("Every protocol has one name, and every name one.")), "ok")]
    return [duplicate_table(rows[:200], devices)]


def _history(said: dict[str, str]) -> list[Any]:  # noqa: ARG001 - as every list
    with reading(Permission.VIEW_DOSES) as (session, who):
        rows = history(session, who)
    if not rows:
        return [
            empty(
                _("Nothing was changed yet"),
                html.P(_("Each change of a rule stands here, and can be undone.")),
                "clock",
            )
        ]
    return [history_table(rows, web().settings.time_zone, _target())]


_SHOW = {"": _unnamed, "conflicts": _conflicts, "named": _named, "rules": _rules, "protocols": _protocols,
         "history": _history}  # fmt: skip


@callback(Output(Id.NAMES_ANSWER, "children"), Input(Id.NAMES_ACTION, "data"), prevent_initial_call=True)
def act(asked: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a component
    """Accept one suggestion, retire a rule or undo what was done to one."""
    what, _colon, which = str((asked or {}).get("action", "")).partition(":")
    try:
        return _acts()[what](which)
    except RuleRefused as refused:
        return bad(refusal(refused.code, refused.field))
    except RuleGone as gone:
        return bad(gone_text(gone))
    except KeyError:
        raise PreventUpdate from None


def _acts() -> dict[str, Any]:
    return {"accept": _accept, "retire": _retire, "undo": _undo}


def _accept(which: str) -> html.Div:
    key, _colon, procedure = which.partition(":")
    with changing(MANAGE) as (session, who):
        draft = _drafts(session, who, {key: number(procedure) or 0})
        if draft:
            make_rule(session, who, draft[0])
    return good(_("The rule is made.")) if draft else bad(_("This name is not here any more."))


def _drafts(session: Any, who: Any, chosen: dict[str, int]) -> list[Draft]:  # noqa: ANN401 - as `changing` gives them
    """What would make the chosen suggestions rules, for all sites the account names for."""
    ready = suggester(session)
    groups = {group.key: group for group in name_groups(session, who)[0] if group.key in chosen}
    found = []
    for key, procedure in chosen.items():
        group = groups.get(key)
        several = ready.suggest(group.values, group.procedures, most=10) if group else ()
        one = next((one for one in several if one.procedure_id == procedure), None)
        if group and one:
            said = [condition.as_json() for condition in one.conditions]
            site = min(who.site_ids) if who.site_ids else None
            found.append(Draft(procedure, said, modality=group.values["modality"], site_id=site, origin=ACCEPTED))
    return found


def _retire(which: str) -> html.Div:
    with changing(MANAGE) as (session, who):
        retire_rule(session, who, number(which) or 0)
    return good(_("The rule is retired; the history can bring it back."))


def _undo(which: str) -> html.Div:
    with changing(MANAGE) as (session, who):
        undo(session, who, number(which) or 0)
    return good(_("Undone."))


@callback(
    Output(Id.NAMES_ANSWER, "children", allow_duplicate=True),
    Input(Id.NAMES_ACCEPT, "n_clicks"),
    State({"type": "pick", "name": ALL, "procedure": ALL}, "checked"),
    State({"type": "pick", "name": ALL, "procedure": ALL}, "id"),
    prevent_initial_call=True,
)
def accept_chosen(clicks: int | None, checked: list[bool], ids: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    """Make rules of all chosen suggestions; what could not be is said."""
    if not clicks:
        raise PreventUpdate
    chosen = {one["name"]: one["procedure"] for one, wanted in zip(ids, checked, strict=True) if wanted}
    with changing(MANAGE) as (session, who):
        made, refused = accept_rules(session, who, _drafts(session, who, chosen))
    told = ngettext("%(n)s rule is made.", "%(n)s rules are made.", len(made))
    others = {refusal(one.code) for one in refused if one.code != "same"}
    return good(told) if made and not others else bad(" ".join([told, *sorted(others)]))


@callback(
    Output(Id.NAMES_ANSWER, "children", allow_duplicate=True),
    Input(Id.NAMES_UPLOAD, "contents"),
    prevent_initial_call=True,
)
def read_table(content: str | None) -> Any:  # noqa: ANN401 - a component
    """Take a table of rules row by row."""
    if not content:
        raise PreventUpdate
    with changing(MANAGE) as (session, who):
        taken = import_rules(session, who, bytes_of(content))
    return taken_message(taken, ngettext("%(n)s rule", "%(n)s rules", taken.made), refusal)


@callback(
    Output(Id.NAMES_PROGRESS, "children"),
    Output(Id.NAMES_TICK, "disabled"),
    Output(Id.NAMES_DONE, "data"),
    Input(Id.NAMES_TICK, "n_intervals"),
    Input(Id.NAMES_ANSWER, "children"),
    State(Id.NAMES_PROGRESS, "children"),
)
def name_again(tick: int | None, _answer: Any, shown: Any) -> tuple[Any, bool, Any]:  # noqa: ANN401 - a component
    """How many studies the worker has still to name anew."""
    with reading(Permission.VIEW_DOSES) as (session, _who):
        left = naming_marks.renaming(session)
    if left.done:
        return None, True, tick if shown else no_update
    return html.P([icon("clock"), _left(left)], className="quiet with-icon"), False, no_update


def _left(left: naming_marks.Renaming) -> str:
    """What is pending; the lists below say it as the rules have it, statistics follow."""
    text = _("The worker names the studies anew; statistics and lists of studies follow.")
    if left.names:  # not all are marked yet: their number is not known
        return text
    count = ngettext(
        "%(n)s study is still to be named anew.", "%(n)s studies are still to be named anew.", left.studies
    )
    return f"{count} {text}"


@blueprint.get("/names/rules.csv")
def as_csv() -> Response:
    """The rules in force as a table, which can be read again."""
    scope().require(Permission.EXPORT)
    with reading(Permission.VIEW_DOSES) as (session, who):
        text = export_rules(session, who)
    note(audit.Action.EXPORT, subject="rules", count=text.count("\r\n") - 1)
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="rules.csv"'
    return answer
