"""The card and the report as people get them: in their language, with no more of persons than they may see."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dash_app import i18n
from dash_app.components import alert_why
from dose.alerts.periodic import PERIODIC
from dose.alerts.shipped import name_in
from dose.audit import Action
from dose.database import writing
from dose.scope import Role
from dose.store.alert_rules import load_rules
from dose.store.facts import catch_up
from dose.tables import Alert, AlertRule, AlertStep, AuditEntry, Patient, Study
from tests.alerts.test_shipped import BY_KEY
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECRET = "Madame Untel était agitée"
DOUBTS = [{"code": "region", "said": ["head"], "expected": ["chest"]}]


def add_alert(session: Session, subject: str, **changed: Any) -> int:
    if session.scalar(select(AlertRule.id).where(AlertRule.key == "level-ct-dlp")) is None:
        load_rules(session)
    rule = session.scalars(select(AlertRule).where(AlertRule.key == "level-ct-dlp")).one()
    study = session.scalars(select(Study).where(Study.modality == "CT").order_by(Study.id)).first()
    assert study is not None
    said = {
        "rule_id": rule.id, "rule_key": rule.key, "kind": "level", "severity": "act", "subject": subject,
        "code": "above-level", "column": "dlp_mgy_cm", "modality": "CT", "value": 3000.0, "threshold": 600.0,
        "details": {"factor": 3.0, "remarks": ["implausible"], "held_back": ["region"], "doubts": DOUBTS},
        "study_id": study.id, "patient_id": study.patient_id, "site_id": study.site_id, "device_id": study.device_id,
        "day": 20261120, "raised_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    session.add(row := Alert(**said | changed))
    session.flush()
    session.add(AlertStep(alert_id=row.id, at=NOW, by="x@example.org", action="comment", text=SECRET, detail={}))
    return row.id


@pytest.fixture(scope="module")
def alert_id(site: Site) -> int:
    """An alert of a CT of the demonstration, with a comment."""
    catch_up(site.sessions)
    with writing(site.sessions) as session:
        return add_alert(session, "study:why")


def card(site: Site, path: str, role: Role = Role.PHYSICIST) -> str:
    wanted = Asked("alert-why.children", [value("url", "pathname", path)], [])
    answer = wanted.send(site.as_(role))
    assert answer.status_code in (200, 204), answer.get_data(as_text=True)
    return json.dumps(answer.get_json(), ensure_ascii=False) if answer.status_code == 200 else ""


def test_the_card_says_what_was_crossed_what_is_doubted_and_why_it_waits(site: Site, alert_id: int) -> None:
    said = card(site, f"/alerts/{alert_id}")
    for text in ("Body region", "hardly possible", "Held back", "A value stated wrongly", "annex 14"):
        assert text in said


@pytest.mark.parametrize(("language", "word"), [("fr", "Ce qui contredit le nom"), ("ar", "ما يناقض الاسم")])
def test_the_card_speaks_the_language_of_its_reader(site: Site, alert_id: int, language: str, word: str) -> None:
    client = site.as_(Role.PHYSICIST)
    client.set_cookie(i18n.COOKIE, language)
    try:
        assert word in card(site, f"/alerts/{alert_id}")
    finally:
        client.delete_cookie(i18n.COOKIE)


def test_other_addresses_get_no_card(site: Site, alert_id: int) -> None:
    assert card(site, f"/alerts/{alert_id}/report") == card(site, "/alerts") == ""
    assert "What speaks" not in card(site, "/alerts/999999999")


def test_a_database_that_does_not_answer_is_said_on_the_card_alone(
    site: Site, alert_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone(*_asked: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(alert_why, "find_alert", gone)
    assert "could not be found out" in card(site, f"/alerts/{alert_id}")


def test_who_may_not_see_patients_gets_neither_pictures_nor_days_of_earlier_examinations(
    site: Site, alert_id: int
) -> None:
    said = card(site, f"/alerts/{alert_id}", Role.RESEARCHER)
    assert "/images/" not in said
    assert "days before" not in said
    with site.sessions() as session:
        names = [one.name for one in session.scalars(select(Patient)) if one.name]
    assert names
    assert not any(name.partition("^")[0] in said for name in names)


@pytest.mark.parametrize("kind", PERIODIC)
def test_alerts_of_devices_and_of_the_system_say_where_to_look(site: Site, kind: str) -> None:
    details = {"measure": "dlp_mgy_cm-study-32", "procedure_id": 1, "study_uids": ["1.2.840.99"], "count": 1}
    with writing(site.sessions) as session:
        number = add_alert(session, f"of:{kind}", kind=kind, study_id=None, patient_id=None, details=details)
    said = card(site, f"/alerts/{number}")
    assert "Where to look" in said
    assert ("1.2.840.99" in said) == (kind == "no-dose")
    assert any(place in said for place in ("/statistics?", "/studies?device", "/system", "/notices", "/quality"))


def test_a_sum_over_procedures_leads_to_each_of_them(site: Site) -> None:
    details = {"studies": [3, 5], "remarks": ["upper-bound"]}
    with writing(site.sessions) as session:
        number = add_alert(session, "patient:1:2026-11", kind="cumulative", code="cumulative", details=details)
    said = card(site, f"/alerts/{number}")
    assert all(part in said for part in ("Counted together with", '"/studies/3"', '"/studies/5"', "upper bound"))


# ---- the report -----------------------------------------------------------------------------------------------------


def report(site: Site, alert_id: int, query: str = "", role: Role = Role.PHYSICIST) -> str:
    answer = site.as_(role).get(f"/alerts/{alert_id}/report{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def whose(site: Site, alert_id: int) -> tuple[str, str]:
    """The family name and the number of the alert's patient."""
    with site.sessions() as session:
        patient = session.get_one(Patient, session.get_one(Alert, alert_id).patient_id)
        assert patient.name
        assert patient.patient_id
        return patient.name.partition("^")[0], patient.patient_id


