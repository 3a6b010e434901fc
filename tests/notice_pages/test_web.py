"""What the pages of messages and recipients answer, and to whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from dacs.notify_lane import CAP, SAID_STOP
from dash_app.components.notice_words import REASONS, STATES, reason
from dose import accounts
from dose.database import writing
from dose.notify.addresses import _UNREACHABLE
from dose.notify.sms import FOR_GOOD
from dose.queries.notices import GROUPS
from dose.scope import Role
from dose.store import outbox
from dose.store.alert_recipients import CONTROL, Person, add_group, add_recipient, add_route, bounced, set_groups
from dose.store.outbox import GROUPED, LEASED, OUTBOX, PARKED, PENDING, UNCLEAR
from dose.store.outbox_address import BOUNCED, GONE, NO_ADDRESS
from dose.tables import AppUser, AuditEntry, Device, Notification, Recipient, RecipientGroup
from tests.alert_store.world import CHANNELS, NOON, PHYSICIST, alert, notice, somebody
from tests.web.conftest import PASSWORD, Asked, Site, sign_in, value

SHOW = "..recipients-body.children...recipients-answer.children.."
LIST = "..notices-body.children...notices-head.children...notices-answer.children.."
MARK = "..banners.children...banners.data-mark.."
FIELDS = {"name": "", "user_id": "", "email": "", "phone": "", "language": "en", "site_id": "", "quiet_from": "",
          "quiet_to": "", "groups": [], "id": "", "version": ""}  # fmt: skip


def people(action: str | None = None) -> Asked:
    return Asked(SHOW, [value("recipients-action", "data", {"action": action} if action else None)], [])


def messages(search: str = "", action: str | None = None) -> Asked:
    inputs = [value("url", "search", search), value("notices-action", "data", {"action": action} if action else None),
              value("notices-tick", "n_intervals", 0)]  # fmt: skip
    return Asked(LIST, inputs, [value("url", "pathname", "/notices")], pressed=1 if action else 0)


def banners(action: str | None = None) -> Asked:
    pressed = value("banners-action", "data", {"action": action} if action else None)
    return Asked(MARK, [value("banners-asked", "data", None), pressed], [value("banners", "data-mark", None)])


def output_of(site: Site, component: str) -> str:
    """The output of the callback that a button starts, as the app names it."""
    found = [one for one in site.app.callback_map.items() if any(i["id"] == component for i in one[1]["inputs"])]
    return str(found[0][0])


def pressed(site: Site, button: str, *state: Any) -> Asked:
    return Asked(output_of(site, button), [value(button, "n_clicks", 1)], list(state))


def saved(site: Site, **typed: Any) -> Asked:
    ids = [{"type": "recipient-field", "name": name} for name in FIELDS]
    said = FIELDS | typed
    values = [{"id": one, "property": "value", "value": said[one["name"]]} for one in ids]
    return pressed(site, "recipient-save", values, [{"id": one, "property": "id", "value": one} for one in ids])


def text_of(site: Site, asked: Asked, role: Role = Role.PHYSICIST) -> str:
    answer = asked.send(site.as_(role))
    assert answer.status_code == 200, answer.get_data(as_text=True)[:300]
    return json.dumps(answer.get_json(), ensure_ascii=False)


def count(site: Site, table: Any) -> int:
    with site.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_new_site_is_led_in_three_steps_and_begins_when_asked(quiet_site: Site) -> None:
    first = text_of(quiet_site, people())
    assert "Nobody is told of alerts yet" in first
    assert count(quiet_site, Recipient) == 0
    begun = text_of(quiet_site, people("defaults"))
    assert "Radiation protection officers" in begun
    assert "would reach nobody" not in begun
    made = count(quiet_site, Recipient)
    text_of(quiet_site, people("defaults"))
    assert (made >= 2, count(quiet_site, Recipient), count(quiet_site, RecipientGroup)) == (True, made, 2)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": " "}, "Write a name."), ({"name": "A\u202eB"}, "invisible characters"),
        ({"name": "A\r\nBcc: x@example.org"}, "invisible characters"), ({"email": "a b@example.org"}, "Not an e-mail"),
        ({"email": "a@example.org\nBcc: b@example.org"}, "invisible characters"),
        ({"email": "é@example.org"}, "most mail servers"), ({"phone": "22 33 44 55"}, "code of its country"),
        ({"phone": "+33 1 42 68 53 00"}, "fixed line"), ({"phone": "call me"}, "no letters"),
        ({"quiet_from": "22:00"}, "beginning and an end"), ({"quiet_from": "99:99", "quiet_to": "6"}, "beginning"),
        ({"language": "xx"}, "Choose a language"), ({"site_id": "999999"}, "no such site"),
        ({"user_id": "999999"}, "no such account"), ({"groups": ["999999"]}, "removed meanwhile"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words_and_nothing_is_kept(quiet_site: Site, typed: dict[str, Any], words: str) -> None:
    assert words in text_of(quiet_site, saved(quiet_site, **{"name": "A"} | typed))
    assert count(quiet_site, Recipient) == 0


def test_the_same_person_typed_twice_is_one_and_an_old_version_is_refused(quiet_site: Site) -> None:
    typed = {"name": "Amina", "email": "amina@example.org", "quiet_from": "22:00", "quiet_to": "06:30"}
    assert "Saved." in text_of(quiet_site, saved(quiet_site, **typed))
    assert "already" in text_of(quiet_site, saved(quiet_site, **typed))
    with quiet_site.sessions() as session:
        (one,) = session.scalars(select(Recipient)).all()
    assert (one.quiet_from, one.quiet_to) == (1320, 390)
    change = {**typed, "id": str(one.id), "version": "1", "name": "Amina S"}
    assert "Saved." in text_of(quiet_site, saved(quiet_site, **change))
    told = text_of(quiet_site, saved(quiet_site, **change), Role.PROTECTION_OFFICER)
    assert "physicist@example.org" in told
    assert "changed it meanwhile" in told


def test_removing_asks_first_then_cancels_what_waits(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        one = somebody(session, PHYSICIST, "Leaving")
        outbox.enqueue(session.connection(), [notice("a", one)], NOON)
    assert "Leaving" in text_of(quiet_site, people(f"ask:{one}:1"))
    assert count(quiet_site, Recipient) == 1
    assert "1\u2069 waiting message was cancelled" in text_of(quiet_site, people(f"remove:{one}:1"))
    with quiet_site.sessions() as session:
        assert session.scalar(select(Notification.state)) == "cancelled"
    assert "removed meanwhile" in text_of(quiet_site, people(f"remove:{one}:1"))


def trial(search: str) -> Asked:
    inputs = [value("url", "search", search), value("recipients-body", "children", [])]
    return Asked("trial-body.children", inputs, [value("url", "pathname", "/notices/recipients")])


def test_who_would_be_told_now_follows_quiet_hours_and_triggers(quiet_site: Site, monkeypatch: Any) -> None:
    with writing(quiet_site.sessions) as session:
        asleep = Person("Asleep", "a@example.org", "+22222334455", quiet_from=0, quiet_to=0)
        one, group = add_recipient(session, PHYSICIST, asleep), add_group(session, PHYSICIST, "G")
        set_groups(session, PHYSICIST, one, [group])
        for channel in ("banner", "sms"):
            add_route(session, PHYSICIST, group, "act", channel)
    without = text_of(quiet_site, trial("?site=none"))
    assert ("no account, so no pages" in without, "this channel is not set up" in without) == (True, True)
    monkeypatch.setattr("dash_app.pages.recipients.channels_set_up", lambda: CHANNELS)
    told, trigger, info = (
        text_of(quiet_site, trial(f"?site=none{more}")) for more in ("", "&trigger=1", "&severity=info")
    )
    assert ("after the quiet hours" in told, "whatever the hour" in told) == (True, False)
    assert ("after the quiet hours" in trigger, "whatever the hour" in trigger) == (False, True)
    assert "Nobody would be told" in info


def test_who_is_of_one_site_adds_people_there_and_is_told_so(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        place = session.scalar(select(Device.site_id))
        name = f"local{datetime.now(UTC).timestamp()}@example.org"
        accounts.create_user(session, name, PASSWORD, [Role.PHYSICIST.value], site_ids=[place])
    client = quiet_site.client()
    sign_in(client, name)
    assert "Choose one of your sites." in saved(quiet_site, name="A").send(client).get_data(as_text=True)
    assert "Saved." in saved(quiet_site, name="A", site_id=str(place)).send(client).get_data(as_text=True)
    assert people("defaults").send(client).status_code == 403
    assert count(quiet_site, RecipientGroup) == 0


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.ENGINEER, Role.RADIOGRAPHER])
def test_recipients_are_for_who_manages_them(quiet_site: Site, role: Role) -> None:
    client = quiet_site.as_(role)
    for asked in (people(), people("defaults"), saved(quiet_site, name="A"), pressed(quiet_site, "group-add",
                  value("group-name", "value", "G"), value("group-site", "value", None))):  # fmt: skip
        assert asked.send(client).status_code == 403
    assert count(quiet_site, Recipient) == 0


def test_an_engineer_sees_the_outbox_without_addresses_and_decides_nothing(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        outbox.enqueue(session.connection(), [notice("a", somebody(session, PHYSICIST))], NOON)
        session.execute(update(OUTBOX).values(state="parked", last_error="bounced"))
        number = session.scalar(select(OUTBOX.c.id))
    seen = text_of(quiet_site, messages(), Role.ENGINEER)
    assert "mend the address" in seen
    assert ("+222…55" in seen, "+22222334455" in seen, "Give up" in seen) == (True, False, False)
    assert "+22222334455" in text_of(quiet_site, messages())
    assert messages(action=f"send:{number}").send(quiet_site.as_(Role.ENGINEER)).status_code == 403
    assert messages().send(quiet_site.as_(Role.RADIOLOGIST)).status_code == 403


@pytest.mark.parametrize(("what", "state"), [("send", "pending"), ("arrived", "sent"), ("drop", "cancelled")])
def test_a_decision_is_taken_once_and_audited(quiet_site: Site, what: str, state: str) -> None:
    with writing(quiet_site.sessions) as session:
        outbox.enqueue(session.connection(), [notice("a", somebody(session, PHYSICIST))], NOON)
        session.execute(update(OUTBOX).values(state="parked", last_error="unclear"))
        number = session.scalar(select(OUTBOX.c.id))
    text_of(quiet_site, messages(action=f"{what}:{number}"))
    assert "already" in text_of(quiet_site, messages(action=f"drop:{number}"))
    with quiet_site.sessions() as session:
        assert session.scalar(select(OUTBOX.c.state)) == state
        said = select(AuditEntry.detail).where(AuditEntry.action == "decide on notice", AuditEntry.subject_id == number)
        assert [one["what"] for one in session.scalars(said.order_by(AuditEntry.id))][-1:] == [what]


def test_the_address_says_what_is_shown_and_nonsense_in_it_is_passed_over(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        outbox.enqueue(session.connection(), [notice("a", somebody(session, PHYSICIST, "Only one"))], NOON)
    assert "Only one" in text_of(quiet_site, messages("?state=waiting&channel=sms"))
    assert "Only one" in text_of(quiet_site, messages("?state=x&channel=y&before=z&recipient=-1&open=99999"))
    assert "No such message" in text_of(quiet_site, messages("?state=failed"))


def test_a_test_is_one_message_however_often_it_is_pressed(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        user = session.scalar(select(AppUser.id).where(AppUser.email == "physicist@example.org"))
        one = add_recipient(session, PHYSICIST, Person("Me", user_id=user))
    asked = [pressed(quiet_site, "notice-test", value("notice-to", "value", str(one)),
                     value("notice-channel", "value", channel)) for channel in ("banner", "sms")]  # fmt: skip
    before = datetime.now(UTC).minute
    assert "waits to be sent" in text_of(quiet_site, asked[0])
    again = text_of(quiet_site, asked[0])
    assert "under way already" in again or datetime.now(UTC).minute != before
    assert "not set up" in text_of(quiet_site, asked[1])
    assert "A test: banners reach you." in text_of(quiet_site, banners())


def test_a_banner_leads_to_its_alert_until_it_is_put_aside(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        user = session.scalar(select(AppUser.id).where(AppUser.email == "physicist@example.org"))
        one, number = add_recipient(session, PHYSICIST, Person("Me", user_id=user)), alert(session, "study:1")
        outbox.enqueue(session.connection(), [notice("b", one, channel="banner", alert_id=number)], NOON)
        row = session.scalar(select(OUTBOX.c.id))
    client = quiet_site.as_(Role.PHYSICIST)
    assert f"/alerts/{number}" in text_of(quiet_site, banners())
    assert client.get("/live/banners").get_json()["mark"] == f"{row}+0"
    assert f"/alerts/{number}" not in text_of(quiet_site, banners(), Role.RADIOLOGIST)
    text_of(quiet_site, banners(str(row)), Role.RADIOLOGIST)  # not theirs: nothing happens
    assert client.get("/live/banners").get_json()["mark"] == f"{row}+0"
    assert f"/alerts/{number}" not in text_of(quiet_site, banners(str(row)))
    assert client.get("/live/banners").get_json()["mark"] == "+0"


def test_an_address_that_came_back_is_shown_with_its_reason_and_mended(quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        one = somebody(session, PHYSICIST)
        bounced(session, one, "smtp-550", NOON)
    assert "SMTP 550" in text_of(quiet_site, people())
    told = text_of(quiet_site, people(f"mend:{one}:1"))
    assert ("SMTP 550" in told, "Mail goes there again" in told) == (False, True)


def test_every_code_of_channels_addresses_and_the_outbox_has_its_words() -> None:
    codes = {*FOR_GOOD.values(), *_UNREACHABLE.values(), *GONE, BOUNCED, NO_ADDRESS, CAP, SAID_STOP, CONTROL}
    codes |= {"lease-over", "not taken", "unclear", "cannot-say", "empty", "greylisted", "timeout", "unreachable"}
    assert codes <= REASONS.keys()
    assert {state for group in GROUPS.values() for state in group} >= {PENDING, LEASED, GROUPED, PARKED, UNCLEAR}
    assert set(GROUPS) == set(STATES)
    assert reason("smtp-550") == "The mail server refused it (\u2066SMTP 550\u2069)."
    assert (reason("of-a-newer-version"), reason(None)) == ("of-a-newer-version", "")
