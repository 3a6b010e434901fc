"""What each device states and does not, what was remarked, and who sent what could not be read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.errors import NotPermitted
from dose.model import Device, DoseWarning, IrradiationEvent, Patient
from dose.queries import StudyFilter, find_studies
from dose.queries.expected import EXPECTED, OF_STUDY, Family, family_of
from dose.queries.quality import Period, Quality, Stated, quality
from dose.scope import Permission, Role, Scope, scope_for, system_scope
from dose.tables import IrradiationEvent as EventRow
from dose.tables import Study
from tests.counting import statements
from tests.store.pretend import event, put, report

WHO = system_scope("test")
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
LOCALIZER = event("1.9.2", None, event_type="constant_angle")


def asked(factory: sessionmaker[Session], period: Period = YEAR, who: Scope = WHO) -> Quality:
    with factory() as session:
        return quality(session, who, period)


def listed(factory: sessionmaker[Session], **chosen: str) -> int:
    with factory() as session:
        return find_studies(session, WHO, StudyFilter(**chosen)).total


def two_scans(factory: sessionmaker[Session]) -> None:
    put(
        factory, report(event("1.9.1", kvp_kv=120.0, pitch=0.9), LOCALIZER, warnings=(DoseWarning("implausible", "x"),))
    )
    told = {"sop_instance_uid": "1.1.2", "study_instance_uid": "1.2.2"}
    put(factory, report(event("1.9.3", event_type="sequenced"), quirks=("a-quirk",), **told))


def test_every_expected_field_is_a_column_with_its_source() -> None:
    for rows in EXPECTED.values():
        assert len({one.column for one in rows}) == len(rows)
        for one in rows:
            assert hasattr(EventRow, one.column), one.column
            assert one.source
    assert all(hasattr(Study, name) for name in OF_STUDY)


def test_fields_are_counted_among_the_events_that_should_state_them(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    (device,) = asked(factory).devices
    cells = device.fields[Family.CT]
    assert (device.studies, device.events) == (2, {Family.CT: 3})
    assert cells["dlp_mgy_cm"] == Stated(2, 2)  # not of the localizer
    assert cells["kvp_kv"] == Stated(1, 3)
    assert cells["pitch"] == Stated(1, 1)  # of the spiral only
    assert cells["ctdi_vol_mgy"].share == 0.0


def test_what_is_missing_leads_to_exactly_its_studies(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    assert listed(factory, missing="kvp_kv") == 2
    assert listed(factory, missing="dlp_mgy_cm") == 0
    assert listed(factory, missing="pitch") == 0
    assert listed(factory, missing="height_m") == 2
    assert listed(factory, missing="not a column") == 0


def test_warnings_are_counted_by_code_and_lead_to_their_studies(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    (device,) = asked(factory).devices
    assert device.warnings["implausible"] == 1
    assert device.noted == 1
    assert listed(factory, warning="implausible") == 1
    assert listed(factory, warning="implausibl") == 0


def test_sources_and_quirks_are_counted_by_device(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    told = {"sop_instance_uid": "1.1.3", "study_instance_uid": "1.2.3", "device": Device("Other", "X", "9", "CT2")}
    put(factory, report(event("1.9.4"), source="header", **told))
    first, second = asked(factory).devices
    assert (first.sources, first.quirks) == ({"rdsr": 2}, {"a-quirk": 1})
    assert (second.sources, second.quirks) == ({"header": 1}, {})


def test_what_cannot_be_read_is_counted_by_sender(factory: sessionmaker[Session]) -> None:
    put(factory, b"no object at all")
    put(factory, b"another one")
    today = datetime.now(UTC).date()
    (refused,) = asked(factory, Period(today, today)).refused
    assert (refused.sender, refused.reason_code, refused.count) == (None, "unreadable", 2)
    assert asked(factory, Period(date(2020, 1, 1), date(2020, 1, 2))).refused == ()


def test_phantoms_are_left_out(factory: sessionmaker[Session]) -> None:
    put(factory, report(event(), patient=Patient("QA", "Phantom", issuer="HIS")))
    assert asked(factory).devices == ()


def test_the_period_and_the_device_narrow_it(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    assert asked(factory, Period(date(2026, 1, 2), date(2026, 1, 2))).devices[0].studies == 2
    assert asked(factory, Period(date(2026, 1, 3), date(2026, 1, 3))).devices == ()
    assert asked(factory, Period(YEAR.date_from, YEAR.date_to, 99)).devices == ()


def test_an_account_sees_its_own_sites_only(factory: sessionmaker[Session]) -> None:
    two_scans(factory)
    elsewhere = Scope(1, "x", frozenset(Permission), frozenset({99}))
    assert asked(factory, who=elsewhere).devices == ()


@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_are_answered(factory: sessionmaker[Session], role: Role) -> None:
    who = scope_for(1, "x", [role.value])
    if role in {Role.ADMINISTRATOR, Role.PHYSICIST, Role.PROTECTION_OFFICER, Role.ENGINEER}:
        assert asked(factory, who=who).devices == ()
    else:
        with pytest.raises(NotPermitted):
            asked(factory, who=who)


def test_the_number_of_statements_does_not_grow(factory: sessionmaker[Session]) -> None:
    def cost() -> int:
        with statements(factory.kw["bind"]) as seen:
            asked(factory)
        return len([one for one in seen if one.startswith("SELECT")])

    empty = cost()
    two_scans(factory)
    assert cost() == empty


@pytest.mark.parametrize(
    ("modality", "kind", "family"),
    [("CT", "spiral", "ct"), ("PT", "administration", "nuclear"), ("PT", "spiral", "ct"), ("PX", None, "radiography"),
     ("MG", "tomosynthesis", "mammography"), ("RF", "fluoroscopy", "fluoroscopy"), (None, None, "radiography")],
)  # fmt: skip
def test_events_belong_to_a_family(modality: str | None, kind: str | None, family: str) -> None:
    assert family_of(modality, kind) == family


@pytest.mark.parametrize("modality", ["CT", "PT", "DX", "MG", "XA"])
def test_grid_and_list_agree_about_what_is_missing(factory: sessionmaker[Session], modality: str) -> None:
    kinds = ("spiral", "constant_angle", "administration", "fluoroscopy", "radiography", None)
    for n, kind in enumerate(kinds):
        one = IrradiationEvent(irradiation_event_uid=f"1.9.{n}", event_type=kind, kvp_kv=80.0 if n % 2 else None)
        told = {"sop_instance_uid": f"1.1.{n}", "study_instance_uid": f"1.2.{n}", "modality": modality}
        put(factory, report(one, accumulated=(), **told))
    (device,) = asked(factory).devices
    for column in {column for cells in device.fields.values() for column in cells}:
        cells = [cells[column] for cells in device.fields.values() if column in cells]
        assert listed(factory, missing=column) == sum(one.of - one.stated for one in cells), column
