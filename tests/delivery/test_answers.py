"""What patients answer to text messages, posted by Twilio: signed, forged, altered, played again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from dose.database import writing
from dose.errors import ConfigError
from dose.notify import webhook
from dose.notify.replies import PATH
from dose.settings import load_settings
from dose.store.patient_contacts import Consent, add_contact
from dose.tables import AuditEntry, InboundReply, PatientContact, Study
from tests.delivery.door import door
from tests.delivery.world import World
from tests.notify.twilio_peer import ACCOUNT
from tests.patient_notices.ward import OTHER_PHONE, PHONE, PHYSICIST, Ward

TOKEN, URL = "0123456789abcdef", "https://dose.example.org"
SAID = {"sms_account": ACCOUNT, "sms_token": TOKEN, "sms_sender": "+15550001111", "web_url": URL}


@pytest.fixture
def client(world: World, site: object) -> FlaskClient:
    """Somebody out there, where answers are heard."""
    settings = load_settings(secret_key="s" * 40, sms_replies=True, **SAID)
    return door(settings, world.factory)


@pytest.fixture
def ward(world: World) -> Ward:
    """Two patients who agreed under one number, and one under another."""
    made = Ward(world.factory).switch_on()
    for number, phone in ((1, PHONE), (2, PHONE), (3, OTHER_PHONE)):
        made.consent(made.study(number, patient=f"P{number}"), phone)
    return made


def answer(client: FlaskClient, body: str = "STOP", url: str = URL + PATH, token: str = TOKEN, **form: str) -> int:
    """The status of what a signed answer gets."""
    said = {"MessageSid": "SM1", "From": PHONE, "To": "+15550001111", "Body": body, "AccountSid": ACCOUNT} | form
    signature = str(RequestValidator(token).compute_signature(url, said))
    assert RequestValidator(token).validate(url, said, signature)
    return client.post(PATH, data=said, headers={"X-Twilio-Signature": signature}).status_code


def agreed(ward: Ward) -> list[str | None]:
    """How each consent ended, None: it holds."""
    with ward.factory() as session:
        return list(session.scalars(select(PatientContact.withdrawn_how).order_by(PatientContact.id)))


@pytest.mark.parametrize("body", ["STOP", " stop. ", "Arrêt", "ARRET", "إيقاف", "ايقاف", "توقف", "إيقـاف!", "Stop svp"])
def test_stop_ends_the_consent_of_every_patient_of_that_number(client: FlaskClient, ward: Ward, body: str) -> None:
    assert answer(client, body) == 200
    assert agreed(ward) == ["reply", "reply", None]
    with ward.factory() as session:
        said = session.scalars(select(AuditEntry.detail).where(AuditEntry.user_name == "who was written to")).all()
        assert [(one["what"], one["how"]) for one in said] == [("withdraw", "reply")] * 2
        assert session.execute(select(InboundReply.said, InboundReply.ended)).all() == [("stop", 2)]


def test_a_waiting_message_is_not_sent_after_stop(world: World, client: FlaskClient) -> None:
    ward = Ward(world.factory).switch_on()
    ward.told(1)
    world.now = ward.now
    assert answer(client) == 200
    world.work("sms")
    assert (world.states(), world.twilio.messages) == (["cancelled"], [])


def test_an_answer_that_is_played_again_does_not_end_a_consent_that_was_given_later(
    client: FlaskClient, ward: Ward
) -> None:
    answer(client)
    with writing(ward.factory) as session:
        patient = session.scalars(select(Study.patient_id).order_by(Study.id)).first() or 0
        add_contact(session, PHYSICIST, patient, Consent(phone=PHONE), ward.now + timedelta(days=1))
    assert [answer(client) for _ in range(3)] == [200] * 3
    assert agreed(ward) == ["reply", "reply", None, None]
    assert answer(client, MessageSid="SM2") == 200
    assert agreed(ward) == ["reply", "reply", None, "reply"]


@pytest.mark.parametrize("body", ["START", "UNSTOP", "oui", "نعم", "", "Can we stop by tomorrow for the results?"])
def test_what_is_not_stop_ends_nothing_and_gives_no_consent_back(client: FlaskClient, ward: Ward, body: str) -> None:
    assert answer(client, body) == 200
    assert agreed(ward) == [None] * 3
    answer(client, "STOP", MessageSid="SM2")
    assert answer(client, body, MessageSid="SM3") == 200
    assert agreed(ward) == ["reply", "reply", None]


def test_twilios_own_word_for_stop_counts_whatever_the_language(client: FlaskClient, ward: Ward) -> None:
    assert answer(client, "Basta", OptOutType="STOP") == 200
    assert agreed(ward) == ["reply", "reply", None]


def test_what_is_not_signed_for_this_address_is_refused(client: FlaskClient, ward: Ward) -> None:
    said = {"MessageSid": "SM1", "From": PHONE, "Body": "STOP", "AccountSid": ACCOUNT}
    signature = RequestValidator(TOKEN).compute_signature(URL + PATH, said)
    altered = client.post(PATH, data=said | {"From": OTHER_PHONE}, headers={"X-Twilio-Signature": signature})
    assert (altered.status_code, client.post(PATH, data=said).status_code) == (403, 403)
    assert answer(client, token="another") == 403
    assert answer(client, url=URL + webhook.PATH) == 403
    assert client.get(PATH).status_code in (401, 404, 405)
    assert agreed(ward) == [None] * 3


@pytest.mark.parametrize("form", [{"AccountSid": "AC" + "9" * 32}, {"From": "whatsapp:+22222334455"}, {"From": "+12"}])
def test_an_answer_to_another_account_or_of_no_number_ends_nothing(
    client: FlaskClient, ward: Ward, form: dict[str, str]
) -> None:
    assert answer(client, **form) == 200
    assert agreed(ward) == [None] * 3


def test_neither_words_nor_number_of_an_answer_are_kept(client: FlaskClient, ward: Ward) -> None:
    answer(client, "my leg hurts")
    with ward.factory() as session:
        (row,) = session.execute(select(InboundReply.__table__)).all()
    assert (row.provider_id, row.said) == ("SM1", "other")
    assert not any(word in str(row) for word in ("hurts", PHONE, PHONE[1:]))


@pytest.mark.usefixtures("site")
def test_where_answers_are_not_heard_they_are_refused(world: World, ward: Ward) -> None:
    deaf = door(load_settings(secret_key="s" * 40, **SAID), world.factory)
    assert answer(deaf) == 403
    assert agreed(ward) == [None] * 3


@pytest.mark.parametrize("sender", ["Hopital", "", "Clinic 24"])
def test_a_sender_that_is_a_name_cannot_be_answered(sender: str) -> None:
    with pytest.raises(ConfigError, match="DACS_SMS_REPLIES needs a sender that can receive"):
        load_settings(secret_key="s" * 40, sms_replies=True, **SAID | {"sms_sender": sender})
