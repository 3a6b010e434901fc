"""A random sample of each month, the console beside it, signed and never silently changed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.errors import NotPermitted
from dose.model import Device, Patient
from dose.queries import samples as asked
from dose.queries.samples import MonthState, Sheet
from dose.scope import Permission, Role, Scope, scope_for, system_scope
from dose.store import samples
from dose.store.samples import SampleRefused, console_value, deviation, rounding
from dose.tables import QcPlan, QcSample
from tests.store.pretend import event, put, report

WHO = system_scope("test")
JANUARY, TODAY = date(2026, 1, 1), date(2026, 2, 3)


def studies(factory: sessionmaker[Session], count: int, first: int = 0, **fields: object) -> None:
    for n in range(first, first + count):
        told = {"study_instance_uid": f"1.2.{n}", "sop_instance_uid": f"1.1.{n}"} | fields
        put(factory, report(event(f"1.9.{n}", 100.0 + n), **told))


def drawn(factory: sessionmaker[Session], today: date = TODAY) -> set[str]:
    with writing(factory) as session:
        samples.draw(session, 1, JANUARY, today)
    with factory() as session:
        return set(session.scalars(select(QcSample.study_instance_uid)))


def one_sheet(factory: sessionmaker[Session], who: Scope = WHO) -> Sheet:
    with factory() as session:
        found = asked.sheet(session, who, 1, JANUARY)
    assert found is not None
    return found


def fill(factory: sessionmaker[Session], text: str | None = None, comment: str = "") -> None:
    for value in one_sheet(factory).values:
        with writing(factory) as session:
            samples.enter(session, "a@b.c", value.id, f"{value.ours:g}" if text is None else text, comment)


def signed(factory: sessionmaker[Session]) -> int:
    with writing(factory) as session:
        return samples.sign(session, "a@b.c", 1, JANUARY)


def state(factory: sessionmaker[Session]) -> asked.DeviceMonth:
    with factory() as session:
        return asked.overview(session, WHO, TODAY).devices[0].months[0]


def test_the_same_month_gives_the_same_sample_whatever_the_order_of_arrival(factory: sessionmaker[Session]) -> None:
    studies(factory, 12)
    first = drawn(factory)
    assert len(first) == 5
    with writing(factory) as session:
        session.execute(QcSample.__table__.delete())
    assert drawn(factory) == first


def test_a_larger_sample_holds_the_smaller_and_the_plan_keeps_its_history(factory: sessionmaker[Session]) -> None:
    studies(factory, 12)
    few = drawn(factory)
    with writing(factory) as session:
        samples.set_plan(session, "a@b.c", 8, 0.1)
    assert few < drawn(factory)
    with factory() as session:
        assert samples.plan(session) == samples.Plan(8, 0.1)
        assert len(session.scalars(select(QcPlan)).all()) == 1


def test_phantoms_and_other_devices_and_months_are_not_drawn(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    studies(factory, 1, 10, device=Device("Other", "X", "9", "CT2"))
    studies(factory, 1, 20, patient=Patient("QA", "Phantom", issuer="HIS"))
    studies(factory, 1, 30, study_date="2026-02-01")
    assert drawn(factory) == {"1.2.0"}


def test_a_month_that_is_not_over_is_not_drawn(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    with pytest.raises(SampleRefused, match="not-finished"):
        drawn(factory, date(2026, 1, 31))
    assert samples.last_finished(date(2026, 1, 31)) == date(2025, 12, 1)


def test_every_device_of_a_month_is_drawn_at_once(factory: sessionmaker[Session]) -> None:
    studies(factory, 2)
    studies(factory, 2, 10, device=Device("Other", "X", "9", "CT2"))
    with writing(factory) as session:
        assert samples.draw_month(session, JANUARY, TODAY) == 4
    with writing(factory) as session:
        assert samples.undrawn(session, JANUARY) == []


def test_a_study_without_any_total_is_asked_for_its_main_one(factory: sessionmaker[Session]) -> None:
    put(factory, report(event("1.9.1", None), accumulated=()))
    drawn(factory)
    (value,) = one_sheet(factory).values
    assert (value.column, value.ours) == ("dlp_sum_mgy_cm", None)


@pytest.mark.parametrize(
    ("column", "text", "modality", "value"),
    [
        ("dlp_sum_mgy_cm", "415.82", "CT", 415.82),
        ("dlp_sum_mgy_cm", " 415,82 ", "CT", 415.82),
        ("dlp_sum_mgy_cm", "1 415,8", "CT", 1415.8),
        ("dlp_sum_mgy_cm", "٤١٥٫٨", "CT", 415.8),
        ("pka_sum_gy_cm2", "250", "DX", 0.25),  # asked for in mGy·cm²
        ("pka_sum_gy_cm2", "2.5", "XA", 2.5),
        ("fluoro_time_s", "3:25", "XA", 205.0),
    ],
)
def test_a_console_value_is_read_in_the_unit_shown(column: str, text: str, modality: str, value: float) -> None:
    assert console_value(column, text, modality) == value


@pytest.mark.parametrize("text", ["", "x", "-5", "1,234.5", "1.2.3", "1e3", "12 mGy", "nan", "9" * 20, "1 2", "٫"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(SampleRefused, match="no-number"):
        console_value("dlp_sum_mgy_cm", text, "CT")


def test_a_time_needs_minutes_and_seconds() -> None:
    for text in ("3.5", "205", "3:75", ""):
        with pytest.raises(SampleRefused, match="no-time"):
            console_value("fluoro_time_s", text, "XA")


@pytest.mark.parametrize(
    ("ours", "typed", "agrees"),
    [(104.9, "100", True), (105.5, "100", False), (1.4, "1", True), (1.6, "1", False), (0.0, "0", True),
     (0.4, "0", True), (None, "1", False), (1.04, "1.0", True), (1.06, "1.0", False)],
)  # fmt: skip
def test_within_the_tolerance_or_the_rounding_of_the_console_is_agreement(
    ours: float | None, typed: str, agrees: bool
) -> None:
    console = console_value("dlp_sum_mgy_cm", typed, "CT")
    found = deviation(ours, console, rounding("dlp_sum_mgy_cm", typed, "CT"), 0.05)
    assert found.agrees is agrees


def test_a_deviation_is_absolute_and_relative_to_the_console() -> None:
    found = deviation(110.0, 100.0, 0.5, 0.05)
    assert (found.absolute, found.relative) == (10.0, 0.1)
    assert deviation(1.0, 0.0, 0.5, 0.05).relative is None
    assert deviation(None, 1.0, 0.5, 0.05) == samples.Deviation(None, None, False)


def test_a_sample_is_filled_in_signed_and_then_read_only(factory: sessionmaker[Session]) -> None:
    studies(factory, 3)
    assert state(factory).state is MonthState.DUE
    drawn(factory)
    assert (state(factory).state, state(factory).values) == (MonthState.OPEN, 3)
    fill(factory)
    assert signed(factory) == 3
    assert (state(factory).state, state(factory).entered, state(factory).deviating) == (MonthState.DONE, 3, 0)
    with pytest.raises(SampleRefused, match="signed"):
        fill(factory)
    with pytest.raises(SampleRefused, match="gone"):
        signed(factory)
    with writing(factory) as session:
        samples.set_plan(session, "a@b.c", 9, 0.05)
    assert len(drawn(factory)) == 3  # nothing is added to what was signed


def test_a_correction_opens_the_sample_again_and_keeps_what_was_signed(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    drawn(factory)
    fill(factory, comment="as on the monitor")
    signed(factory)
    with writing(factory) as session:
        assert samples.reopen(session, "d@e.f", 1, JANUARY) == 1
    fill(factory, "99")
    (value,) = one_sheet(factory).values
    (before,) = value.history
    assert (before["console"], before["comment"], before["signed_by"]) == (100.0, "as on the monitor", "a@b.c")
    assert (before["reopened_by"], value.console, one_sheet(factory).signed_at) == ("d@e.f", 99.0, None)


def test_nothing_is_signed_that_is_open_or_deviates_without_a_word(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    with pytest.raises(SampleRefused, match="gone"):
        signed(factory)
    drawn(factory)
    with pytest.raises(SampleRefused, match="incomplete"):
        signed(factory)
    fill(factory, "50")
    assert state(factory).deviating == 1
    with pytest.raises(SampleRefused, match="unexplained"):
        signed(factory)
    fill(factory, "50", "the monitor rounds")
    assert signed(factory) == 1


def test_a_value_that_is_gone_from_the_console_needs_a_word(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    drawn(factory)
    fill(factory, "", "deleted on the console")
    assert signed(factory) == 1
    assert one_sheet(factory).values[0].console is None


def test_only_who_may_view_identities_is_told_whose_study_it_is(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    drawn(factory)
    engineer = Scope(1, "x", frozenset({Permission.VIEW_QUALITY}), None)
    assert one_sheet(factory).studies[0].identity is not None
    hidden = one_sheet(factory, engineer).studies[0]
    assert (hidden.identity, hidden.accession_number) == (None, None)


def test_an_account_sees_samples_of_its_own_sites_only(factory: sessionmaker[Session]) -> None:
    studies(factory, 1)
    drawn(factory)
    elsewhere = Scope(1, "x", frozenset(Permission), frozenset({99}))
    with factory() as session:
        assert asked.sheet(session, elsewhere, 1, JANUARY) is None
        assert asked.overview(session, elsewhere, TODAY).devices == ()


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.RADIOGRAPHER, Role.RESEARCHER, Role.MANAGER])
def test_other_roles_see_no_sample(factory: sessionmaker[Session], role: Role) -> None:
    who = scope_for(1, "x", [role.value])
    with factory() as session:
        for question in (lambda: asked.sheet(session, who, 1, JANUARY), lambda: asked.overview(session, who, TODAY)):
            with pytest.raises(NotPermitted):
                question()


@pytest.mark.parametrize(("size", "tolerance"), [(0, 0.05), (51, 0.05), (5, -0.1), (5, 1.0)])
def test_a_plan_that_makes_no_sense_is_refused(factory: sessionmaker[Session], size: int, tolerance: float) -> None:
    with factory() as session, pytest.raises(SampleRefused, match="bad-plan"):
        samples.set_plan(session, "a@b.c", size, tolerance)
