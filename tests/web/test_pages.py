"""What the pages answer: lists by address, studies, provenance, retries, admissions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from sqlalchemy import select

from dash_app.filters import address, parse
from dash_app.guard import CSRF_COOKIE, CSRF_HEADER
from dose import ingest
from dose.audit import Action
from dose.database import writing
from dose.errors import UnreadableObject
from dose.pacs import OrthancClient, PacsUnreachable
from dose.queries import Order
from dose.scope import Role, system_scope
from dose.tables import AuditEntry, Cursor, IngestItem, IrradiationEvent, ProcessState, RefusedPeer, SourceObject, Study
from tests import build
from tests.web.conftest import Asked, Site, value
from tests.web.test_gate import LIST, REJECTED, SYSTEM, study


def listing(search: str) -> Asked:
    return Asked(LIST.output, [value("url", "search", search), LIST.inputs[1]], LIST.state)


def provenance(number: int, key: str) -> Asked:
    inputs = [value("provenance-asked", "data", {"value": key, "at": 1})]
    outputs = "..provenance.opened...provenance-body.children.."
    return Asked(outputs, inputs, [value("study-key", "data", number)])


def said(site: Site, asked: Asked, role: Role = Role.PHYSICIST) -> str:
    answer = asked.send(site.as_(role))
    assert answer.status_code == 200
    return json.dumps(answer.get_json(), ensure_ascii=False)


def an_event(site: Site, modality: str) -> tuple[IrradiationEvent, Study]:
    with site.sessions() as session:
        statement = select(IrradiationEvent, Study).join(Study, Study.id == IrradiationEvent.study_id)
        event, owner = session.execute(
            statement.where(Study.modality == modality).order_by(Study.id, IrradiationEvent.id).limit(1)
        ).one()
        return event, owner


def test_an_address_is_a_filter_and_back() -> None:
    one = parse("?q=chest&from=2026-01-02&device=3&state=notes&sort=dlp&page=4")
    assert (one.chosen.q, str(one.chosen.date_from), one.chosen.device_id) == ("chest", "2026-01-02", 3)
    assert (one.chosen.state, one.order, one.page, one.offset) == ("notes", Order.DLP, 4, 150)
    sealed = address({"q": "Amina B", "page": "2"})
    assert "Amina" not in sealed
    assert sealed != address({"q": "Amina B", "page": "2"})
    assert parse(sealed.partition("?")[2]).chosen.q == "Amina B"
    assert parse("?q=~YWx0ZXJlZA").chosen.q is None


def test_an_address_of_who_sees_patients_names_nobody_to_others(site: Site) -> None:
    def ask(role: Role, path: str, text: str) -> str:
        client = site.as_(role)
        headers = {CSRF_HEADER: client.get_cookie(CSRF_COOKIE).value, "Origin": "http://localhost"}
        return str(client.post(f"/filters/{path}", json={"q": text}, headers=headers).get_json()["q"])

    sealed = ask(Role.RADIOLOGIST, "seal", "Amina B")
    assert ask(Role.PHYSICIST, "open", sealed) == "Amina B"
    assert ask(Role.RESEARCHER, "open", sealed) == ""
    own = ask(Role.RESEARCHER, "seal", "thorax")
    assert ask(Role.RESEARCHER, "open", own) == ask(Role.RADIOLOGIST, "open", own) == "thorax"


@pytest.mark.parametrize(
    "search", ["?page=-1", "?page=x", "?from=31.12.2026", "?device=1e9", "?sort=;drop", "?state=?", None]
)
def test_an_address_that_makes_no_sense_shows_everything(search: str | None) -> None:
    assert parse(search) == parse("")


def test_a_list_narrows_to_its_address(site: Site) -> None:
    everything, narrowed = said(site, LIST), said(site, listing("?modality=CT"))
    assert narrowed.count('"row-link"') < everything.count('"row-link"')
    assert '"MG"' in everything
    assert '"MG"' not in narrowed


def test_an_empty_list_says_what_to_do(site: Site) -> None:
    assert "Loosen a filter" in said(site, listing("?q=nothingofthekind"))


def test_a_renewed_list_marks_only_what_is_new(site: Site) -> None:
    first = LIST.send(site.as_(Role.PHYSICIST)).get_json()["response"]["studies-seen"]["data"]
    state = [LIST.state[0], value("studies-seen", "data", first | {"version": first["version"] - 1})]
    again = said(site, Asked(LIST.output, [value("live", "data", 1), LIST.inputs[0]][::-1], state))
    assert again.count('"arrived"') == 1


def test_asking_whether_anything_is_new_costs_no_rows(site: Site) -> None:
    client = site.as_(Role.PHYSICIST)
    newest = client.get("/live/studies?since=0").get_json()
    assert newest["changed"] is True
    assert client.get(f"/live/studies?since={newest['version']}").get_json() == newest | {"changed": False}


def test_other_systems_find_a_study_by_its_uid_or_orthanc_id(site: Site) -> None:
    with site.sessions() as session:
        uid = session.get_one(Study, 1).study_instance_uid
    client = site.as_(Role.RADIOLOGIST)
    assert client.get(f"/studies/by-uid/{uid}").headers["Location"] == "/studies/1"
    assert client.get("/studies/by-uid/1.2.3").headers["Location"] == "/studies/0"
    assert client.get("/studies/by-orthanc/unknown").headers["Location"] == "/studies/0"


def test_every_study_has_a_page(site: Site) -> None:
    with site.sessions() as session:
        numbers = list(session.scalars(select(Study.id)))
    for number in numbers:
        assert "Irradiation events" in said(site, study(number))
    assert "No such study" in said(site, study(10**6))


def test_a_number_opens_to_path_unit_and_conversion(site: Site) -> None:
    event, owner = an_event(site, "CT")
    body = said(site, provenance(owner.id, f"event:{event.id}:ctdi_vol_mgy"))
    for part in ("113830", "mGy", "As sent", "Place in the object", owner.study_instance_uid[:4], "reader version"):
        assert part in body
    with site.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.action, entry.detail["column"]) == (Action.VIEW_PROVENANCE, "ctdi_vol_mgy")


def test_a_missing_number_says_that_the_report_does_not_state_it(site: Site) -> None:
    event, owner = an_event(site, "CT")
    assert "not stated in the report" in said(site, provenance(owner.id, f"event:{event.id}:ssde_mgy"))


def test_a_total_opens_to_the_report_and_a_sum_to_its_events(site: Site) -> None:
    event, owner = an_event(site, "CT")
    total = said(site, provenance(owner.id, f"total:{event.source_object_id}:0:dlp_mgy_cm"))
    assert "113813" in total
    assert f"event:{event.id}:dlp_mgy_cm" in said(site, provenance(owner.id, "sum:dlp_sum_mgy_cm:dlp_mgy_cm"))


@pytest.mark.parametrize(
    "key", ["", "event:0:dlp_mgy_cm", "event:1:patient_id", "sum:identity:dlp_mgy_cm", "total:x:y:z", "x:y"]
)
def test_only_doses_can_be_opened(site: Site, key: str) -> None:
    assert "is not there any more" in said(site, provenance(1, key))


def test_a_rejected_object_is_queued_again_by_who_may(site: Site) -> None:
    outcome = ingest.reject(
        site.sessions, UnreadableObject("cut short"), origin="orthanc", site="Main site", orthanc_id="e" * 44
    )
    number = outcome.source_object_id
    inputs = [REJECTED.inputs[0], value("rejected-action", "data", {"action": str(number)})]
    press, turn = (
        Asked(REJECTED.output, inputs, REJECTED.state, pressed=1),
        Asked(REJECTED.output, inputs, REJECTED.state),
    )
    assert "cut short or broken" in said(site, REJECTED)
    assert "Read again" not in said(site, REJECTED, Role.ENGINEER)
    assert press.send(site.as_(Role.ENGINEER)).status_code == 403
    assert '"queued"' not in said(site, turn)
    assert '"queued"' in said(site, press)
    with site.sessions() as session:
        assert session.scalar(select(IngestItem.priority).where(IngestItem.orthanc_id == "e" * 44)) == 1


def test_an_imported_object_that_was_refused_is_read_again_at_once(site: Site) -> None:
    content = build.ct_bytes(4711)
    bad = ingest.ingest(content[:2000], site.sessions, origin="import", site="Main site")
    good = ingest.ingest(content, site.sessions, origin="import", site="Main site", read=_refuse)

    def press(number: int | None) -> str:
        asked = [REJECTED.inputs[0], value("rejected-action", "data", {"action": str(number)})]
        return said(site, Asked(REJECTED.output, asked, REJECTED.state, pressed=1))

    assert "read again, still refused" in press(bad.source_object_id)
    left = press(good.source_object_id)
    assert f'"data-action": "{bad.source_object_id}"' in left
    assert f'"data-action": "{good.source_object_id}"' not in left


def _refuse(_content: bytes) -> NoReturn:
    raise UnreadableObject("not by this reader")


def test_a_worker_that_went_silent_is_said_to_be(site: Site) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    with writing(site.sessions) as session:
        session.merge(ProcessState(name="ingest", state="running", updated_at=long_ago, detail={}))
    assert "silent" in said(site, SYSTEM)
    with writing(site.sessions) as session:
        session.merge(ProcessState(name="ingest", state="running", updated_at=datetime.now(UTC), detail={}))
    assert '"silent"' not in said(site, SYSTEM)


@pytest.fixture
def peer(site: Site) -> RefusedPeer:
    """A device that Orthanc turned away."""
    now = datetime.now(UTC)
    with writing(site.sessions) as session:
        row = session.scalar(select(RefusedPeer)) or RefusedPeer(
            aet="CT NEW", address="10.0.0.7", times=1, first_at=now
        )
        row.last_at, row.admitted_at = now, None
        session.add(row)
        session.flush()
        return row


def admission(number: int) -> Asked:
    state = [value("system-action", "data", {"action": str(number)}), value("admit-name", "value", "CT NEW"),
             value("admit-port", "value", 104)]  # fmt: skip
    return Asked("..system-answer.children...admit.opened@none..", [value("admit-do", "n_clicks", 1)], state)


def admit_output(site: Site) -> str:
    return next(key for key in site.app.callback_map if key.startswith("..system-answer.children"))


def test_a_device_is_admitted_through_orthanc_and_on_record(
    site: Site, peer: RefusedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[object, ...]] = []
    monkeypatch.setattr(OrthancClient, "admit", lambda _self, *given: told.append(given))
    press = Asked(admit_output(site), admission(peer.id).inputs, admission(peer.id).state)
    assert press.send(site.as_(Role.PROTECTION_OFFICER)).status_code == 403
    assert "Admitted" in said(site, press)
    assert told == [("CT-NEW", "CT NEW", "10.0.0.7", 104)]
    with site.sessions() as session:
        assert session.get_one(RefusedPeer, peer.id).admitted_by == "physicist@example.org"


def test_an_admission_that_orthanc_does_not_take_is_not_recorded(
    site: Site, peer: RefusedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_given: object) -> None:
        raise PacsUnreachable

    monkeypatch.setattr(OrthancClient, "admit", unreachable)
    press = Asked(admit_output(site), admission(peer.id).inputs, admission(peer.id).state)
    assert "did not admit" in said(site, press)
    with site.sessions() as session:
        assert session.get_one(RefusedPeer, peer.id).admitted_at is None


def test_a_failure_is_reported_with_a_number_and_without_its_text(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object, **_more: object) -> None:
        raise RuntimeError("Doe^Jane is in the way")

    monkeypatch.setattr("dash_app.pages.study.study_detail", broken)
    body = study(1).send(site.as_(Role.PHYSICIST)).get_data(as_text=True)
    assert "No dose was lost or changed" in body
    assert "Jane" not in body


def test_the_demo_is_unmistakable(site: Site) -> None:
    with site.sessions() as session:
        rows = session.scalars(select(SourceObject.id)).all()
    assert rows
    assert said(site, LIST).count('"demo"') >= said(site, LIST).count('"row-link"') > 0
    assert system_scope("x").user_id is None


def test_a_comparison_is_asked_for_by_who_may_and_on_record(site: Site) -> None:
    output = next(key for key in site.app.callback_map if key.startswith("system-answer.children@"))
    press = Asked(output, [value("system-compare", "data", {"action": "compare", "at": 1})], [])
    assert press.send(site.as_(Role.RADIOLOGIST)).status_code == 403
    with writing(site.sessions) as session:
        session.merge(Cursor(name="orthanc:sweep", value=0, detail={}, updated_at=datetime.now(UTC)))
    assert "compares Orthanc" in said(site, press)
    with site.sessions() as session:
        assert session.get_one(Cursor, "orthanc:sweep").detail == {"requested": True}
        assert session.scalar(select(AuditEntry.id).where(AuditEntry.action == "compare with Orthanc"))
