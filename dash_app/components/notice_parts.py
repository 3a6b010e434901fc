"""Pieces of the page of messages: how the channels are, the messages, one of them with its attempts, costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.notice_words import CHANNELS, DECIDED, KINDS, MODES, OUTCOMES, STATES, reason, severity
from dash_app.components.parts import attributes, badge, icon, section, table
from dash_app.components.pause_parts import since, turn
from dash_app.components.values import ago, free, ltr, plain_number, told, when
from dash_app.filters import address
from dash_app.i18n import _, isolated, language
from dash_app.notice_ids import NoticeId
from dose.alerts import wording
from dose.queries.notices import COUNT_CAP, COUNTED, DECIDABLE, AttemptRow, Health, Month, NoticeRow
from dose.store.outbox_decide import LET_BE, SEND
from dose.store.outbox_decide import REASONS as DECISIONS
from dose.store.outbox_pause import PAUSABLE, PAUSED

PATH = "/notices"
MICROS = 1_000_000


def button(text: str, action: str, look: str = "", icon_name: str | None = None) -> html.Button:
    """A button whose press the page hears of."""
    inside: Any = [icon(icon_name), text] if icon_name else text
    said = attributes(data_action=action, data_target=NoticeId.NOTICES_ACTION.value)
    return html.Button(inside, className=f"button small {look}".strip(), **said)


def health_cards(found: Sequence[Health], ready: Collection[str], zone: str, *, pauses: bool) -> html.Div:
    """A card a channel: whether it is set up and works, since when it does not, what it spent today.

    `pauses`: the reader may pause it.
    """
    return html.Div([_health(one, one.channel in ready, zone, pauses) for one in found], className="channel-cards")


def _health(one: Health, is_ready: bool, zone: str, pauses: bool) -> html.Div:
    rests = one.open_until is not None and one.open_until > datetime.now(UTC)
    if not is_ready:
        look: Any = badge(_("not set up"), "amber", "note")
        text: Any = _("Its messages wait until the settings of the server name it.")
    elif rests:
        look = badge(_("rests"), "red", "note")
        text = [_("Nothing is tried before"), " ", when(one.open_until, zone)]
    elif one.failures:
        look = badge(_("fails at times"), "amber", "note")
        text = [_("Failures in a row:"), " ", plain_number(one.failures)]
    else:
        look, text = badge(_("works"), "fine", "ok") if one.last_at else badge(_("not used yet"), "neutral"), None
    last = [_("Last taken:"), " ", ago(one.last_at)]
    lines: list[Any] = [
        html.Div(part, className="second") for part in (_paused(one, zone), text, last, _spent(one)) if part
    ]
    if pauses and one.channel in PAUSABLE:
        name, held = _(CHANNELS[one.channel]), one.paused_at is not None
        lines.append(turn(f":{one.channel}", NoticeId.NOTICES_ACTION.value, is_paused=held, label=name))
    return html.Div([html.Div([html.Strong(_(CHANNELS[one.channel])), look], className="channel-head"), *lines],
                    className="panel")  # fmt: skip


def _paused(one: Health, zone: str) -> list[Any] | None:
    return since(one.paused_at, one.paused_by, zone) if one.paused_at is not None else None


def _spent(one: Health) -> list[Any] | None:
    if not one.spent_micros and one.cap_micros is None:
        return None
    cap = [" ", _("of at most"), " ", money(one.cap_micros)] if one.cap_micros is not None else []
    return [_("Spent today:"), " ", money(one.spent_micros), *cap]


def money(micros: int) -> html.Bdi:
    """An amount in the currency of the provider's account, given in its millionths."""
    return html.Bdi(f"{micros / MICROS:.2f}", className="num", dir="ltr")


def state_links(said: Mapping[str, str], counts: Mapping[str, int]) -> html.Div:
    """The groups of states as ways to see only those, with how many wait to be looked at."""
    rest = {name: value for name, value in said.items() if name in ("channel", "kind", "recipient")}
    links = [_state_link("", _("All"), None, rest, said)]
    for group, (text, _look, _icon) in STATES.items():
        links.append(_state_link(group, _(text), counts.get(group) if group in COUNTED else None, rest, said))
    return html.Div(links, className="shortcuts")


