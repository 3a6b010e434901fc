"""What a message says: the same each time, of the site's own text, and nothing of who or what."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from dose.database import writing
from dose.errors import NotPermitted
from dose.notify.templates import Template, default
from dose.store.notice_settings import NoticeRefused, SavedSettings, active_settings
from dose.store.notice_templates import TemplateRefused, in_force, save_template, versions
from dose.store.outbox import OUTBOX
from dose.store.patient_notices import NothingToTell
from dose.tables import Site
from tests.patient_notices.ward import PHYSICIST, RADIOGRAPHER, URL, Ward

LINK = re.compile(r"https://dose\.example\.org/([ds])/([0-9a-z]{16})\b")
SMS = Template("fr", "sms", "{site}: document pret. {link} Code {code}. Stop {stop}")


def site_of(ward: Ward) -> SavedSettings:
    """The site as saved."""
    with ward.factory() as session:
        (found,) = active_settings(session).values()
        return found


def save(ward: Ward, template: Template = SMS, version: int = 0) -> int:
    """Put a text in force."""
    site = site_of(ward)
    with writing(ward.factory) as session:
        return save_template(session, PHYSICIST, site, template, version, URL)


def test_a_text_made_anew_says_the_same_and_holds_link_code_and_stop(ward: Ward) -> None:
    ward.told()
    said = ward.filled()
    assert said == ward.filled()
    assert [kind for kind, _token in LINK.findall(said.text)] == ["d", "s"]
    assert re.search(r"\bCode \d{6}\b", said.text)
    assert said.html is None


def test_two_studies_of_one_person_have_two_links_and_codes_and_one_way_to_stop(ward: Ward) -> None:
    ward.told(1)
    ward.plan(ward.study(2))
    ward.release(hours=1)
    first, second = (LINK.findall(ward.filled(position).text) for position in (0, 1))
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_neither_link_nor_code_nor_address_stands_in_the_database_in_clear(ward: Ward) -> None:
    ward.told()
    said = ward.filled().text
    secrets = [token for _kind, token in LINK.findall(said)] + re.findall(r"Code (\d{6})", said) + ["2222233445"]
    with ward.factory() as session:
        for table in ("patient_notice", "patient_contact", "notification", "audit_entry"):
            rows = repr([tuple(row) for row in session.execute(text(f"SELECT * FROM {table}"))])
            assert rows != "[]"
            assert not any(secret in rows for secret in secrets)


def test_a_message_names_nobody_whatever_the_name_is(ward: Ward) -> None:
    ward.told(name="{code}^Bcc: all@example.org\r\nX")
    said = ward.filled().text
    assert "Bcc" not in said
    assert "\r" not in said


def test_a_site_whose_name_carries_line_breaks_makes_no_header_of_them(ward: Ward) -> None:
    ward.told(phone=None, email="someone@example.org")
    with writing(ward.factory) as session:
        session.scalars(select(Site)).one().name = "Main\r\nBcc: all@example.org {code}"
    said = ward.filled()
    assert "\n" not in said.subject
    assert "{code}" in said.text
    assert said.html is not None
    assert "<br>" in said.html


def test_names_of_sites_are_escaped_in_html(ward: Ward) -> None:
    ward.told(phone=None, email="someone@example.org")
    with writing(ward.factory) as session:
        session.scalars(select(Site)).one().name = "<img src=x onerror=1>"
    html = ward.filled().html
    assert html is not None
    assert "<img" not in html


def test_doses_are_stated_only_where_the_site_says_so_and_only_as_reported(ward: Ward) -> None:
    stating = replace(SMS, text=SMS.text + " {dose}")
    with pytest.raises(TemplateRefused):
        save(ward, stating)
    ward.switch_on(state_doses=True)
    save(ward, stating)
    ward.told(language="fr")
    assert ward.filled().text.endswith("CTDIvol 12.3 mGy; DLP 415.8 mGy.cm")
    ward.switch_on(state_doses=False)
    assert "DLP" not in ward.filled().text
    assert LINK.search(ward.filled().text)


def test_dates_and_numbers_keep_their_order_in_an_arabic_line(ward: Ward) -> None:
    ward.told(language="ar", phone=None, email="someone@example.org")
    assert all(f"\u200e{one}" in ward.filled().text for one in ("2026-03-02", "+222 4525 0000"))
    assert "\u200ehttps" not in ward.filled().text


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
@pytest.mark.parametrize("address", ["sms", "email"])
def test_people_are_written_to_in_their_language(ward: Ward, language: str, address: str) -> None:
    given = {"phone": None, "email": "someone@example.org"} if address == "email" else {}
    ward.told(language=language, **given)  # type: ignore[arg-type]
    told = ward.filled()
    beginning = default(language, address).text.replace("{site}", "Main site").replace("{date}", "2026-03-02")
    assert told.text.replace("\u200e", "").startswith(beginning.split("{")[0])


def test_the_channel_is_the_one_the_site_prefers_where_the_contact_has_it(ward: Ward) -> None:
    ward.switch_on(first_channel="email")
    ward.told(1, patient="A", email="someone@example.org")
    ward.told(2, patient="B")
    with ward.factory() as session:
        assert session.scalars(select(OUTBOX.c.channel).order_by(OUTBOX.c.id)).all() == ["email", "sms"]


def test_a_text_is_changed_by_a_version_and_a_change_of_an_old_one_is_refused(ward: Ward) -> None:
    assert save(ward) == 1
    assert save(ward) == 1  # the same again
    with pytest.raises(NoticeRefused) as refused:
        save(ward, replace(SMS, text=SMS.text + " !"), 0)
    assert (refused.value.code, refused.value.by) == ("changed", "physicist@example.org")
    assert save(ward, replace(SMS, text=SMS.text + " !"), 1) == 2
    with ward.factory() as session:
        site = site_of(ward)
        assert [one.version for one in versions(session, site.site_id, "fr", "sms")] == [2, 1, 0]
        assert in_force(session, site, "fr", "sms").text.endswith(" !")


@pytest.mark.parametrize(
    "wrong", ["{link} {code}", "{name} {link} {code} {stop}", "cancer 1 in 1000 {link} {code} {stop}", "{code!r}"]
)
def test_a_text_that_the_linter_refuses_is_not_saved(ward: Ward, wrong: str) -> None:
    with pytest.raises(TemplateRefused):
        save(ward, replace(SMS, text=wrong))


def test_whoever_may_not_tell_patients_changes_no_text(ward: Ward) -> None:
    with ward.factory() as session, pytest.raises(NotPermitted):
        save_template(session, RADIOGRAPHER, site_of(ward), SMS, 0, URL)


def test_a_notification_of_a_study_that_is_gone_has_no_text(ward: Ward) -> None:
    ward.told()
    with writing(ward.factory) as session:
        session.execute(text("DELETE FROM patient_notice"))
    with pytest.raises(NothingToTell):
        ward.filled()
