"""Pages of alerts: who may do what is decided by the server, whatever a browser sends; nothing names who may not be."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from dash_app.pages.alerts import asked
from dose.database import writing
from dose.queries.alert_rows import AlertOrder, Position
from dose.scope import Role
from dose.store.alert_work import comment
from dose.tables import Alert, AlertStep, AuditEntry
from tests.alert_work.pages import alerts_of
from tests.alert_work.world import PHYSICIST
from tests.web.conftest import Asked, Site, address, value

PARTS = ("head", "state", "end", "history", "beside")
HEAD = f"..{'...'.join(f'alert-{part}.children' for part in PARTS)}...alert-seen.data.."
ACT = "..alert-answer.children...alert-fresh.data...alert-text.value.."


@pytest.fixture
def made(site: Site) -> Iterator[list[int]]:
    """Four alerts."""
    with alerts_of(site) as ids:
        yield ids


def shown(site: Site, role: Role, alert_id: int) -> str:
    """All that the page of an alert holds."""
    ask = Asked(
        HEAD,
        [value("alert-key", "data", alert_id), value("alert-fresh", "data", None)],
        [value("url", "pathname", f"/alerts/{alert_id}")],
    )
    answer = ask.send(site.as_(role))
    assert answer.status_code == 200
    return json.dumps(answer.get_json(), ensure_ascii=False)


def pressed(site: Site, role: Role, action: str, seen: object, text: str = "") -> tuple[int, str]:
    """What a button does that somebody presses, or forges."""
    ask = Asked(
        ACT,
        [value("alert-action", "data", {"action": action, "at": 1})],
        [value("alert-seen", "data", seen), value("alert-text", "value", text)],
    )
    answer = ask.send(site.as_(role))
    return answer.status_code, answer.get_data(as_text=True)


def steps(site: Site, alert_id: int) -> list[str]:
    """What was done to an alert."""
    with site.sessions() as session:
        return list(session.scalars(select(AlertStep.action).where(AlertStep.alert_id == alert_id)))


@pytest.mark.parametrize("action", ["take", "accept:no", "ask", "reopen", "follow"])
def test_what_a_radiographer_forges_is_refused_and_changes_nothing(site: Site, made: list[int], action: str) -> None:
    code, _said = pressed(site, Role.RADIOGRAPHER, action, {"id": made[0], "version": "0"}, "why")
    assert code == 403
    assert steps(site, made[0]) == ["raised"]


@pytest.mark.parametrize(
    "seen", [{"id": 10**12, "version": "0"}, {"id": "x", "version": "0"}, {"id": None, "version": None}, {}]
)
def test_what_names_no_alert_finds_none(site: Site, made: list[int], seen: object) -> None:
    code, said = pressed(site, Role.PHYSICIST, "take", seen)
    assert (code, "message bad" in said) == (200, True)
    assert [steps(site, one) for one in made] == [["raised"]] * 4


def test_a_version_that_is_none_is_an_old_one(site: Site, made: list[int]) -> None:
    code, said = pressed(site, Role.PHYSICIST, "take", {"id": made[0], "version": "²"})
    assert (code, "message bad" in said) == (200, True)


def test_a_button_that_does_not_exist_does_nothing(site: Site, made: list[int]) -> None:
    assert pressed(site, Role.PHYSICIST, "explode:1", {"id": made[0], "version": "0"})[0] == 204


def test_a_researcher_reads_the_alert_without_patient_comment_or_button(site: Site, made: list[int]) -> None:
    with writing(site.sessions) as session:
        comment(session, PHYSICIST, made[0], "Mrs Doe told us")
    seen = shown(site, Role.PHYSICIST, made[0])
    bare = shown(site, Role.RESEARCHER, made[0])
    assert "Mrs Doe" in seen
    assert "DEMO-" in seen  # the patient's number
    assert "data-action" in seen
    assert not any(text in bare for text in ("Mrs Doe", "DEMO-0", "data-action"))


def test_every_look_at_an_alert_is_written_down(site: Site, made: list[int]) -> None:
    shown(site, Role.PROTECTION_OFFICER, made[1])
    with site.sessions() as session:
        wanted = select(AuditEntry).where(AuditEntry.action == "view alert", AuditEntry.subject_id == made[1])
        entry = session.scalars(wanted.order_by(AuditEntry.id.desc())).first()
        patient = session.scalars(select(Alert.patient_id).where(Alert.id == made[1])).one()
    assert entry is not None
    assert (entry.subject, entry.patient_id, entry.user_name) == ("alert", patient, address(Role.PROTECTION_OFFICER))


def test_an_alert_that_is_not_there_is_said_to_be_none(site: Site) -> None:
    assert "No such alert" in shown(site, Role.PHYSICIST, 987654321)


def test_an_address_is_understood_and_nonsense_in_it_is_as_if_it_were_not_there(site: Site) -> None:
    with site.app.server.test_request_context("/alerts"):
        plain = asked("?state=moon&severity=loud&device=x&sort=up&beyond=.")
        narrow = "?state=all&severity=act&of=trigger&device=7&rule=k&mine=yes&overdue=yes&sort=newest"
        full = asked(f"{narrow}&beyond=9.2026-03-02")
    assert (plain.wish.state, plain.wish.severity, plain.wish.device_id, plain.after) == ("new", None, None, None)
    assert plain.wish.order is AlertOrder.URGENT
    wish = full.wish
    assert (wish.state, wish.severity, wish.kind, wish.device_id, wish.rule_key) == (None, "act", "trigger", 7, "k")
    assert (wish.mine, wish.overdue, wish.answered, wish.order) == (True, True, False, AlertOrder.NEWEST)
    assert isinstance(full.after, Position)
    assert (full.after.id, full.after.due_on.isoformat()) == (9, "2026-03-02")
