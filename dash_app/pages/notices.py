"""Messages: the outbox as people see it, what a person must decide, how the channels are, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dash_app.channels import channels_set_up
from dash_app.components import notice_parts as parts
from dash_app.components.notice_tabs import notice_tabs
from dash_app.components.notice_words import CHANNELS, KINDS, OBSTACLES
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.pause_parts import told_of
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dash_app.notice_ids import NoticeId, notices_shown
from dose import audit
from dose.queries import notices as ask
from dose.queries.pauses import paused
from dose.queries.recipients import NO_CHANNEL, people
from dose.scope import Permission
from dose.store.alert_recipients import LANGUAGES, RecipientRefused
from dose.store.outbox import Notice, enqueue
from dose.store.outbox_decide import MOST, Decided, DecisionRefused, decide_many
from dose.store.outbox_doubts import call_sent, drop, send_again
from dose.store.outbox_pause import pause_channel, resume_channel

VIEW, MANAGE, PATH = Permission.VIEW_SYSTEM, Permission.MANAGE_NOTICES, parts.PATH
TICK_MS, PAGE_SIZE = 5000, 50
TEST = "test"
_DECISIONS = {"send": send_again, "arrived": call_sent, "drop": drop}
_TURNS = {"pause": pause_channel, "resume": resume_channel}
_REFUSED = {
    "none": N_("Tick at least one message."), "many": N_("At most %(n)s at once."),
    "what": N_("Choose a decision."), "reason": N_("Choose a decision."),
}  # fmt: skip


def layout(search: str = "") -> html.Div:
    """The page around the messages; the controls hold what the address says."""
    lead = _("Every message to colleagues and patients, until it arrived or somebody decided. Nothing is dropped in "
             "silence: what stands still says why.")  # fmt: skip
    return html.Div(
        [
            page_head(_("Notices")),
            notice_tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(html.Div(className="bone block"), id=NoticeId.NOTICES_HEAD),
            html.Div(id=NoticeId.NOTICES_ANSWER, role="status"),
            html.Div(_controls(parameters(search)), className="filter-row"),
            dmc.CheckboxGroup(
                html.Div(html.Div(className="bone block"), id=NoticeId.NOTICES_BODY),
                id=NoticeId.NOTICES_CHOSEN,
                value=[],
            ),
            *((parts.deciding_bar(), _test()) if scope().may(MANAGE) else ()),
            dcc.Store(id=NoticeId.NOTICES_ACTION),
            dcc.Interval(id=NoticeId.NOTICES_TICK, interval=TICK_MS),
        ],
        className="quality notices-page",
    )


def _controls(said: Mapping[str, str]) -> list[Any]:
    return [
        dmc.Select(id=filter_id(name), label=label, value=said.get(name), clearable=True, size="xs",
                   placeholder=_("All"), data=[{"value": one, "label": _(text)} for one, text in words.items()])
        for name, label, words in (("channel", _("Way"), CHANNELS), ("kind", _("Kind"), KINDS))
    ]  # fmt: skip


def _test() -> html.Section:
    """A message to oneself, to see that a channel works."""
    ways = [{"value": one, "label": _(text)} for one, text in CHANNELS.items()]
    fields = [
        dmc.Select(id=NoticeId.NOTICE_TO, label=_("To"), data=[], size="xs", searchable=True),
        dmc.Select(
            id=NoticeId.NOTICE_CHANNEL, label=_("Way"), data=ways, value="email", allowDeselect=False, size="xs"
        ),
        html.Button([icon("out"), _("Send a test")], id=NoticeId.NOTICE_TEST, className="button small"),
    ]
    return section(_("Test a channel"), [html.Div(fields, className="fields")])


@callback(Output(NoticeId.NOTICE_TO, "data"), Input(NoticeId.NOTICE_TO, "id"))
def fill_recipients(_id: str) -> list[dict[str, str]]:
    """Who can be sent a test."""
    with reading(MANAGE) as (session, who):
        return [{"value": str(one.id), "label": one.name} for one in people(session, who) if one.active]


def chosen(said: Mapping[str, str]) -> ask.NoticeFilter:
    """What an address asks for; what makes no sense in it is as if it were not there."""
    group, channel, kind = (said.get(name) for name in ("state", "channel", "kind"))
    return ask.NoticeFilter(
        group if group in ask.GROUPS else None,
        channel if channel in ask.CHANNELS else None,
        kind if kind in ask.KINDS else None,
        number(said.get("recipient")), number(said.get("before")), number(said.get("after")),
    )  # fmt: skip


@callback(
    Output(NoticeId.NOTICES_BODY, "children"),
    Output(NoticeId.NOTICES_HEAD, "children"),
    Output(NoticeId.NOTICES_ANSWER, "children"),
    Input(Id.URL, "search"),
    Input(NoticeId.NOTICES_ACTION, "data"),
    Input(NoticeId.NOTICES_TICK, "n_intervals"),
    State(Id.URL, "pathname"),
)
def show(search: str | None, asked: dict[str, Any] | None, _tick: int | None, pathname: str) -> tuple[Any, Any, Any]:
    """The messages that the address asks for, after what was pressed."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    pressed = asked if ctx.triggered_id == NoticeId.NOTICES_ACTION else None
    answer = _decide(str(pressed.get("action", ""))) if pressed else no_update
    said = parameters(search)
    with reading(VIEW) as (session, who):
        page = ask.notices(session, who, chosen(said), PAGE_SIZE)
        one = ask.notice(session, who, number(said.get("open")) or 0) if said.get("open") else None
        head = (ask.counts(session, who), ask.health(session, who, _today()), ask.months(session, who))
    again = ctx.triggered_id not in (None, Id.URL.value)
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=again, subject="notices", count=len(page.rows))
    return _body(page, one, head, said), _head(head, said), answer


