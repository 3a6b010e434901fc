"""A trial says of every study what the rule itself says when it judges that study alone, from its raw rows."""

from __future__ import annotations

import pytest

from dose.alerts.kinds import KINDS, rule
from dose.queries.rule_trial import WAYS, try_rule
from dose.queries.rule_trial_past import Past
from tests.rule_trial.hospital import WHO

pytestmark = pytest.mark.slow

DLP, PRODUCT, CTDI, BREAST = "dlp_mgy_cm-study", "pka_gy_cm2-study", "ctdi_vol_mgy-event", "agd_mgy-event"
CASES = {
    "acquisitions": ("acquisition", {"body_mgy": 12, "head_mgy": 40}, {}),
    "perfusion": ("acquisition", {"body_mgy": 12, "head_mgy": 40, "perfusion_mgy": 600}, {"modality": "CT"}),
    "kerma": ("trigger", {"column": "ka_r_mgy", "first": 300, "increment": 100}, {}),
    "product": ("trigger", {"column": "pka_gy_cm2", "first": 20}, {}),
    "time": ("trigger", {"column": "fluoro_time_s", "first": 2000}, {}),
    "cumulative": ("cumulative", {"first_mgy": 600, "days": 60}, {}),
    "a long time": ("cumulative", {"first_mgy": 1500, "days": 366}, {"modality": "XA"}),
    "dose checks": ("dose-check", {"of": "alert"}, {}),
    "identity": ("identity", {}, {}),
    "software": ("software", {}, {}),
    "levels": ("level", {"measure": DLP, "factor": 1}, {"modality": "CT"}),
    "levels with a mean": ("level", {"measure": DLP, "factor": 1.2, "mean_of": 10, "mean_factor": 1}, {}),
    "levels in a row": ("level", {"measure": DLP, "factor": 0.8, "in_a_row": 3}, {}),
    "levels of acquisitions": ("level", {"measure": CTDI, "factor": 1, "mean_of": 5, "mean_factor": 0.8}, {}),
    "levels of the skin": ("level", {"measure": PRODUCT, "factor": 0.6}, {}),
    "levels of breasts": ("level", {"measure": BREAST, "factor": 0.7}, {}),
    "levels of breasts, in a row": ("level", {"measure": BREAST, "factor": 0.6, "in_a_row": 2}, {}),
    "percentiles": ("percentile", {"measure": DLP, "percentile": 90}, {}),
    "percentiles of one phantom": ("percentile", {"measure": f"{DLP}-16", "percentile": 75}, {"modality": "CT"}),
    "the largest of a study": ("percentile", {"measure": "ctdi_vol_mgy-study", "percentile": 90}, {}),
    "percentiles and a ratio": ("percentile", {"measure": PRODUCT, "percentile": 95, "least_ratio": 1.5}, {}),
    "repeated": ("repeated", {"hours": 240, "same": "procedure"}, {}),
    "the same region": ("repeated", {"hours": 1000, "count": 3, "same": "region"}, {"modality": "CT"}),
    "voltages": ("tube-voltage", {"tolerance_kv": 5}, {}),
    "rare voltages": ("tube-voltage", {"tolerance_kv": 1, "share": 0.1}, {"modality": "CT"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_trial_finds_the_studies_that_the_rule_itself_finds_one_by_one(hospital, judged, year, case):
    kind, params, more = CASES[case]
    tried = rule("tried", kind, "act", params, **more)
    studies, alerts = judged.found(tried)
    with hospital() as session:
        hits = WAYS[kind].find(Past(session, WHO, tried, *year))
        trial = try_rule(session, WHO, tried)
    assert set(hits.studies.tolist()) == studies
    assert (trial.alerts, sum(trial.months.values()), sum(trial.weeks)) == (alerts, alerts, alerts)
    assert 0 < len(studies) < len(judged.those)


@pytest.mark.parametrize("case", ["acquisitions", "kerma", "levels with a mean", "repeated", "software", "voltages"])
def test_a_rule_of_one_device_is_tried_on_that_device(hospital, judged, year, case):
    kind, params, _ = CASES[case]
    every, _ = judged.found(rule("tried", kind, "act", params))
    device = next(one.device_id for one in judged.those if one.study_id in every)
    tried = rule("tried", kind, "act", params, device_id=device)
    with hospital() as session:
        hits = WAYS[kind].find(Past(session, WHO, tried, *year))
    assert set(hits.studies.tolist()) == judged.found(tried)[0] != set()


def test_every_kind_of_an_examination_can_be_tried_and_is_held_against_the_rule():
    of_examinations = {name for name, kind in KINDS.items() if not kind.periodic}
    assert of_examinations == set(WAYS) == {kind for kind, _, _ in CASES.values()}
