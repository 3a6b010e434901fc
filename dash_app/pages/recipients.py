"""Recipients: who is told of alerts, in which groups, by which ways; and whom an alert of now would reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from dash import Input, Output, State, callback, ctx, dcc, html, no_update
from dash.dependencies import ALL
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.channels import channels_set_up
from dash_app.components import recipient_parts as parts
from dash_app.components.notice_tabs import notice_tabs
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.pause_parts import told_of
from dash_app.components.recipient_form import group_form, person_form, person_of, route_form, trial_form
from dash_app.components.values import free
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, ngettext
from dash_app.ids import Id
from dash_app.notice_ids import NoticeId, recipient_id
from dose import audit
from dose.notify.quiet import Plan
from dose.queries import recipients as ask
from dose.queries.pauses import paused
from dose.scope import Permission, Role, Scope
from dose.store import alert_recipients as store
from dose.store.alert_recipients import RecipientRefused
from dose.store.outbox import DIGEST
from dose.store.outbox_pause import pause_route, resume_route
from dose.store.outbox_plan import Usual, foreseen
from dose.store.recipient_defaults import make_defaults

MANAGE, PATH = Permission.MANAGE_NOTICES, "/notices/recipients"
ACTED = {"action": "said"}
NO_SITE = "none"  # of the system itself, as its disk


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around people, groups and ways."""
    lead = _("Who is told of alerts, and how. A trigger or a suspected unintended exposure is told at once, whatever "
             "the hour; everything else keeps quiet hours and digests.")  # fmt: skip
    return html.Div(
        [
            page_head(_("Recipients"), crumbs=[(_("Notices"), "/notices")]),
            notice_tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(id=NoticeId.RECIPIENTS_ANSWER, role="status"),
            html.Div(id=NoticeId.RECIPIENT_CHANGE),
            html.Div(html.Div(className="bone block"), id=NoticeId.RECIPIENTS_BODY),
            html.Div(id=NoticeId.RECIPIENT_FORM),
            html.Div(id=NoticeId.TRIAL_BODY),
            dcc.Store(id=NoticeId.RECIPIENTS_ACTION),
            dcc.Store(id=NoticeId.RECIPIENT_EDITED),
        ],
        className="quality notices-page",
    )


@callback(
    Output(NoticeId.RECIPIENTS_BODY, "children"),
    Output(NoticeId.RECIPIENTS_ANSWER, "children"),
    Input(NoticeId.RECIPIENTS_ACTION, "data"),
)
def show(asked: dict[str, Any] | None) -> tuple[Any, Any]:
    """Who hears of what and everybody who can be told, after what was pressed."""
    scope().require(MANAGE)
    answer = _act(str(asked.get("action", ""))) if asked else None
    with reading(MANAGE) as (session, who):
        people, groups, routes = ask.people(session, who), ask.groups(session, who), ask.routes(session, who)
        silent = ask.unheard(session, who, "act", channels_set_up())
    note_view(audit.Action.VIEW_LIST, PATH, again=asked is not None, subject="recipients", count=len(people))
    zone, own = web().settings.time_zone, who.site_ids
    if not people and not groups:
        return [parts.first_steps(own is None)], no_update if asked == ACTED else answer
    hears = [parts.matrix(groups, routes, own, zone)] if groups else [_no_group()]
    body = [
        parts.nobody_hears(silent),
        section(_("Who hears of what"), hears),
        section(_("People"), [parts.people_table(people, zone, own) if people else _no_person()], _begin(own)),
    ]
    return body, no_update if str((asked or {}).get("action")) == "said" else answer


def _no_group() -> html.Div:
    return empty(_("No group yet"), html.P(_("Add a group below, then say what it hears of.")), "account")


def _no_person() -> html.Div:
    return empty(_("Nobody yet"), html.P(_("Add a recipient below.")), "account")


def _begin(own: frozenset[int] | None) -> Any:  # noqa: ANN401 - a component
    return parts.button(_("Add accounts by their role"), "defaults", "account") if own is None else None


def _act(action: str) -> Any:  # noqa: ANN401 - a component
    """Do what a button says; its words are *what:row:version*."""
    what, _colon, rest = action.partition(":")
    row, _colon, version = rest.partition(":")
    do = _ACTIONS.get(what)
    if do is None:
        return None
    try:
        return do(number(row) or 0, number(version) or 0)
    except RecipientRefused as refused:
        return parts.refusal(refused)


