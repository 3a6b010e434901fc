"""Pauses and decisions about many messages, on the pages and to whom they are shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from dash_app.components.notice_words import DECIDED
from dose.database import writing
from dose.scope import Role
from dose.store import outbox
from dose.store.alert_recipients import add_group, add_route, set_members
from dose.store.outbox import OUTBOX
from dose.store.outbox_decide import REASONS, seen_as
from dose.tables import ChannelState, Route
from tests.alert_store.world import NOON, PHYSICIST, alert, notice, somebody
from tests.notice_pages.test_web import banners, messages, output_of, people, text_of
from tests.web.conftest import Asked, Site, value


def queue(site: Site, count: int = 2, **changed: Any) -> list[str]:
    """Messages of alerts, as they are seen."""
    with writing(site.sessions) as session:
        one = somebody(session, PHYSICIST)
        rows = [notice(f"n{n}", one, alert_id=alert(session, f"study:{n}"), **changed) for n in range(count)]
        outbox.enqueue(session.connection(), rows, NOON)
        return seen(session)


def seen(session: Any) -> list[str]:
    return [f"{row.id}:{seen_as(row)}" for row in session.execute(select(OUTBOX).order_by(OUTBOX.c.id))]


def stuck(site: Site) -> list[str]:
    """Two messages that wait for a person, as they are seen."""
    queue(site)
    with writing(site.sessions) as session:
        session.execute(update(OUTBOX).values(state="parked", last_error="unclear"))
        return seen(session)


def decide(site: Site, chosen: list[str], decision: str | None) -> Asked:
    site.as_(Role.PHYSICIST)  # the app knows its callbacks from its first request on
    state = [value("notices-chosen", "value", chosen), value("notices-decision", "value", decision)]
    return Asked(output_of(site, "notices-decide"), [value("notices-decide", "n_clicks", 1)], state)


def words(part: Any) -> str:
    """What a part of an answer says, without its marks of isolation."""
    if isinstance(part, dict):
        shown = part["props"].get("children") if "props" in part else list(part.values())
        return words(shown)
    if isinstance(part, list):
        return "".join(words(one) for one in part)
    return re.sub("[\u2066-\u2069]", "", part) if isinstance(part, str) else ""


def said(site: Site, asked: Asked, role: Role = Role.PHYSICIST) -> str:
    return words(json.loads(text_of(site, asked, role))["response"])


def states(site: Site) -> list[str]:
    with site.sessions() as session:
        return list(session.scalars(select(OUTBOX.c.state).order_by(OUTBOX.c.id)))


def test_many_are_decided_at_once_and_a_second_press_says_that_it_was_done(quiet_site: Site) -> None:
    chosen = stuck(quiet_site)
    asked = decide(quiet_site, chosen, "drop:too-late")
    assert "2 messages decided." in said(quiet_site, asked)
    again = said(quiet_site, asked, Role.PROTECTION_OFFICER)
    assert "0 messages decided. 2 had changed meanwhile" in again
    assert states(quiet_site) == ["cancelled"] * 2
    assert "too late to be of use" in text_of(quiet_site, messages())


def test_what_somebody_else_decided_meanwhile_is_left_and_said(quiet_site: Site) -> None:
    chosen = stuck(quiet_site)
    text_of(quiet_site, messages(action=f"arrived:{chosen[0].partition(':')[0]}"), Role.PROTECTION_OFFICER)
    told = said(quiet_site, decide(quiet_site, chosen, "send:mended"))
    assert "1 message decided. 1 had changed meanwhile" in told
    assert states(quiet_site) == ["sent", "pending"]


@pytest.mark.parametrize(
    ("chosen", "decision", "words"),
    [([], "send:mended", "Tick at least one"), (["x", "1"], None, "Choose a decision"),
     (["1:0.0"], "send:too-late", "Choose a decision"), (["'; --:1"], "drop:too-late", "Tick at least one")],
)  # fmt: skip
def test_what_is_no_decision_is_said(quiet_site: Site, chosen: list[str], decision: str | None, words: str) -> None:
    stuck(quiet_site)
    assert words in text_of(quiet_site, decide(quiet_site, chosen, decision))
    assert states(quiet_site) == ["parked"] * 2


def test_every_reason_has_its_words() -> None:
    assert {code for codes in REASONS.values() for code in codes} == set(DECIDED)


def test_a_channel_is_paused_and_resumed_once_and_the_card_says_by_whom(quiet_site: Site) -> None:
    queue(quiet_site)
    told = said(quiet_site, messages(action="pause:sms"))
    assert "2 messages wait." in told
    assert "physicist@example.org" in told
    assert "A person paused this way" in told
    assert "That was so already." in text_of(quiet_site, messages(action="pause:sms"))
    assert "Resumed" in text_of(quiet_site, messages(action="resume:sms"))
    assert "A person paused this way" not in text_of(quiet_site, messages())
    assert "no such channel" in text_of(quiet_site, messages(action="pause:banner"))


def test_a_held_trigger_stands_loud_on_every_page_until_the_pause_ends(quiet_site: Site) -> None:
    queue(quiet_site, priority=0)
    text_of(quiet_site, messages(action="pause:sms"))
    loud = text_of(quiet_site, banners())
    assert "2\u2069 that must be told at once are held back!" in loud
    assert ("banner urgent" in loud, '"role": "alert"' in loud) == (True, True)
    assert "held back" not in text_of(quiet_site, banners(), Role.MANAGER)
    mark = quiet_site.as_(Role.PHYSICIST).get("/live/banners").get_json()["mark"]
    assert json.loads(text_of(quiet_site, banners()))["response"]["banners"]["data-mark"] == mark
    text_of(quiet_site, messages(action="resume:sms"))
    assert "held back" not in text_of(quiet_site, banners())
    assert quiet_site.as_(Role.PHYSICIST).get("/live/banners").get_json()["mark"] != mark


def test_a_way_is_paused_where_it_stands_and_not_removed_meanwhile(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        one, group = somebody(session, PHYSICIST), add_group(session, PHYSICIST, "On call")
        set_members(session, PHYSICIST, group, [one])
        route = add_route(session, PHYSICIST, group, "act", "email")
    assert "Paused. What comes from now on waits" in text_of(quiet_site, people(f"pause-route:{route}"))
    assert "1\u2069 way" in text_of(quiet_site, banners())
    assert "resume it first" in text_of(quiet_site, people(f"route:{route}"))
    assert "Resumed" in text_of(quiet_site, people(f"resume-route:{route}"))
    with quiet_site.sessions() as session:
        assert session.scalar(select(Route.paused_at)) is None


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.ENGINEER, Role.RADIOGRAPHER])
def test_who_may_not_manage_messages_neither_pauses_nor_decides(quiet_site: Site, role: Role) -> None:
    chosen = stuck(quiet_site)
    for asked in (messages(action="pause:sms"), decide(quiet_site, chosen, "drop:too-late"), people("pause-route:1")):
        assert asked.send(quiet_site.as_(role)).status_code == 403
    with quiet_site.sessions() as session:
        assert session.scalar(select(ChannelState.paused_at)) is None
    assert states(quiet_site) == ["parked"] * 2