def test_a_report_shows_persons_only_when_asked_to(site: Site, alert_id: int) -> None:
    name, number = whose(site, alert_id)
    plain, all_of = report(site, alert_id), report(site, alert_id, "?with=identity&with=texts")
    assert not any(text in plain for text in (name, number, SECRET))
    assert all(text in all_of for text in (name, number, SECRET))
    assert "without the patient" in plain
    assert "without the patient" not in all_of


def test_the_choice_to_show_persons_is_in_the_audit(site: Site, alert_id: int) -> None:
    report(site, alert_id, "?with=identity")
    with site.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject_id) == (Action.VIEW_ALERT.value, alert_id)
    assert entry.detail == {"what": "report", "shows": ["identity"]}


@pytest.mark.parametrize("query", ["?with=identity", "?with=texts", "?with=identity&with=texts"])
def test_who_may_not_see_patients_cannot_ask_for_them(site: Site, alert_id: int, query: str) -> None:
    assert site.as_(Role.RESEARCHER).get(f"/alerts/{alert_id}/report{query}").status_code == 403
    said = report(site, alert_id, role=Role.RESEARCHER)
    assert not any(text in said for text in (*whose(site, alert_id), SECRET, "?with="))


def test_a_report_holds_every_part_and_unknown_wishes_change_nothing(site: Site, alert_id: int) -> None:
    said = report(site, alert_id, "?with=everything&x=<script>")
    titles = ("What happened", "Dose", "Why", "History of the investigation", "Judgement", "Follow-up of the patient")
    assert all(f"<h2>{title}</h2>" in said for title in titles)
    assert "<script>" not in said


@pytest.mark.parametrize(
    ("language", "direction", "word"), [("fr", "ltr", "Conclusion"), ("ar", "rtl", "مجرى التحقيق")]
)
def test_a_report_is_printed_in_the_language_of_who_prints_it(
    site: Site, alert_id: int, language: str, direction: str, word: str
) -> None:
    client = site.as_(Role.PHYSICIST)
    client.set_cookie(i18n.COOKIE, language)
    try:
        said = report(site, alert_id)
    finally:
        client.delete_cookie(i18n.COOKIE)
    assert f'<html lang="{language}" dir="{direction}">' in said
    assert name_in("level-ct-dlp", BY_KEY["level-ct-dlp"].names["en"], language) in said
    assert word in said


@pytest.mark.parametrize("number", ["999999999", "99999999999999999999"])
def test_a_report_on_nothing_is_none(site: Site, number: str) -> None:
    assert site.as_(Role.PHYSICIST).get(f"/alerts/{number}/report").status_code == 404


def test_nobody_gets_a_report_without_signing_in(site: Site, alert_id: int) -> None:
    assert site.client().get(f"/alerts/{alert_id}/report").status_code in (302, 401)


def test_a_report_on_a_device_has_no_patient_and_no_dose(site: Site) -> None:
    with writing(site.sessions) as session:
        number = add_alert(session, "device:x", kind="silent-device", study_id=None, patient_id=None, column=None,
                           details={}, value=None, threshold=None)  # fmt: skip
    said = report(site, number, "?with=identity")
    assert "<h2>Patient</h2>" not in said
    assert "<h2>Dose</h2>" not in said
