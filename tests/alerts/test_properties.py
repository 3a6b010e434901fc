"""What holds of every examination and every rule, shown with made-up ones."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dose.alerts.kinds import KINDS, evaluate, rule
from dose.alerts.ladder import reached
from dose.alerts.model import Acquisition, Earlier, Examination, Rule, Total
from dose.alerts.shipped import shipped_rules
from dose.levels.groups import Patient
from dose.model import DoseCheck
from tests.alerts.examples import NOON, World, ct, scan

DOSES = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy",
    "activity_mbq",
)  # fmt: skip
OTHERS = ("fluoro_time_s", "scanning_length_mm", "top_z_mm", "bottom_z_mm", "kvp_kv", "exposure_mas", "exposure_index")
NUMBERS = (*DOSES, *OTHERS)
# One of each kind and quantity that is loud: nearly every dose crosses something
LOUD = (
    rule("i", "identity", "watch", {}),
    rule("a", "acquisition", "act", {"body_mgy": 2, "head_mgy": 3, "perfusion_mgy": 50}),
    *(rule(f"t-{column}", "trigger", "act", {"column": column, "first": 1, "increment": 1})
      for column in ("ka_r_mgy", "pka_gy_cm2", "fluoro_time_s")),
    rule("c", "cumulative", "act", {"first_mgy": 1, "increment": 0.5}),
    rule("d", "dose-check", "act", {"of": "alert"}),
    rule("n", "dose-check", "act", {"of": "notification"}),
    rule("s", "software", "info", {}),
    rule("k", "tube-voltage", "info", {}),
    rule("r", "repeated", "info", {"hours": 24}),
    rule("m", "level", "info", {"measure": "ctdi_vol_mgy-event", "factor": 2, "mean_of": 4, "mean_factor": 1}),
    *(rule(f"{kind}-{measure}", kind, "info", {"measure": measure, **more})
      for kind, more in (("level", {"in_a_row": 2}), ("percentile", {"percentile": 90, "least_ratio": 1.1}))
      for measure in ("dlp_mgy_cm-study", "ctdi_vol_mgy-event", "pka_gy_cm2-study", "ka_r_mgy-study", "agd_mgy-event")
      if kind == "level" or measure.endswith("study")),
)  # fmt: skip
FREE = {one.key for one in LOUD if KINDS[one.kind].name_free}

sane = st.floats(0.01, 1e4)
low = st.floats(0.01, 50) | st.none()
nothing = st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0, -5.0])
odd = nothing | st.sampled_from([5e-324, 1e-9, 7.0, 1e308])
names = st.sampled_from([None, "", "Thorax", "Abdomen Perfusion", "Schädel nativ", "\ud800", "CT chest wo"])


def checks(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        DoseCheck, st.sampled_from(["alert", "notification"]), st.sampled_from(["dlp_mgy_cm", "ctdi_vol_mgy"]), numbers,
        numbers,
    )  # fmt: skip


def acquisitions(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.builds(
        Acquisition, id=st.integers(1, 99), event_type=st.sampled_from([None, "spiral", "stationary"]), protocol=names,
        region=names, plane=st.sampled_from([None, "A", "B", "single"]), phantom_cm=st.sampled_from([None, 16, 32]),
        diagnostic=st.booleans(), dose_checks=st.lists(checks(numbers), max_size=3).map(tuple),
        **dict.fromkeys(NUMBERS, numbers),
    )  # fmt: skip
    return st.lists(one, max_size=4, unique_by=lambda acquisition: acquisition.id).map(tuple)


def examinations(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    total = st.builds(
        Total, st.sampled_from([None, "A", "single"]), pka_gy_cm2=numbers, ka_r_mgy=numbers, fluoro_time_s=numbers
    )  # fmt: skip
    whole = ("ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s", "agd_mgy", "activity_mbq")
    return st.builds(
        Examination, id=st.just(17), at=st.just(NOON), modality=st.sampled_from(["CT", "XA", "DX", "MG", "PT", None]),
        acquisitions=acquisitions(numbers), reported=st.lists(total, max_size=3).map(tuple), procedure=names,
        patient_id=st.sampled_from([None, 5]), device_id=st.just(3), procedure_id=st.sampled_from([None, 4]),
        procedure_modality=st.sampled_from([None, "CT", "XA"]), region=st.sampled_from([None, "head", "chest", "moon"]),
        description=names, software=st.sampled_from([(), ("1",), ("2",)]),
        patient=st.builds(Patient, age_years=numbers, weight_kg=numbers), phantom_cm=st.sampled_from([None, 0, 16, 32]),
        **dict.fromkeys(whole, numbers),
    )  # fmt: skip


def worlds(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    before = st.builds(
        Earlier, id=st.integers(1, 9), at=st.just(NOON - timedelta(hours=5)), modality=st.just("CT"),
        procedure_id=st.just(4), region=st.just("chest"),
        ka_r_by_plane_mgy=st.dictionaries(st.sampled_from(["A", "B", "single"]), numbers),
    )  # fmt: skip
    several, lower = st.lists(numbers, max_size=4), st.lists(low | numbers, max_size=4)
    return st.builds(
        World, level_value=st.sampled_from([None, 1.0, 50.0]), last=lower, before=st.lists(before, max_size=3),
        likes=lower.map(lambda few: few * 12), voltages_kv=several.map(lambda few: few * 12),
        software=st.sampled_from([(), ("1",)]),
    )  # fmt: skip


def scaled(one: Any, by: float) -> Any:
    doses = {name: getattr(one, name) for name in DOSES if hasattr(one, name)}
    return replace(one, **{name: value * by for name, value in doses.items() if value is not None})


def subjects(rules: tuple[Rule, ...], one: Examination, world: World) -> set[tuple[str, str]]:
    return {(key, found.subject) for found in evaluate(rules, one, world).crossings
            for key in reached(found.rule_key, found.details)}  # fmt: skip


@given(examinations(sane), worlds(sane))
def test_a_doubtful_name_never_removes_or_holds_back_what_looks_at_no_name(one: Examination, world: World) -> None:
    with_identity, without = (evaluate(rules, one, world).crossings for rules in (LOUD, LOUD[1:]))
    free = [found for found in with_identity if found.rule_key in FREE and found.rule_key != "i"]
    assert free == [found for found in without if found.rule_key in FREE]
    assert all(not found.held_back for found in free)


@given(examinations(sane), worlds(sane))
def test_a_doubtful_name_marks_every_other_crossing_and_removes_none(one: Examination, world: World) -> None:
    found, without = evaluate(LOUD, one, world), evaluate(LOUD[1:], one, world)
    doubted = any(crossing.rule_key == "i" for crossing in found.crossings)
    others = [crossing for crossing in found.crossings if crossing.rule_key not in FREE]
    assert all(bool(crossing.held_back) == doubted for crossing in others)
    assert [replace(crossing, held_back=()) for crossing in found.crossings if crossing.rule_key != "i"] == list(
        without.crossings
    )
    assert found.unjudged == without.unjudged


@given(examinations(sane), worlds(sane), st.randoms(use_true_random=False))
def test_the_order_of_acquisitions_reports_and_rules_says_nothing(
    one: Examination, world: World, chance: Random
) -> None:
    def shuffled(several: Any) -> Any:
        return tuple(chance.sample(several, len(several)))

    other = replace(one, acquisitions=shuffled(one.acquisitions), reported=shuffled(one.reported))
    assert evaluate(LOUD, one, world) == evaluate(shuffled(LOUD), other, world)


@given(examinations(st.none() | sane), worlds(sane), st.floats(1.0, 1e6))
def test_more_dose_never_removes_a_crossing(one: Examination, world: World, by: float) -> None:
    more = replace(
        scaled(one, by), acquisitions=tuple(scaled(scan, by) for scan in one.acquisitions),
        reported=tuple(scaled(report, by) for report in one.reported),
    )  # fmt: skip
    assert subjects(LOUD, one, world) <= subjects(LOUD, more, world)


@given(examinations(odd), worlds(nothing | sane))
def test_odd_numbers_never_fail_and_are_never_the_value_of_an_alert(one: Examination, world: World) -> None:
    for crossing in evaluate(LOUD, one, world).crossings:
        numbers = [value for value in (crossing.value, crossing.threshold) if value is not None]
        assert all(math.isfinite(value) and value > 0 for value in numbers)
        json.dumps(crossing.details, allow_nan=False)


@given(examinations(nothing), worlds(sane))
def test_what_is_no_positive_number_never_alerts(one: Examination, world: World) -> None:
    of_doses = {crossing.rule_key for crossing in evaluate(LOUD, one, world).crossings} - {"i", "r", "s"}
    assert of_doses == set()


@given(examinations(sane), worlds(sane))
def test_a_rule_says_at_most_one_thing_of_a_subject(one: Examination, world: World) -> None:
    found = [(crossing.rule_key, crossing.subject) for crossing in evaluate(LOUD, one, world).crossings]
    assert len(found) == len(set(found))
    assert all(len(subject) <= 120 for _, subject in found)


def test_the_loud_rules_and_the_shipped_ones_are_of_every_kind() -> None:
    assert {one.kind for one in LOUD} == {name for name, kind in KINDS.items() if not kind.periodic}
    assert {one.kind for one in shipped_rules()} == set(KINDS)


def test_every_loud_rule_crosses_where_everything_is_high() -> None:
    check = DoseCheck("alert", "dlp_mgy_cm", 5.0, 9.0)
    loud = dict.fromkeys(NUMBERS, 900.0) | {"dose_checks": (check, replace(check, kind="notification"))}
    world = World(50.0, [900.0] * 4, [5.0] * 40, before=[Earlier(2, NOON, "CT", 4, "chest", {"A": 9.0})],
                  voltages_kv=[120.0] * 40, software=("1",))  # fmt: skip
    one = ct(
        scan(1, region="Head", protocol="p", **loud), procedure_id=4, region="chest", software=("2",), phantom_cm=32,
        **dict.fromkeys(("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy"), 900.0),
    )  # fmt: skip
    others = [replace(one, modality=modality) for modality in ("XA", "MG")]
    crossed = set().union(*(subjects(LOUD, each, world) for each in (one, *others, ct(scan(1, fluoro_time_s=9.0)))))
    assert {key for key, _ in crossed} == {rule.key for rule in LOUD}