def _good(text: str) -> html.Div:
    return html.Div([icon("ok"), text], className="message good")


def _switch(row: int, version: int, *, active: bool) -> html.Div:
    with changing(MANAGE) as (session, who):
        store.switch_recipient(session, who, row, version, active=active)
    return _good(_("Told again from now on.") if active else _("Told no more. What waits is cancelled."))


def _mend(row: int, version: int) -> html.Div:
    with changing(MANAGE) as (session, who):
        store.mend_recipient(session, who, row, version)
    return _good(_("Mail goes there again. What was parked meanwhile waits for a decision among the messages."))


def _ask(row: int, version: int) -> html.Div | None:
    """Whether somebody is to be removed indeed."""
    with reading(MANAGE) as (session, who):
        found = ask.people(session, who, [row])
    if not found:
        raise RecipientRefused("gone")
    text = _("Name and addresses are removed for good, and what was not begun is cancelled. What was sent stays.")
    return _question(found[0].name, text, f"remove:{row}:{version}")


def _ask_group(row: int, _version: int) -> html.Div:
    with reading(MANAGE) as (session, who):
        found = next((one for one in ask.groups(session, who) if one.id == row), None)
    if found is None:
        raise RecipientRefused("gone")
    return _question(found.name, _("Its ways go with it; its people stay."), f"remove-group:{row}")


def _question(name: str, text: str, action: str) -> html.Div:
    buttons = [parts.button(_("Remove"), action, look="primary"), parts.button(_("Keep"), "keep")]
    said = html.Div([html.Strong([_("Remove:"), " ", free(name)]), html.Div(text)])
    return html.Div([icon("note"), said, html.Div(buttons, className="row-actions")], className="message ask")


def _remove(row: int, version: int) -> html.Div:
    with changing(MANAGE) as (session, who):
        stopped = store.remove_recipient(session, who, row, version)
    cancelled = ngettext("%(n)s waiting message was cancelled.", "%(n)s waiting messages were cancelled.", stopped)
    return _good(f"{_('Removed.')} {cancelled}" if stopped else _("Removed."))


def _remove_group(row: int, _version: int) -> html.Div:
    with changing(MANAGE) as (session, who):
        store.remove_group(session, who, row)
    return _good(_("Removed."))


def _remove_route(row: int, _version: int) -> html.Div:
    with changing(MANAGE) as (session, who):
        store.remove_route(session, who, row)
    return _good(_("Removed."))


def _turn(row: int, _version: int, *, pause: bool) -> html.Div:
    """Pause or resume a way."""
    with changing(MANAGE) as (session, who):
        done = (pause_route if pause else resume_route)(session, who, row, datetime.now(UTC))
        held = paused(session, who)
    if not done:
        return _good(_("That was so already."))
    return _good(told_of(held) if pause else _("Resumed: what waited goes now."))


def _defaults(_row: int, _version: int) -> html.Div:
    names = {Role.PHYSICIST: _("Medical physicists"), Role.PROTECTION_OFFICER: _("Radiation protection officers")}
    with changing(MANAGE) as (session, who):
        made = make_defaults(session, who, names)
    people = ngettext("%(n)s recipient was added", "%(n)s recipients were added", made.recipients)
    ways = ngettext("%(n)s way", "%(n)s ways", made.routes)
    return _good(f"{people}, {ways}.")


_ACTIONS: Mapping[str, Callable[[int, int], Any]] = {
    "on": lambda row, version: _switch(row, version, active=True),
    "off": lambda row, version: _switch(row, version, active=False),
    "mend": _mend,
    "ask": _ask,
    "ask-group": _ask_group,
    "remove": _remove,
    "remove-group": _remove_group,
    "route": _remove_route,
    "pause-route": lambda row, version: _turn(row, version, pause=True),
    "resume-route": lambda row, version: _turn(row, version, pause=False),
    "defaults": _defaults,
}


