"""No kill comes between a dose, its alert and the notice about it."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from dose.tables import Alert, Notification, Study
from tests.alerting.world import ACQUISITION, Hospital

pytestmark = pytest.mark.slow
KILLS = 6


def test_a_kill_leaves_a_dose_with_its_alert_and_notice_or_none_of_them(hospital: Hospital, database_url: str) -> None:
    hospital.rule(*ACQUISITION)
    chance, said = random.Random(5), 0
    for kill in range(KILLS):
        said += _lived(database_url, 10_000 * (kill + 1), chance.uniform(0.01, 0.4))
    with hospital.factory() as session:
        studies = set(session.scalars(select(Study.id)))
        of_studies = [number or 0 for number in session.scalars(select(Alert.study_id))]
        told = session.scalar(select(func.count()).select_from(Notification))
    assert (sorted(of_studies), told) == (sorted(studies), len(studies))
    assert said <= len(studies) <= said + KILLS


def _lived(url: str, first: int, seconds: float) -> int:
    """How many doses a process said it had let in before it was killed, so long after its first."""
    shown = make_url(url).render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.alerting.endless", shown, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        time.sleep(seconds)  # the moment of the kill is the point
        child.kill()
        return 1 + child.stdout.read().count("\n")
