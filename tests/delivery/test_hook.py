"""What Twilio reports by its webhook: signed, forged, altered, replayed, of somebody else's message."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator

from dose.notify.webhook import PATH
from dose.settings import load_settings
from tests.delivery.door import door
from tests.delivery.world import World
from tests.notify.twilio_peer import ACCOUNT

TOKEN, URL = "0123456789abcdef", "https://dose.example.org"


@pytest.fixture
def client(world: World, site: object) -> FlaskClient:
    """Somebody out there, without cookies."""
    said = {"sms_account": ACCOUNT, "sms_token": TOKEN, "sms_callback": True, "web_url": URL}
    settings = load_settings(secret_key="s" * 40, **said)
    return door(settings, world.factory)


def post(client: FlaskClient, token: str = TOKEN, url: str = URL + PATH, **form: str) -> int:
    """The status of the answer to a report."""
    said = {"MessageSid": "", "MessageStatus": "delivered", "AccountSid": ACCOUNT} | form
    signature = str(RequestValidator(token).compute_signature(url, said))
    return client.post(PATH, data=said, headers={"X-Twilio-Signature": signature}).status_code


@pytest.fixture
def sid(world: World) -> str:
    """The number of a message that Twilio took."""
    world.tell(world.alert(), "sms")
    world.work("sms")
    return str(world.rows()[0].provider_id)


def test_a_signed_report_says_that_a_message_arrived_and_replaying_it_changes_nothing(
    world: World, client: FlaskClient, sid: str
) -> None:
    assert post(client, MessageSid=sid, MessageStatus="sent") == 204
    assert world.states() == ["sent"]
    assert [post(client, MessageSid=sid) for _ in range(3)] == [204] * 3
    assert post(client, MessageSid=sid, MessageStatus="failed", ErrorCode="30005") == 204
    assert world.states() == ["delivered"]


def test_a_report_of_failure_keeps_its_code(world: World, client: FlaskClient, sid: str) -> None:
    assert post(client, MessageSid=sid, MessageStatus="undelivered", ErrorCode="30005") == 204
    assert [(row.state, row.last_error) for row in world.rows()] == [("failed", "twilio-30005")]


def test_what_twilio_has_not_signed_is_refused(world: World, client: FlaskClient, sid: str) -> None:
    assert post(client, token="another", MessageSid=sid) == 403
    assert post(client, url="https://evil.example" + PATH, MessageSid=sid) == 403
    assert client.post(PATH, data={"MessageSid": sid, "MessageStatus": "delivered"}).status_code == 403
    assert client.post(PATH, data=b"x" * 20_000).status_code == 403
    assert client.get(PATH).status_code in (401, 404, 405)
    assert world.states() == ["sent"]


def test_a_report_of_a_message_or_account_that_is_not_ours_is_ignored(
    world: World, client: FlaskClient, sid: str
) -> None:
    assert post(client, MessageSid="SM" + "f" * 32) == 204
    assert post(client, MessageSid=sid, AccountSid="AC" + "9" * 32) == 204
    assert world.states() == ["sent"]