@callback(
    Output(NoticeId.RECIPIENT_CHANGE, "children"),
    Output(NoticeId.RECIPIENT_FORM, "children"),
    Output(NoticeId.RECIPIENT_EDITED, "data"),
    Input(Id.URL, "search"),
    Input(NoticeId.RECIPIENTS_BODY, "children"),
    State(Id.URL, "pathname"),
    State(NoticeId.RECIPIENT_EDITED, "data"),
)
def show_forms(search: str | None, _body: Any, pathname: str, edited: int | None) -> tuple[Any, ...]:  # noqa: ANN401
    """The forms; who is changed stands above. What somebody is typing stays while the address says nothing else."""
    wanted = number(parameters(search).get("edit")) or 0
    if pathname.rstrip("/") != PATH or (ctx.triggered_id == Id.URL and wanted == edited):
        raise PreventUpdate
    with reading(MANAGE) as (session, who):
        row = next(iter(ask.people(session, who, [wanted])), None) if wanted else None
        return *_forms(session, who, row), wanted


def _forms(session: Session, who: Scope, row: ask.RecipientRow | None) -> tuple[Any, Any]:
    groups, sites = ask.groups(session, who), _sites(session, who)
    form = person_form(row, ask.accounts(session, who), sites, groups, who.site_ids)
    change = section([_("Edit"), " ", free(row.name)], [form]) if row else None
    add = None if row else section(_("Add a recipient"), [form])
    ways = section(_("Add a way"), [route_form(groups, sites, who.site_ids)]) if groups else None
    return change, [add, section(_("Add a group"), [group_form(sites, who.site_ids)]), ways]


def _sites(session: Session, who: Scope) -> list[tuple[int, str]]:
    return [(one, name) for one, name in ask.sites(session, who) if one is not None and name is not None]


@callback(
    Output(NoticeId.RECIPIENTS_ACTION, "data", allow_duplicate=True),
    Output(NoticeId.RECIPIENTS_ANSWER, "children", allow_duplicate=True),
    Output(Id.URL, "search", allow_duplicate=True),
    Input(NoticeId.RECIPIENT_SAVE, "n_clicks"),
    State(recipient_id(ALL), "value"),
    State(recipient_id(ALL), "id"),
    prevent_initial_call=True,
)
def save(clicks: int | None, values: list[Any], names: list[dict[str, str]]) -> tuple[Any, Any, Any]:
    """Add a recipient, or change one."""
    if not clicks:
        raise PreventUpdate
    said = {one["name"]: value for one, value in zip(names, values, strict=True)}
    try:
        with changing(MANAGE) as (session, who):
            _keep(session, who, said)
    except RecipientRefused as refused:
        return no_update, parts.refusal(refused), no_update
    return ACTED, _good(_("Saved.")), ""


def _keep(session: Session, who: Scope, said: Mapping[str, Any]) -> None:
    """Write what was typed; the same typed twice, as by two presses, is one recipient."""
    person, country, row = person_of(said), web().settings.country or None, number(said.get("id"))
    _of_own_site(who, person.site_id)
    if row:
        store.change_recipient(session, who, row, number(said.get("version")) or 0, person, country)
    else:
        row = store.add_recipient(session, who, person, country)
        if _twin(ask.people(session, who), row):
            raise RecipientRefused("name", "taken")
    store.set_groups(session, who, row, [found for one in said.get("groups") or () if (found := number(str(one)))])


def _of_own_site(who: Scope, site: int | None) -> None:
    """Who is limited to sites is told to choose one, instead of being turned away."""
    if who.site_ids is not None and site not in who.site_ids:
        raise RecipientRefused("site", "own")


def _twin(people: tuple[ask.RecipientRow, ...], row: int) -> bool:
    """Whether somebody else has the same name and the same addresses."""
    about = {one.id: (one.name, one.email, one.phone, one.user_id, one.site_id) for one in people}
    return any(one != row and what == about[row] for one, what in about.items())


_ANSWERS = (
    Output(NoticeId.RECIPIENTS_ACTION, "data", allow_duplicate=True),
    Output(NoticeId.RECIPIENTS_ANSWER, "children", allow_duplicate=True),
)


