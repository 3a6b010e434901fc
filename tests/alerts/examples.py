"""Examinations and comparators for tests of alerts: what is asked is answered from plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dose.alerts.kinds import evaluate, rule
from dose.alerts.model import Acquisition, Crossing, Earlier, Examination, Findings, Like, Usual, moved
from dose.levels.compare import NO_LEVEL, Choice, Level
from dose.levels.groups import Patient
from dose.statistics.measures import Measure
from dose.statistics.outliers import Size

NOON = datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001 - local, as sent
ADULT = Patient(age_years=50.0, weight_kg=70.0, sex="F")


@dataclass
class World:
    """Comparators that know what a test says."""

    level_value: float | None = None
    last: Sequence[float] = ()
    likes: Sequence[float] = ()
    size: Size | None = field(default_factory=lambda: Size("weight", 60.0, 80.0))
    before: Sequence[Earlier] = ()
    voltages_kv: Sequence[float] = ()
    software: tuple[str, ...] = ()

    def level(self, examination: Examination, measure: Measure, thickness_mm: float | None) -> Choice:
        if self.level_value is None:
            return Choice(None, NO_LEVEL)
        return Choice(Level(1, 1, "a set", "national", None, "CT", measure.column, measure.level, measure.phantom,
                            self.level_value, "drl", "adults", "a table"))  # fmt: skip

    def recent(self, examination: Examination, measure: Measure, level: Level, count: int) -> Sequence[float]:
        return self.last[:count]

    def like(self, examination: Examination, measure: Measure) -> Like:
        return Like(self.likes, self.size)

    def earlier(self, examination: Examination, days: int) -> Sequence[Earlier]:
        return [one for one in self.before if one.at >= moved(examination.at, -timedelta(days=days))]

    def usual(self, examination: Examination, acquisition: Acquisition) -> Usual:
        return Usual(self.voltages_kv)

    def software_before(self, examination: Examination) -> tuple[str, ...]:
        return self.software


NOTHING = World()


def ct(*acquisitions: Acquisition, **more: Any) -> Examination:
    said = {"modality": "CT", "at": NOON, "patient_id": 5, "device_id": 3, "patient": ADULT}
    return Examination(17, acquisitions=acquisitions, **{**said, **more})


def xa(*acquisitions: Acquisition, **more: Any) -> Examination:
    return ct(*acquisitions, **{"modality": "XA", **more})


def scan(number: int = 1, **more: Any) -> Acquisition:
    return Acquisition(number, **{"event_type": "spiral", "phantom_cm": 32, **more})


def find(kind: str, params: dict[str, Any], one: Examination, world: World = NOTHING) -> Findings:
    return evaluate([rule("r", kind, "act", params)], one, world)


def only(kind: str, params: dict[str, Any], one: Examination, world: World = NOTHING) -> Crossing:
    (found,) = find(kind, params, one, world).crossings
    return found
