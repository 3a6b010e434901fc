"""What patients reach without an account: a document behind a code, the end of a consent, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dash_app import auth, guard, public_document
from dash_app.main import _server
from dose.database import writing
from dose.queries.patient_document import document, initials
from dose.settings import Settings
from dose.store.patient_contacts import exclude
from dose.store.patient_links import notice_of, stop, try_code
from dose.tables import AuditEntry, PatientContact, PatientNotice
from tests.patient_notices.ward import NOON, PHYSICIST, Ward
from tests.web.conftest import ORIGIN, twice

UNKNOWN = "0123456789abcdef"


@dataclass(frozen=True)
class Message:
    """What somebody got."""

    token: str
    code: str
    stop: str


@pytest.fixture
def got(ward: Ward) -> Message:
    """The message about a study."""
    ward.told(name="Ba^Aïcha", language="ar")
    return read(ward)


def read(ward: Ward) -> Message:
    said = ward.filled().text
    (token,), (ending,) = (re.findall(rf"/{kind}/(\w+)", said) for kind in "ds")
    return Message(token, re.findall(r"\b\d{6}\b", said)[0], ending)


def try_(ward: Ward, token: str, code: str, **later: float) -> int | None:
    ward.now += timedelta(**later)
    with writing(ward.factory) as session:
        return try_code(session, token, code, ward.now)


def test_link_and_code_open_the_document_again_and_again(ward: Ward, got: Message) -> None:
    assert try_(ward, got.token, got.code) == 1
    assert try_(ward, got.token.upper(), f" {got.code[:3]}-{got.code[3:]} ", days=89) == 1
    with ward.factory() as session:
        row = session.scalars(select(PatientNotice)).one()
        assert row.state == "opened"
        assert row.opened_at == NOON + timedelta(hours=1)
        assert notice_of(session, got.token, ward.now) == 1


def test_a_code_in_arabic_digits_is_the_same_code(ward: Ward, got: Message) -> None:
    arabic = got.code.translate({ord(str(digit)): chr(0x660 + digit) for digit in range(10)})
    assert try_(ward, got.token, arabic) == 1


def test_five_wrong_codes_lock_for_an_hour_and_five_more_for_two(ward: Ward, got: Message) -> None:
    wrong = f"{(int(got.code) + 1) % 10**6:06}"
    for hours in (1, 2):
        for _again in range(5):
            assert try_(ward, got.token, wrong) is None
        assert try_(ward, got.token, got.code, hours=hours, seconds=-1) is None
        ward.now += timedelta(seconds=1)
    assert try_(ward, got.token, got.code) == 1
    assert try_(ward, got.token, wrong) is None
    assert try_(ward, got.token, got.code) == 1


def test_a_lock_written_by_a_clock_that_was_ahead_does_not_last(ward: Ward, got: Message) -> None:
    for _again in range(5):
        try_(ward, got.token, "x")
    assert try_(ward, got.token, got.code, days=-20) == 1


@pytest.mark.parametrize(("token", "typed"), [(UNKNOWN, "000000"), ("", ""), ("ü" * 300, "٠" * 300)])
def test_an_unknown_link_opens_nothing_however_it_looks(ward: Ward, got: Message, token: str, typed: str) -> None:
    assert got.token != token
    assert try_(ward, token, typed) is None
    assert try_(ward, token, got.code) is None


def test_a_link_ends_after_ninety_days(ward: Ward, got: Message) -> None:
    assert try_(ward, got.token, got.code, days=90) is None
    with ward.factory() as session:
        assert notice_of(session, got.token, ward.now) is None


def test_the_document_holds_values_with_units_and_initials_and_no_name(ward: Ward, got: Message) -> None:
    assert got.token
    with ward.factory() as session:
        found = document(session, 1)
        assert found is not None
        assert (found.initials, found.language, found.site) == ("A. B.", "ar", "Main site")
        assert found.values == (("ctdi_vol_mgy", 12.3), ("dlp_mgy_cm", 415.8))
        assert "Ba" not in repr(found)


def test_a_document_closes_for_whoever_is_excluded_later(ward: Ward) -> None:
    person = ward.person(ward.told())
    with writing(ward.factory) as session:
        assert document(session, 1) is not None
        exclude(session, PHYSICIST, person, "deceased", ward.now)
        assert document(session, 1) is None


@pytest.mark.parametrize(
    ("name", "letters"), [("Doe^Jane^^Dr", "J. D."), ("العلوي^محمد", "م. ا."), ("^", ""), (None, ""), ("1^<b>", "")]
)
def test_initials_are_letters_or_nothing(name: str | None, letters: str) -> None:
    assert initials(name) == letters


def test_a_stop_link_ends_the_consent_once_and_knows_no_other(ward: Ward, got: Message) -> None:
    with writing(ward.factory) as session:
        assert not stop(session, UNKNOWN, ward.now)
        assert not stop(session, got.token, ward.now)
        assert stop(session, got.stop, ward.now)
        assert not stop(session, got.stop, ward.now)
        assert session.scalars(select(PatientContact.withdrawn_how)).one() == "link"
    assert ward.outbox() == ["cancelled"]


# ---- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(ward: Ward) -> Message:
    """The message about a study of yesterday: pages have the clock of the machine."""
    ward.now = datetime.now(UTC).replace(hour=12) - timedelta(days=1)
    ward.switch_on(days=tuple(range(7))).told(name="Ba^Aicha", language="ar")
    return read(ward)


@pytest.fixture
def client(ward: Ward, tmp_path: Path) -> Iterator[FlaskClient]:
    """A telephone without an account, at the pages alone."""
    settings = Settings(var=tmp_path, secret_key="s" * 40, site="Main site")
    server = _server(settings, ward.factory)
    guard.install(server)
    auth.install(server, settings)
    server.register_blueprint(public_document.blueprint)
    public_document.install(server)
    with server.test_client() as telephone:
        yield telephone


def post(client: FlaskClient, path: str, token: str | None = None, **form: str):
    """Fill in a form as a browser does."""
    client.get(path)
    sent = form | {guard.CSRF_FIELD: twice(client) if token is None else token}
    return client.post(path, data=sent, headers={"Origin": ORIGIN})


def test_the_right_code_leads_to_the_document_in_the_language_of_the_contact(
    client: FlaskClient, sent: Message
) -> None:
    answer = post(client, f"/d/{sent.token}", code=sent.code)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/d/{sent.token}")
    page = client.get(f"/d/{sent.token}").get_data(as_text=True)
    assert '<html lang="ar" dir="rtl"' in page
    assert "415.8" in page
    assert "A. B." in page
    assert "Aicha" not in page
    client.set_cookie("dacs_language", "fr")
    assert '<html lang="fr" dir="ltr"' in client.get(f"/d/{sent.token}").get_data(as_text=True)


def test_unknown_links_and_wrong_codes_look_the_same(client: FlaskClient, sent: Message) -> None:
    pages = [client.get(f"/d/{token}").get_data(as_text=True) for token in (sent.token, UNKNOWN)]
    answers = [post(client, f"/d/{token}", code="1") for token in (sent.token, UNKNOWN)]
    assert [one.status_code for one in answers] == [403, 403]
    bodies = [one.get_data(as_text=True).replace(sent.token, UNKNOWN) for one in answers]
    assert bodies[0] == bodies[1]
    assert pages[0].replace(sent.token, UNKNOWN) == pages[1]


def test_without_the_code_or_with_that_of_another_link_nothing_is_shown(client: FlaskClient, sent: Message) -> None:
    post(client, f"/d/{sent.token}", code=sent.code)
    kept = client.get_cookie(public_document.SHOWN_COOKIE, path=f"/d/{sent.token}")
    assert kept is not None
    assert kept.http_only
    client.set_cookie(public_document.SHOWN_COOKIE, kept.value, path=f"/d/{UNKNOWN}")
    for path in (f"/d/{UNKNOWN}", f"/d/{sent.token}x"):
        assert "415.8" not in client.get(path).get_data(as_text=True)
    client.set_cookie(public_document.SHOWN_COOKIE, kept.value + "x", path=f"/d/{sent.token}")
    assert "415.8" not in client.get(f"/d/{sent.token}").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/d/", "/s/"])
def test_public_pages_are_kept_by_nobody_and_fetch_from_nobody(client: FlaskClient, path: str, sent: Message) -> None:
    answer = client.get(path + sent.token)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    found = re.findall(r'(?:src|href|action)="([^"]*)"', answer.get_data(as_text=True))
    assert found
    assert all(one.startswith("/") for one in found)


@pytest.mark.parametrize("path", ["/d/", "/s/"])
def test_a_form_without_our_token_changes_nothing(client: FlaskClient, ward: Ward, path: str, sent: Message) -> None:
    token = sent.stop if path == "/s/" else sent.token
    assert post(client, path + token, "forged", code=sent.code).status_code == 403
    assert client.post(path + token, data={"code": sent.code}).status_code == 403
    with ward.factory() as session:
        assert session.scalars(select(PatientNotice.state)).one() == "queued"
        assert session.scalars(select(PatientContact.withdrawn_at)).one() is None


def test_looking_at_the_stop_page_changes_nothing_and_its_button_ends_the_consent(
    client: FlaskClient, ward: Ward, sent: Message
) -> None:
    client.get(f"/s/{sent.stop}")
    with ward.factory() as session:
        assert session.scalars(select(PatientContact.withdrawn_at)).one() is None
    answers = [post(client, f"/s/{token}").get_data(as_text=True) for token in (sent.stop, UNKNOWN)]
    assert answers[0].replace(sent.stop, UNKNOWN) == answers[1]
    with ward.factory() as session:
        assert session.scalars(select(PatientContact.withdrawn_how)).one() == "link"


def test_one_address_may_try_ten_times_a_minute(client: FlaskClient, sent: Message) -> None:
    codes = [post(client, f"/d/{UNKNOWN[:-2]}{number:02}", code="1").status_code for number in range(11)]
    assert codes == [403] * 10 + [429]
    assert post(client, f"/d/{sent.token}", code=sent.code).status_code == 429


def test_who_opened_or_locked_a_document_is_in_the_audit_without_the_link(
    client: FlaskClient, ward: Ward, sent: Message
) -> None:
    post(client, f"/d/{sent.token}", code=sent.code)
    for _again in range(5):
        post(client, f"/d/{sent.token}", code="x")
    with ward.factory() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.subject == "notice")).all()
    assert [one.detail["what"] for one in lines] == ["opened", "locked"]
    assert not any(sent.token in str(one.detail) for one in lines)