def _today() -> Any:  # noqa: ANN401 - a day
    return datetime.now(UTC).date()


def _head(head: tuple[Any, Any, Any], said: Mapping[str, str]) -> list[Any]:
    counts, health, _months = head
    pauses = scope().may(MANAGE) and scope().site_ids is None
    cards = parts.health_cards(health, channels_set_up(), web().settings.time_zone, pauses=pauses)
    return [cards, parts.state_links(said, counts)]


def _body(page: ask.NoticePage, one: Any, head: tuple[Any, Any, Any], said: dict[str, str]) -> list[Any]:  # noqa: ANN401
    zone, decides = web().settings.time_zone, scope().may(MANAGE)
    shown: Any = parts.notice_table(page.rows, said, zone, decides=decides) if page.rows else _nothing(said)
    costs = section(_("By month"), [parts.months_table(head[2])])
    opened = parts.notice_section(one[0], one[1], zone, decides=decides) if one else None
    seen = [f"{row.id}:{row.seen}" for row in page.rows if row.state in ask.DECIDABLE]
    return [opened, shown, dcc.Store(id=notices_shown("all"), data=seen), _pager(page, said), costs]


def _nothing(said: Mapping[str, str]) -> html.Div:
    if said:
        return empty(_("No such message"), dcc.Link(_("Show all"), href=PATH, className="button"))
    text = _("Messages stand here once an alert has somebody to tell.")
    link = dcc.Link(_("Say who is told"), href="/notices/recipients", className="button")
    return empty(_("No message yet"), [html.P(text), link if scope().may(MANAGE) else None], "notices")


def _pager(page: ask.NoticePage, said: Mapping[str, str]) -> html.Nav | None:
    rest = {name: value for name, value in said.items() if name not in ("before", "after", "open")}
    links = []
    if page.rows and page.newer:
        newer = address(rest | {"after": str(page.rows[0].id)}, PATH)
        links += [dcc.Link(_("Newest"), href=address(rest, PATH), className="button small"),
                  dcc.Link([icon("previous"), _("Newer")], href=newer, className="button small")]  # fmt: skip
    if page.rows and page.older:
        older = address(rest | {"before": str(page.rows[-1].id)}, PATH)
        links.append(dcc.Link([_("Older"), icon("next")], href=older, className="button small"))
    return html.Nav(links, className="pager") if links else None


def _decide(action: str) -> Any:  # noqa: ANN401 - a component
    """Write down what a person decided about a message."""
    what, _colon, which = action.partition(":")
    if what in _TURNS:
        return _turn(what, which)
    do, row = _DECISIONS.get(what), number(which)
    if action == "said" or do is None or row is None:
        return no_update
    with changing(MANAGE) as (session, who):
        done = do(session, who, row, datetime.now(UTC))
    if not done:
        return html.Div([icon("info"), _("Somebody has decided already, or it went meanwhile.")], className="message")
    words = {"send": _("It is sent as soon as the channel works."), "arrived": _("It counts as sent."),
             "drop": _("It is never sent.")}  # fmt: skip
    return parts.said_of(words[what])


