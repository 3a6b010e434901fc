"""What no single examination says: medians, silences, missing doses, trouble of the system."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dose.alerts import periodic, wording
from dose.alerts.kinds import KINDS, check, evaluate, rule
from dose.alerts.model import Rule
from dose.alerts.periodic import Sample, Space, Undosed, Use, Waiting, Works
from dose.statistics.change import Ordered
from dose.statistics.measures import MEASURES
from tests.alerts.examples import NOTHING, ct, scan

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
DLP = MEASURES["dlp_mgy_cm-study-32"]
DRIFT = rule("m", "drift", "watch", {"measure": "dlp_mgy_cm-study"})
SILENT = rule("s", "silent-device", "watch", {})
NO_DOSE = rule("n", "no-dose", "info", {})
LONG_AGO = NOW - timedelta(days=9)


def trouble(of: str, **params: Any) -> Rule:
    return rule("t", of, "act", params)


def values(median: float, n: int = 60, width: float = 0.2) -> Ordered:
    return Ordered.of(median * np.exp(np.linspace(-width, width, n)))


def sample(former: Ordered, latter: Ordered) -> Sample:
    return Sample(1, 3, "CT", 4, DLP, "2026-11", former, latter)


def use(*offsets: int) -> Use:
    return Use(1, 3, "CT", sorted(TODAY - timedelta(days=one) for one in offsets))


# ---- medians --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "crosses"), [(1.4, True), (1.2, False), (1.0, False), (0.9, False), (0.6, True)])
def test_a_median_drifts_when_it_leaves_the_factor_on_either_side(ratio: float, crosses: bool) -> None:
    found = periodic.drift(DRIFT, [sample(values(400.0, 201), values(400.0 * ratio, 61))]).found
    assert bool(found) == crosses
    for one in found:
        assert one.value == pytest.approx(400.0 * ratio)
        assert one.threshold == pytest.approx(400.0)
        assert one.details["ratio"] == pytest.approx(ratio)


def test_a_median_that_may_have_moved_by_chance_does_not_drift() -> None:
    assert not periodic.drift(DRIFT, [sample(values(400.0, 40, 2.0), values(560.0, 40, 2.0))]).found


@pytest.mark.parametrize(("before", "now"), [(29, 60), (200, 29), (0, 60), (200, 0)])
def test_a_median_of_fewer_than_thirty_says_nothing(before: int, now: int) -> None:
    assert not periodic.drift(DRIFT, [sample(values(400.0, before), values(900.0, now))]).found


def test_a_drift_of_another_measure_place_or_procedure_is_not_for_this_rule() -> None:
    one = sample(values(400.0), values(900.0))
    elsewhere = ({"modality": "XA"}, {"device_id": 9}, {"site_id": 9}, {"procedure_id": 9})
    assert all(not periodic.drift(replace(DRIFT, **scope), [one]).found for scope in elsewhere)
    assert not periodic.drift(DRIFT, [replace(one, measure=MEASURES["pka_gy_cm2-study"])]).found
    assert periodic.drift(DRIFT, [one]).found


def test_a_drift_is_over_when_the_median_of_its_month_is_back() -> None:
    back = sample(values(400.0), values(410.0))
    told = {back.subject, "device:3:2026-10:4:dlp_mgy_cm-study-32"}
    assert periodic.drift(DRIFT, [back], told).over == {back.subject}
    assert periodic.drift(DRIFT, [sample(values(400.0), values(900.0))], told).over == frozenset()


# ---- devices and studies --------------------------------------------------------------------------------------------


def test_a_silence_is_one_subject_however_long_it_lasts() -> None:
    days = use(*range(5, 40))
    said = [periodic.silent(SILENT, [days], TODAY + timedelta(days=later)).found for later in range(3)]
    assert {one.subject for (one,) in said} == {"device:3:2026-11-17"}
    assert [one.details["quiet_days"] for (one,) in said] == [5, 6, 7]


def test_a_device_that_is_heard_of_again_ends_its_silence_and_not_that_of_others() -> None:
    told = {"device:3:2026-11-01", "device:30:2026-11-01"}
    assert periodic.silent(SILENT, [use(*range(40))], TODAY, told).over == {"device:3:2026-11-01"}
    assert periodic.silent(SILENT, [use(*range(21, 60))], TODAY, told).over == frozenset()


def test_a_clock_that_was_set_back_makes_no_silence() -> None:
    assert periodic.silent(SILENT, [use(*range(40))], TODAY - timedelta(days=9)).found == ()


def test_a_device_without_habit_or_of_another_place_is_not_silent() -> None:
    assert not periodic.silent(SILENT, [use(30, 31)], TODAY).found
    assert not periodic.silent(replace(SILENT, device_id=9), [use(*range(5, 40))], TODAY).found


def test_studies_without_dose_are_one_alert_a_modality_and_day_and_over_when_doses_came() -> None:
    day = Undosed("CT", date(2026, 11, 20), tuple(f"1.{n}" for n in range(30)), 40)
    (one,) = periodic.no_dose(NO_DOSE, [day]).found
    assert one.subject == "system:no-dose:CT:2026-11-20"
    assert (one.details["count"], one.details["n"], len(one.details["study_uids"])) == (30, 40, 20)
    done = periodic.no_dose(NO_DOSE, [replace(day, studies=())], {one.subject, "system:no-dose:CT:2026-11-01"})
    assert (done.found, done.over) == ((), {one.subject})
    assert not periodic.no_dose(replace(NO_DOSE, modality="XA"), [day]).found


# ---- the system -----------------------------------------------------------------------------------------------------


def works(**more: Any) -> Works:
    return Works(**{"heard": {"ingest": NOW - timedelta(minutes=30)}, "watched_since": LONG_AGO, **more})


def test_a_process_that_says_nothing_is_one_subject_until_it_speaks() -> None:
    quiet = trouble("worker")
    said = [periodic.worker(quiet, works(), NOW + timedelta(minutes=n)).found for n in (0, 60)]
    (subject,) = {one.subject for (one,) in said}
    assert said[0][0].details["minutes"] == 30
    spoke = works(heard={"ingest": NOW})
    assert periodic.worker(quiet, spoke, NOW, {subject}).over == {subject}
    assert periodic.worker(quiet, works(), NOW, {subject}).over == frozenset()


def test_nobody_is_blamed_for_the_time_in_which_nobody_looked() -> None:
    started = works(watched_since=NOW - timedelta(minutes=5), waiting=9, oldest=LONG_AGO)
    assert periodic.worker(trouble("worker"), started, NOW).found == ()
    assert len(periodic.worker(trouble("worker"), started, NOW + timedelta(minutes=5)).found) == 2


def test_arrivals_that_wait_are_one_subject_over_midnight_and_end_when_they_are_read() -> None:
    late = works(heard={}, waiting=7, oldest=NOW - timedelta(minutes=11))
    (one,) = periodic.worker(trouble("worker"), late, NOW).found
    (again,) = periodic.worker(trouble("worker"), late, NOW + timedelta(days=1), {one.subject}).found
    assert one.subject == again.subject == "system:behind:2026-11-22"
    assert periodic.worker(trouble("worker"), works(heard={}), NOW, {one.subject}).over == {one.subject}


def test_a_disk_at_the_border_is_not_in_and_out_of_trouble() -> None:
    full = trouble("disk", free_gb=5)
    (one,) = periodic.disk(full, Space(4_900_000_000, 100_000_000_000), NOW).found
    assert (one.details["free_gb"], one.details["free_percent"]) == (4.9, 4.9)
    for free, over in ((5_100_000_000, frozenset()), (5_600_000_000, {one.subject})):
        judged = periodic.disk(full, Space(free, 100_000_000_000), NOW, {one.subject})
        assert (judged.found, judged.over) == ((), over)


def test_notices_that_wait_longer_than_allowed_are_trouble_until_none_waits() -> None:
    stuck = Waiting({"parked": 2, "failed": 1}, NOW - timedelta(minutes=61))
    (one,) = periodic.notices(trouble("notices"), stuck, NOW).found
    assert one.details == {"count": 3, "states": {"failed": 1, "parked": 2}, "minutes": 61}
    assert not periodic.notices(trouble("notices", hours=2), stuck, NOW).found
    assert periodic.notices(trouble("notices"), Waiting(), NOW, {one.subject}).over == {one.subject}


# ---- all of them ----------------------------------------------------------------------------------------------------


def test_periodic_rules_say_nothing_of_a_single_examination() -> None:
    rules = [DRIFT, SILENT, NO_DOSE, *map(trouble, ("worker", "disk", "notices"))]
    assert {one.kind for one in rules} == {name for name, kind in KINDS.items() if kind.periodic}
    assert evaluate(rules, ct(scan(ctdi_vol_mgy=900.0)), NOTHING).crossings == ()


@pytest.mark.parametrize(
    ("kind", "params", "code"),
    [("drift", {}, "missing:measure"), ("drift", {"measure": "dlp_mgy_cm-study", "factor": 1}, "range:factor"),
     ("drift", {"measure": "dlp_mgy_cm-study", "least": 8}, "range:least"),
     ("silent-device", {"times": 0}, "range:times"), ("no-dose", {"hours": 1.5}, "number:hours"),
     ("worker", {"minutes": 1}, "range:minutes"),
     ("disk", {"hours": 1}, "unknown:hours"), ("notices", {"hours": 0}, "range:hours")],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(kind: str, params: dict[str, Any], code: str) -> None:
    assert check(kind, params) == code


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_finding_has_its_words_and_they_say_their_numbers(language: str) -> None:
    late = works(waiting=7, oldest=LONG_AGO)
    found = (
        *periodic.drift(DRIFT, [sample(values(400.0), values(900.0))]).found,
        *periodic.silent(SILENT, [use(*range(5, 40))], TODAY).found,
        *periodic.no_dose(NO_DOSE, [Undosed("CT", TODAY, ("1.2",), 3)]).found,
        *periodic.worker(trouble("worker"), late, NOW).found,
        *periodic.disk(trouble("disk"), Space(1, 1000), NOW).found,
        *periodic.notices(trouble("notices"), Waiting({"failed": 2}, LONG_AGO), NOW).found,
    )
    assert len(found) == 7
    for one in found:
        said = wording.sentence(one, language)
        assert any(letter.isdigit() for letter in said), one.code
        assert wording.title(one, language) != one.code
        assert wording.kind_name(one.kind, language) != one.kind