@callback(
    *_ANSWERS,
    Input(NoticeId.GROUP_ADD, "n_clicks"),
    State(NoticeId.GROUP_NAME, "value"),
    State(NoticeId.GROUP_SITE, "value"),
    prevent_initial_call=True,
)
def add_group(clicks: int | None, name: str | None, site: str | None) -> tuple[Any, Any]:
    """Add an empty group."""
    if not clicks:
        raise PreventUpdate
    try:
        with changing(MANAGE) as (session, who):
            _of_own_site(who, number(site))
            store.add_group(session, who, name or "", number(site))
    except RecipientRefused as refused:
        return no_update, parts.refusal(refused)
    return ACTED, _good(_("The group is added. Put people into it, and say what it hears of."))


@callback(
    *_ANSWERS,
    Input(NoticeId.ROUTE_ADD, "n_clicks"),
    *(
        State(one, "value")
        for one in (
            NoticeId.ROUTE_GROUP,
            NoticeId.ROUTE_SEVERITY,
            NoticeId.ROUTE_CHANNEL,
            NoticeId.ROUTE_MODE,
            NoticeId.ROUTE_KIND,
            NoticeId.ROUTE_SITE,
        )
    ),
    prevent_initial_call=True,
)
def add_route(clicks: int | None, group: str | None, *said: str | None) -> tuple[Any, Any]:
    """Let a group hear of something."""
    if not clicks:
        raise PreventUpdate
    severity, channel, mode, kind, site = said
    try:
        with changing(MANAGE) as (session, who):
            _of_own_site(who, number(site))
            way = (severity or "", channel or "", mode or "", kind or None, number(site))
            store.add_route(session, who, number(group) or 0, *way)
    except RecipientRefused as refused:
        return no_update, parts.refusal(refused)
    return ACTED, _good(_("Saved."))


@callback(
    Output(Id.URL, "search", allow_duplicate=True),
    Input(NoticeId.TRIAL_SEVERITY, "value"),
    Input(NoticeId.TRIAL_KIND, "value"),
    Input(NoticeId.TRIAL_SITE, "value"),
    Input(NoticeId.TRIAL_TRIGGER, "checked"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def keep_trial(severity: str | None, kind: str | None, site: str | None, trigger: bool, search: str | None) -> Any:  # noqa: ANN401
    """What is tried becomes part of the address."""
    said = parameters(search)
    with reading(MANAGE) as (session, who):
        usual = {"severity": parts.SEVERITIES[0], "site": _first(_sites(session, who))}
    tried = {"severity": severity or "", "kind": kind or "", "site": site or "", "trigger": "1" if trigger else ""}
    told = {name: value for name, value in (said | tried).items() if value and usual.get(name) != value}
    return no_update if told.items() == said.items() - usual.items() else address(told, "")


def _first(sites: list[tuple[int, str]]) -> str:
    """The site that is tried where the address says nothing."""
    return str(sites[0][0]) if sites else NO_SITE


@callback(
    Output(NoticeId.TRIAL_BODY, "children"),
    Input(Id.URL, "search"),
    Input(NoticeId.RECIPIENTS_BODY, "children"),
    State(Id.URL, "pathname"),
)
def show_trial(search: str | None, _body: Any, pathname: str) -> Any:  # noqa: ANN401 - a component
    """Whom an alert of now would reach, how and when."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said, now = parameters(search), datetime.now(UTC)
    severity = said.get("severity") if said.get("severity") in parts.SEVERITIES else parts.SEVERITIES[0]
    with reading(MANAGE) as (session, who):
        sites = _sites(session, who)
        said |= {"site": said.get("site") or _first(sites)}
        site = number(said["site"]) if number(said["site"]) in dict(sites) else None
        reached = ask.told(session, who, str(severity), said.get("kind", ""), site, channels_set_up())
        rows = [(one, _plan(session, one, now, trigger=said.get("trigger") == "1")) for one in reached]
    none = empty(_("Nobody would be told"), html.P(_("No way leads from such an alert to anybody.")), "note")
    shown = parts.told_table(rows, web().settings.time_zone, now) if rows else none
    return section(_("Who would be told now?"), [trial_form(said, sites), shown])


def _plan(session: Session, one: ask.Told, now: datetime, *, trigger: bool) -> Plan:
    settings = web().settings
    usual = Usual(ZoneInfo(settings.time_zone), time.fromisoformat(settings.digest_at))
    digest = one.mode == DIGEST
    return foreseen(session, one.person.id, one.channel, now, usual, at_once=trigger, as_digest=digest)
