"""Rules against real dose reports: what alerts is what is remarkable in them, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

import pytest

from dose.alerts.kinds import evaluate
from dose.alerts.model import Acquisition, Examination, Total
from dose.alerts.shipped import shipped_rules
from dose.extract import extract
from dose.levels.groups import Patient
from dose.model import DoseReport, IrradiationEvent
from dose.statistics.counting import NEEDED, PHANTOMS, is_diagnostic
from tests.alerts.examples import NOTHING
from tests.conftest import CORPUS

pytestmark = pytest.mark.corpus
SAME = {one.name for one in fields(Acquisition)} & {one.name for one in fields(IrradiationEvent)}
RULES = [one.rule() for one in shipped_rules() if one.active]
ALERTING = {
    ("CT-RDSR-GEPixelMed.dcm", "ct-acquisition", 222.59),
    ("CT-RDSR-Toshiba_DoseCheck.dcm", "dose-check-alert", 251.2),
    ("CT-RDSR-Toshiba_DoseCheck.dcm", "dose-check-alert", 502.4),
}


def acquisition(number: int, event: IrradiationEvent) -> Acquisition:
    return Acquisition(
        number, phantom_cm=PHANTOMS.get(event.ctdi_phantom or ""),
        diagnostic=is_diagnostic({name: getattr(event, name) for name in NEEDED}),
        region=event.target_region.meaning if event.target_region else None,
        **{name: getattr(event, name) for name in SAME},
    )  # fmt: skip


def examination(report: DoseReport) -> Examination:
    totals = (Total(one.plane, one.pka_gy_cm2, one.ka_r_mgy, one.fluoro_time_s) for one in report.accumulated)
    return Examination(
        1, report.modality, datetime(2026, 3, 2), tuple(acquisition(*one) for one in enumerate(report.events)),  # noqa: DTZ001
        tuple(totals), description=report.study_description,
        patient=Patient(report.patient.age_years, report.patient.weight_kg),
    )  # fmt: skip


def test_of_all_real_reports_only_the_remarkable_ones_alert() -> None:
    paths = sorted(CORPUS.rglob("*RDSR*.dcm"))
    found = {
        (path.name, one.rule_key, one.value)
        for path in paths
        for one in evaluate(RULES, examination(extract(path.read_bytes())), NOTHING).crossings
    }
    assert len(paths) > 10
    assert found == ALERTING
