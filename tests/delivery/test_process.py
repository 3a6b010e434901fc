"""The process itself: started, woken by a new row, stopped in order, killed and started again; its commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dacs.notify_channels import channels, prices
from dacs.notify_commands import send_test, status
from dose.database import writing
from dose.errors import ConfigError
from dose.settings import Settings, load_settings
from dose.store.outbox_pause import pause_channel
from dose.tables import ProcessState
from tests.alert_store.world import PHYSICIST
from tests.delivery.process import Site, site, until
from tests.notify.twilio_peer import ACCOUNT, PASSWORD, USER, refuses, stalls, takes_and
from tests.ports import free_ports


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DACS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def here(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Site]:
    """A site with one person to tell."""
    with site(tmp_path, 1, migrated_sqlite) as one:
        yield one


def said(one: Site) -> Settings:
    """Settings that lead to the site's peers."""
    return load_settings(
        var=one.settings.var, mail_host="127.0.0.1", mail_port=one.port, mail_security="none", sms_account=ACCOUNT,
        mail_from="dacs@hospital.example", sms_key=USER, sms_key_secret=PASSWORD, sms_sender="+15005550006",
        sms_api_url=one.twilio.origin,
    )  # fmt: skip


@pytest.mark.integration
def test_a_row_that_is_committed_reaches_the_peer_and_a_stopped_process_ends_in_order(here: Site) -> None:
    here.start()
    here.queue(0, 2, ("email", "sms", "banner"), priority=3)
    assert until(lambda: here.counts() == {"sent": 6}, 20)
    assert here.stop() == 0
    with here.factory() as session:
        assert session.get_one(ProcessState, "notify").state == "stopped"
    assert (len(here.mail.taken), len(here.twilio.messages)) == (2, 2)


@pytest.mark.integration
def test_a_process_that_was_killed_in_the_middle_of_a_call_tells_nobody_twice(here: Site) -> None:
    here.twilio.faults.append(takes_and(stalls))
    here.queue(0, 1, ("sms",), priority=0)
    here.start()
    assert until(lambda: bool(here.twilio.messages), 20)
    here.kill()
    assert here.counts() == {"leased": 1}
    here.start()
    assert until(here.is_at_rest, 40)
    assert (here.counts(), len(here.twilio.messages)) == ({"sent": 1}, 1)


@pytest.mark.integration
def test_a_database_that_was_away_holds_nothing_up_for_ever(here: Site) -> None:
    here.start()
    assert until(lambda: _state(here) == "running", 20)
    with here.factory() as session:
        session.connection().exec_driver_sql("ALTER TABLE notification RENAME TO hidden")
        session.commit()
    assert until(lambda: "standing still" in (here.settings.var / "notify.log").read_text(), 20)
    with here.factory() as session:
        session.connection().exec_driver_sql("ALTER TABLE hidden RENAME TO notification")
        session.commit()
    here.queue(0, 1, ("email",), priority=0)
    assert until(lambda: here.counts() == {"sent": 1}, 20)


@pytest.mark.integration
def test_where_notices_are_off_they_wait_in_the_outbox(here: Site) -> None:
    here.queue(0, 1, ("banner",), priority=0)
    here.start(notices="no")
    assert until(lambda: "wait in the outbox" in (here.settings.var / "notify.log").read_text(), 20)
    assert (here.stop(), here.counts()) == (0, {"pending": 1})


def _state(one: Site) -> str | None:
    with one.factory() as session:
        row = session.get(ProcessState, "notify")
        return row.state if row else None


def test_the_log_names_no_address_and_no_number(here: Site, caplog: pytest.LogCaptureFixture) -> None:
    assert send_test(said(here), "somebody@example.org", "email", "fr")[1]
    here.twilio.faults.append(refuses(400, 21211))
    send_test(said(here), "+212600000001", "sms", "ar")
    assert "example.org" not in caplog.text
    assert "600000001" not in caplog.text


def test_a_test_message_arrives_and_says_what_became_of_it(here: Site) -> None:
    text, well = send_test(said(here), "somebody@example.org", "email", "ar")
    assert (well, "Taken by the server" in text) == (True, True)
    assert here.mail.taken[0]["Subject"].endswith("رسالة تجريبية")
    assert send_test(said(here), "+212600000000", "sms", "fr")[1]
    assert "Ceci est un essai" in here.twilio.messages[0]["body"]


@pytest.mark.parametrize(
    ("to", "channel", "reason"),
    [("no address", "email", "Not sent"), ("12", "sms", "Not sent"), ("+212600000000", "email", "Not sent")],
)
def test_an_address_of_the_wrong_kind_is_not_tried(here: Site, to: str, channel: str, reason: str) -> None:
    text, well = send_test(said(here), to, channel, "en")
    assert (text.startswith(reason), well) == (True, False)
    assert not here.mail.taken
    assert not here.twilio.messages


def test_a_server_that_cannot_be_reached_is_told_with_what_to_look_at(here: Site) -> None:
    away = said(here).model_copy(update={"mail_port": free_ports(1)[0]})
    assert send_test(away, "a@example.org", "email", "en") == (
        "Not sent: unreachable: the server cannot be reached: look at host, port and firewall.", False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "names"),
    [({"mail_from": ""}, "DACS_MAIL_FROM"), ({"sms_callback": True}, "DACS_SMS_TOKEN"), ({"sms_sender": ""}, "sender")],
)
def test_a_channel_that_is_half_set_up_says_what_is_missing(here: Site, changed: dict[str, object], names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        channels(said(here).model_copy(update=changed))


def test_a_channel_that_is_not_set_up_is_told(here: Site) -> None:
    with pytest.raises(ConfigError, match="DACS_MAIL_HOST"):
        send_test(here.settings, "a@example.org", "email", "en")
    with pytest.raises(ConfigError, match="--language"):
        send_test(said(here), "a@example.org", "email", "de")


def test_the_status_says_how_channels_are_and_whether_a_person_must_look(here: Site) -> None:
    text, well = status(said(here))
    assert (well, "has never run" in text, "outbox    empty" in text) == (True, True, True)
    here.queue(0, 1, ("email",), priority=0)
    with here.factory() as session:
        session.connection().exec_driver_sql("UPDATE notification SET state = 'parked'")
        session.commit()
    assert status(said(here))[1] is False


def test_the_status_says_what_is_paused_and_what_it_holds(here: Site) -> None:
    here.queue(0, 2, ("email",), priority=0)
    with writing(here.factory) as session:
        pause_channel(session, PHYSICIST, "email", datetime.now(UTC))
    text, well = status(said(here))
    assert (well, "email since" in text, "2 wait, 2 of them must be told at once" in text) == (False, True, True)


def test_prices_are_read_by_the_beginning_of_the_number() -> None:
    assert prices("=0.08,+212=0.0625") == {"": 80_000, "+212": 62_500}
    assert prices("") == {}


@pytest.mark.parametrize(("name", "value"), [("sms_prices", "+212=a lot"), ("digest_at", "25:00"), ("mail_port", 0)])
def test_a_wrong_setting_names_itself(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"DACS_{name.upper()}"):
        load_settings(**{name: value})