def _state_link(group: str, text: str, count: int | None, rest: Mapping[str, str], said: Mapping[str, str]) -> dcc.Link:
    here = " current" if group == said.get("state", "") else ""
    much = f"{COUNT_CAP}+" if count == COUNT_CAP else str(count)
    shown: Any = [text, " ", html.Bdi(much, className="num count", dir="ltr")] if count else text
    href = address({**rest, **({"state": group} if group else {})}, PATH)
    return dcc.Link(shown, href=href, className=f"button small{here}")


def notice_table(rows: Sequence[NoticeRow], said: Mapping[str, str], zone: str, *, decides: bool) -> html.Div:
    """The messages; those that stand still carry what a person can decide."""
    titles = (_("State"), _("About"), _("To"), _("Way"), _("Changed"), "")
    heads = [html.Th(html.Span(_("Chosen"), className="hidden"), className="pick")] if decides else []
    heads += [html.Th(text, scope="col") for text in titles]
    lines = [_notice(row, said, zone, decides, titles) for row in rows]
    return table(heads, lines, "stack notice-list labelled")


def _notice(row: NoticeRow, said: Mapping[str, str], zone: str, decides: bool, titles: Sequence[str]) -> html.Tr:
    opened = address({**said, "open": str(row.id)}, PATH)
    cells = [
        [state_badge(row), html.Div(reason(_why(row)), className="second") if _why(row) else None],
        about(row),
        to_whom(row),
        [_(CHANNELS[row.channel]), html.Div(_way(row, zone), className="second")],
        html.Div(when(row.changed_at, zone), className="second"),
        html.Div([*(decisions(row) if decides else []), dcc.Link(_("Attempts"), href=opened, className="button small")],
                 className="row-actions"),
    ]  # fmt: skip
    here = "selected" if said.get("open") == str(row.id) else None
    shown = [html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)]
    box = dmc.Checkbox(value=f"{row.id}:{row.seen}", size="xs", **attributes(aria_label=f"#{row.id}"))
    pick = html.Td(box if row.state in DECIDABLE else None, className="pick") if decides else None
    return html.Tr([pick, *shown], key=str(row.id), className=here)


def _why(row: NoticeRow) -> str | None:
    return PAUSED if row.held else row.reason


def deciding_bar() -> html.Section:
    """One decision about what is ticked."""
    names = {SEND: _("Send again"), LET_BE: _("Let be")}
    data = [
        {"group": names[what], "items": [{"value": f"{what}:{code}", "label": f"{names[what]}: {_(DECIDED[code])}"}
                                         for code in codes]}
        for what, codes in DECISIONS.items()
    ]  # fmt: skip
    fields = [
        html.Button(_("Tick all shown"), id=NoticeId.NOTICES_ALL, className="button small"),
        dmc.Select(id=NoticeId.NOTICES_DECISION, label=_("Decision"), data=data, size="xs", w=320),
        html.Button(_("Decide what is ticked"), id=NoticeId.NOTICES_DECIDE, className="button small primary"),
    ]
    text = _("Each message as you see it: what changes meanwhile is left as it is.")
    inside = [html.H2(_("Decide several")), html.P(text, className="quiet"), html.Div(fields, className="choices")]
    return html.Section(inside, className="closing-bar")


def state_badge(row: NoticeRow) -> html.Span:
    """The state of a message as a word, a colour and a shape."""
    text, look, shape = STATES[row.group]
    return badge(_(text), look, shape)


def about(row: NoticeRow) -> Any:  # noqa: ANN401 - a component
    """What a message is about: its alert, where the scope may see it."""
    if row.alert is None:
        return _(KINDS.get(row.kind, row.kind))
    title = dcc.Link(told(wording.title(row.alert, language())), href=f"/alerts/{row.alert.id}")
    return [title, html.Div(severity(row.alert.severity), className="second")]