def _turn(what: str, channel: str) -> html.Div:
    """Pause or resume a channel."""
    try:
        with changing(MANAGE) as (session, who):
            done = _TURNS[what](session, who, channel, datetime.now(UTC))
            held = paused(session, who)
    except RecipientRefused:
        return _bad(_("There is no such channel."))
    if not done:
        return parts.said_of(_("That was so already."))
    return parts.said_of(told_of(held) if what == "pause" else _("Resumed: what waited goes now."))


@callback(
    Output(NoticeId.NOTICES_CHOSEN, "value"),
    Input(NoticeId.NOTICES_ALL, "n_clicks"),
    State(notices_shown(ALL), "data"),
    prevent_initial_call=True,
)
def tick_all(clicks: int | None, shown: list[list[str]]) -> list[str]:
    """Tick everything that the person sees and can decide on, as it was seen."""
    if not clicks:
        raise PreventUpdate
    return [one for some in shown for one in some]


@callback(
    Output(NoticeId.NOTICES_ACTION, "data", allow_duplicate=True),
    Output(NoticeId.NOTICES_ANSWER, "children", allow_duplicate=True),
    Output(NoticeId.NOTICES_CHOSEN, "value", allow_duplicate=True),
    Input(NoticeId.NOTICES_DECIDE, "n_clicks"),
    State(NoticeId.NOTICES_CHOSEN, "value"),
    State(NoticeId.NOTICES_DECISION, "value"),
    prevent_initial_call=True,
)
def decide(clicks: int | None, chosen: list[str] | None, decision: str | None) -> tuple[Any, Any, Any]:
    """Decide on what is ticked, each as it was seen."""
    if not clicks:
        raise PreventUpdate
    what, _colon, why = (decision or "").partition(":")
    ticked = (one.partition(":") for one in chosen or ())
    seen = {found: said for row, _between, said in ticked if (found := number(row)) is not None}
    try:
        with changing(MANAGE) as (session, who):
            done = decide_many(session, who, seen, what, why, datetime.now(UTC))
    except DecisionRefused as refused:
        return no_update, _bad(_(_REFUSED[refused.code], n=isolated(str(MOST)))), no_update
    return {"action": "said"}, parts.said_of(_decided(done)), []


def _decided(done: Decided) -> str:
    text = ngettext("%(n)s message decided.", "%(n)s messages decided.", done.done)
    left = ngettext(
        "%(n)s had changed meanwhile and was left.", "%(n)s had changed meanwhile and were left.", done.changed
    )
    return f"{text} {left}" if done.changed else text


@callback(
    Output(NoticeId.NOTICES_ACTION, "data", allow_duplicate=True),
    Output(NoticeId.NOTICES_ANSWER, "children", allow_duplicate=True),
    Input(NoticeId.NOTICE_TEST, "n_clicks"),
    State(NoticeId.NOTICE_TO, "value"),
    State(NoticeId.NOTICE_CHANNEL, "value"),
    prevent_initial_call=True,
)
def send_test(clicks: int | None, to: str | None, channel: str | None) -> tuple[Any, Any]:
    """Put a test into the outbox; pressed twice within a minute it is one message."""
    if not clicks:
        raise PreventUpdate
    recipient, now = number(to), datetime.now(UTC)
    if recipient is None or channel not in CHANNELS:
        return no_update, _bad(_("Choose who is to be sent a test."))
    with changing(MANAGE) as (session, who):
        found = next(iter(people(session, who, [recipient])), None)
        if found is None or not found.active:
            return no_update, _bad(_("It was removed meanwhile."))
        obstacle = found.obstacle(channel) if channel in channels_set_up() else NO_CHANNEL
        if obstacle:
            return no_update, _bad(_(OBSTACLES[obstacle]))
        key = f"test:{recipient}:{channel}:{now:%Y%m%d%H%M}"
        language = found.language if found.language in LANGUAGES else LANGUAGES[0]
        test = Notice(key, TEST, channel, language, TEST, recipient_id=recipient, priority=1)
        added = enqueue(session.connection(), [test], now)
        audit.record(session, who, audit.Action.NOTICE_CHANGE, subject="recipient", subject_id=recipient, what="test")
    told = _("The test waits to be sent: the list says what becomes of it.")
    again = _("A test of this minute is under way already.")
    return {"action": "said"}, parts.said_of(told if added else again)


def _bad(text: str) -> html.Div:
    return html.Div([icon("note"), text], className="message bad", role="alert")
