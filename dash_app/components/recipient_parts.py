"""Pieces of the page of recipients: people, who hears of what at a glance, whom an alert would reach, first steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import dcc, html

from dash_app.components.notice_words import CHANNELS, MODES, OBSTACLES, kind_of_rules, reason, severity
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.pause_parts import since, turn
from dash_app.components.values import free, listed, ltr, told, when
from dash_app.filters import address
from dash_app.i18n import LANGUAGES, N_, _, isolated, ngettext
from dash_app.notice_ids import NoticeId
from dose.notify.quiet import Plan
from dose.queries.recipients import GroupRow, RecipientRow, RouteRow, Told
from dose.store.alert_recipients import CHANNELS as WAYS
from dose.store.alert_recipients import RecipientRefused
from dose.store.outbox_pause import PAUSABLE

SEVERITIES = ("act", "watch", "info")  # the loudest first, as people read
REFUSED = {
    "name": N_("Write a name."),
    "language": N_("Choose a language."),
    "quiet": N_("Quiet hours need a beginning and an end, as 22:00 and 06:00."),
    "user": N_("There is no such account any more."),
    "site": N_("There is no such site any more."),
    "gone": N_("It was removed meanwhile."),
    "taken": N_("There is a group of this name already."),
    "severity": N_("Choose how urgent."),
    "channel": N_("Choose a way."),
    "mode": N_("Choose when."),
    "paused": N_("It is paused: resume it first, so that what waits does not leave unseen."),
}
WHY = {
    "at-once": N_("goes at once, whatever the hour"),
    "quiet": N_("after the quiet hours"),
    "asked": N_("in the digest"),
    "free": N_("now"),
    "storm": N_("gathered with others: many just now"),
}


def refusal(refused: RecipientRefused) -> html.Div:
    """Why nothing was changed."""
    return html.Div([icon("note"), _refused(refused)], className="message bad", role="alert")


def _refused(refused: RecipientRefused) -> Any:  # noqa: ANN401 - a component
    if refused.code == "changed":
        return told(_("%(who)s changed it meanwhile. Nothing was saved: look at it again.",
                      who=isolated(refused.detail)))  # fmt: skip
    if refused.code == "name" and refused.detail == "taken":
        return _("There is somebody with this name and these addresses already.")
    if refused.code == "site" and refused.detail == "own":
        return _("Choose one of your sites.")
    if refused.code == "user" and refused.detail == "taken":
        return _("This account is a recipient already.")
    label = {"email": _("E-mail"), "phone": _("Mobile number"), "name": _("Name")}.get(refused.code)
    if label and refused.detail and (refused.code, refused.detail) != ("name", "empty"):
        return f"{label}: {reason(refused.detail)}"
    return _(REFUSED.get(refused.code, N_("This cannot be saved.")))


def button(text: str, action: str, icon_name: str | None = None, look: str = "", label: str = "") -> html.Button:
    """A button whose press the page hears of."""
    said = attributes(data_action=action, data_target=NoticeId.RECIPIENTS_ACTION.value)
    inside: Any = [icon(icon_name), text] if icon_name else text
    return html.Button(inside, className=f"button small {look}".strip(), title=label or None,
                       **said, **(attributes(aria_label=label) if label else {}))  # fmt: skip


def people_table(rows: Sequence[RecipientRow], zone: str, own: frozenset[int] | None) -> html.Div:
    """Who can be told; `own` are the sites whose people the reader may change (None: all)."""
    titles = (_("Name"), _("Reached by"), _("Groups"), _("Quiet hours"), _("Changed"), "")
    heads = [html.Th(text, scope="col") for text in titles]
    return table(heads, [_person(row, zone, own) for row in rows], "stack recipients")


def _person(row: RecipientRow, zone: str, own: frozenset[int] | None) -> html.Tr:
    about = [LANGUAGES.get(row.language, row.language), free(row.site) if row.site else _("all sites")]
    name = [free(row.name, "strong"), " ", None if row.active else badge(_("off"), "neutral"),
            html.Div([about[0], " · ", about[1]], className="second")]  # fmt: skip
    groups = [html.Span(free(text), className="tally still") for _number, text in row.groups]
    cells = [
        name,
        html.Div(_ways(row, zone)),
        html.Div(groups, className="tallies")
        if groups
        else html.Span(_("no group: hears of nothing"), className="amber-text"),
        _quiet(row),
        [html.Div(free(row.changed_by), className="second"), html.Div(when(row.changed_at, zone), className="second")],
        _actions(row) if own is None or row.site_id in own else None,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id), className=None if row.active else "off")


def _ways(row: RecipientRow, zone: str) -> list[Any]:
    found: list[Any] = [html.Div(ltr(one)) for one in (row.email, row.phone) if one]
    if row.bounced_at is not None:
        found.insert(1, html.Div([
            badge(_("comes back"), "red", "note"), " ", reason(row.bounce_reason), " ", when(row.bounced_at, zone),
        ], className="second"))  # fmt: skip
    if row.account:
        found.append(html.Div([_("account"), " ", ltr(row.account)], className="second"))
    if row.parked:
        text = ngettext("%(n)s message waits for a decision", "%(n)s messages wait for a decision", row.parked)
        href = address({"state": "parked", "recipient": str(row.id)}, "/notices")
        found.append(html.Div(dcc.Link(text, href=href), className="second"))
    return found or [html.Span(_("no address and no account: cannot be told"), className="amber-text")]


def _quiet(row: RecipientRow) -> Any:  # noqa: ANN401 - a component
    if row.quiet_from is None or row.quiet_to is None:
        return html.Span("–", className="missing")
    return ltr(f"{clock(row.quiet_from)}–{clock(row.quiet_to)}", "num")


def clock(minutes: int | None) -> str:
    """Minutes after midnight as the wall clock shows them; empty for None."""
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def _actions(row: RecipientRow) -> html.Div:
    one = f"{row.id}:{row.version}"
    turn = button(_("Switch off"), f"off:{one}") if row.active else button(_("Switch on"), f"on:{one}")
    mend = button(_("Address works again"), f"mend:{one}", "ok") if row.bounced_at else None
    edit = dcc.Link(_("Edit"), href=address({"edit": str(row.id)}, "/notices/recipients"), className="button small")
    return html.Div([mend, edit, turn, button(_("Remove"), f"ask:{one}")], className="row-actions")


def matrix(groups: Sequence[GroupRow], routes: Sequence[RouteRow], own: frozenset[int] | None, zone: str) -> html.Div:
    """Who hears of what: groups down, urgency across, ways in each cell."""
    heads = [html.Th(_("Group"), scope="col"), *(html.Th(severity(one), scope="col") for one in SEVERITIES),
             html.Th("", scope="col")]  # fmt: skip
    return table(heads, [_group(row, routes, own, zone) for row in groups], "stack who-hears")


def _group(row: GroupRow, routes: Sequence[RouteRow], own: frozenset[int] | None, zone: str) -> html.Tr:
    members = [free(name) for _number, name in row.members[:6]]
    more = len(row.members) - len(members)
    people: list[Any] = [part for one in members for part in (one, " · ")][:-1]
    people += [f" +{isolated(str(more))}"] if more else []
    nobody = html.Span(_("nobody is in it"), className="amber-text")
    about = [free(row.name, "strong"), html.Div(people if row.members else nobody, className="second"),
             html.Div(free(row.site), className="second") if row.site else None]  # fmt: skip
    mine = own is None or row.site_id in own
    ways = {one: [r for r in routes if (r.group_id, r.severity) == (row.id, one)] for one in SEVERITIES}
    cells = [_cell(some, one, own, zone) for one, some in ways.items()]
    remove = button(_("Remove group"), f"ask-group:{row.id}") if mine else None
    return html.Tr([html.Th(about, scope="row"), *cells, html.Td(remove)], key=str(row.id))


def _cell(routes: Iterable[RouteRow], code: str, own: frozenset[int] | None, zone: str) -> html.Td:
    chips = [_way(one, own, zone) for one in routes]
    inside = chips or html.Span(_("nothing"), className="missing")
    return html.Td(html.Div(inside, className="ways"), **attributes(data_label=severity(code)))


def _way(row: RouteRow, own: frozenset[int] | None, zone: str) -> html.Div:
    limits = [part for part in (kind_of_rules(row.kind) if row.kind else None, row.site) if part]
    text: list[Any] = [
        html.Span(_(CHANNELS[row.channel]), className="said"),
        " ",
        html.Span(_(MODES[row.mode]), className="quiet"),
    ]
    only = html.Div([_("only"), " ", *_parted(limits)], className="second") if limits else None
    label = _("Remove this way: %(way)s, %(severity)s", way=_(CHANNELS[row.channel]), severity=severity(row.severity))
    mine, held = own is None or row.site_id in own, row.paused_at is not None
    gone = button("", f"route:{row.id}", "close", "bare", label) if mine else None
    said = html.Div(since(row.paused_at, row.paused_by, zone), className="second") if held else None
    name = f"{_(CHANNELS[row.channel])}, {severity(row.severity)}"
    target = NoticeId.RECIPIENTS_ACTION.value
    hold = turn(f"-route:{row.id}", target, is_paused=held, label=name) if mine and row.channel in PAUSABLE else None
    return html.Div([html.Div([html.Div(text), only, said, hold]), gone], className="way")


def _parted(texts: Sequence[str]) -> list[Any]:
    return [part for one in texts for part in (free(one), " · ")][:-1]


def told_table(rows: Sequence[tuple[Told, Plan]], zone: str, now: datetime) -> html.Div:
    """Who would be told now, how and when."""
    titles = (_("Name"), _("Way"), _("When"))
    lines = [html.Tr([html.Td(cell) for cell in _told(one, plan, zone, now)]) for one, plan in rows]
    return table([html.Th(text, scope="col") for text in titles], lines, "stack told")


def _told(one: Told, plan: Plan, zone: str, now: datetime) -> list[Any]:
    if one.obstacle:
        how = badge(_("nothing arrives: %(why)s", why=_(OBSTACLES[one.obstacle])), "red", "note")
        return [free(one.person.name), _(CHANNELS[one.channel]), how]
    why = html.Div(_(WHY.get(plan.why, N_("later"))), className="second")
    at = plan.at.astimezone(ZoneInfo(zone))
    moment: Any = _("at once") if plan.at <= now else ltr(at.strftime("%Y-%m-%d %H:%M"), "num")
    return [
        free(one.person.name),
        _(CHANNELS[one.channel]),
        [moment, why if plan.at > now or plan.why == "at-once" else None],
    ]


def nobody_hears(sites: Sequence[str | None]) -> html.Div | None:
    """That the most urgent alerts would reach nobody; None where they do."""
    if not sites:
        return None
    named = [one for one in sites if one]
    where = _(
        "An alert that must be acted on would reach nobody at: %(sites)s.", sites=listed(isolated(one) for one in named)
    )
    text = where if named else _("An alert that must be acted on would reach nobody.")
    return html.Div([icon("note"), told(text)], className="message ask", role="status")


def first_steps(may_make: bool) -> html.Section:
    """What to do where nobody can be told yet."""
    steps = [
        (_("Say who"), _("Add people with an address, a mobile number or an account.")),
        (_("Put them into groups"), _("A group is told together: physicists, the rooms of cardiology.")),
        (_("Say who hears of what"), _("Each group hears of urgent, notable or all alerts, at once or once a day.")),
    ]
    listed_steps = [html.Li([html.Strong(title), html.Div(text, className="second")]) for title, text in steps]
    text = _("Makes a recipient of each account of a medical physics expert or radiation protection officer, a group "
             "for each of the two, and their ways: urgent at once by e-mail and banner, notable in the daily digest, "
             "the rest as a banner. Everything can be changed afterwards.")  # fmt: skip
    make = button(_("Begin with the accounts"), "defaults", "account", "primary")
    return html.Section([
        html.Div([html.H2(_("Nobody is told of alerts yet"))], className="section-head"),
        html.Ol(listed_steps, className="first-steps"),
        html.Div([make, html.Span(text, className="second")], className="first-make") if may_make else None,
    ])  # fmt: skip


def channels_of(rows: Iterable[RecipientRow]) -> dict[str, int]:
    """How many of some people each channel reaches."""
    people = list(rows)
    return {channel: sum(one.active and one.obstacle(channel) is None for one in people) for channel in WAYS}