def to_whom(row: NoticeRow) -> list[Any]:
    """Who is told: a name and as much of the address as the reader may see."""
    if row.kind == "patient":
        return [_("a patient"), html.Div(ltr(row.address), className="second") if row.address else None]
    name = free(row.to) if row.to else html.Span(_("somebody who was removed"), className="quiet")
    return [name, html.Div(ltr(row.address), className="second") if row.address else None]


def _way(row: NoticeRow, zone: str) -> list[Any]:
    parts: list[Any] = [_(MODES.get(row.mode, row.mode))]
    if row.group == "waiting" and row.not_before > datetime.now(UTC):
        parts += [" · ", _("not before"), " ", when(row.not_before, zone)]
    if row.attempts:
        parts += [" · ", _("tried"), " ", plain_number(row.attempts), "×"]
    return parts


def decisions(row: NoticeRow) -> list[Any]:
    """What a person can decide about a message that stands still."""
    if row.state not in DECIDABLE:
        return []
    known = [button(_("It arrived"), f"arrived:{row.id}")] if row.state != "failed" else []
    return [button(_("Send"), f"send:{row.id}", "primary-soft"), *known, button(_("Give up"), f"drop:{row.id}")]


def notice_section(row: NoticeRow, attempts: Sequence[AttemptRow], zone: str, *, decides: bool) -> html.Section:
    """One message with every attempt."""
    facts = [
        (_("State"), [state_badge(row), " ", reason(row.reason)]),
        (_("About"), about(row)),
        (_("To"), to_whom(row)),
        (_("Written"), when(row.created_at, zone)),
        (_("Reference"), ltr(row.reference, "code")),
        (_("Digest"), dcc.Link(isolated(f"#{row.digest_id}"), href=address({"open": str(row.digest_id)}, PATH))
         if row.digest_id else None),
    ]  # fmt: skip
    shown = html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value], className="facts")
    close = dcc.Link(_("Close"), href=PATH, className="button small")
    acts = html.Div([*(decisions(row) if decides else []), close], className="row-actions")
    inside = [html.Div(shown, className="band one"), _attempts(attempts, zone)]
    return section(_("Message %(n)s", n=isolated(f"#{row.id}")), inside, acts)


def _attempts(rows: Sequence[AttemptRow], zone: str) -> Any:  # noqa: ANN401 - a component
    if not rows:
        return html.P(_("No attempt was made yet."), className="quiet")
    titles = (_("Begun"), _("Answered"), _("Outcome"), _("Number at the peer"))
    return table([html.Th(text, scope="col") for text in titles], [_attempt(one, zone) for one in rows], "stack")


def _attempt(row: AttemptRow, zone: str) -> html.Tr:
    why = html.Div(reason(row.error), className="second") if row.error else None
    outcome: list[Any] = [_(OUTCOMES.get(row.outcome, row.outcome)), why]
    cells: list[Any] = [when(row.at, zone), when(row.settled_at, zone), outcome, ltr(row.provider_id, "code")]
    return html.Tr([html.Td(cell) for cell in cells])


def months_table(rows: Sequence[Month]) -> Any:  # noqa: ANN401 - a component
    """What the channels took by month, and what text messages are expected to cost."""
    if not rows:
        return html.P(_("Nothing was sent yet."), className="quiet")
    titles = (*(_(text) for text in CHANNELS.values()), _("Expected cost"))
    heads = [html.Th(_("Month"), scope="col"), *(html.Th(text, scope="col", className="dose") for text in titles)]
    return table(heads, [_month(row) for row in rows], "compact-cells months-of-notices")


def _month(row: Month) -> html.Tr:
    counts = [html.Td(plain_number(row.messages.get(one, 0)), className="dose") for one in CHANNELS]
    cost = html.Td(money(sum(row.micros.values())), className="dose")
    return html.Tr([html.Th(ltr(row.month, "num"), scope="row"), *counts, cost])


def said_of(text: str) -> html.Div:
    """That something was done."""
    return html.Div([icon("ok"), told(text)], className="message good")
