"""How long the quality page and the judgement of what is no patient take, by the number of events in the database.

python -m benchmarks.bench_quality [--events 1000000] [--database postgresql+psycopg://…]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from dose import migrate
from dose.crypto import KeyRing, keys, use_keys
from dose.database import make_engine, session_factory
from dose.queries import StudyFilter, find_studies
from dose.queries.quality import Period, quality
from dose.scope import system_scope
from dose.store import patterns
from dose.store.not_patient import Pattern
from dose.tables import Device, IrradiationEvent, Patient, Site, SourceObject, Study, StudyWord

PART = 5_000
EVENTS = 4  # a study
YEARS = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAST = date(2025, 12, 31)
STATED = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "kvp_kv", "tube_current_ma", "exposure_time_ms", "exposure_mas", "pka_gy_cm2",
    "scanning_length_mm", "total_collimation_mm", "single_collimation_mm", "ka_r_mgy",
)  # fmt: skip
CODES = ("implausible", "dlp-total-differs", "missing-event-uid")


def _fill(session: Session, studies: int) -> None:
    chance = random.Random(7)
    session.execute(insert(Site), [{"id": 1, "name": "Main"}])
    common = {"site_id": 1, "is_demo": False, "ranks": {}}
    seen = {"first_seen_at": NOW, "last_seen_at": NOW}
    session.execute(insert(Device), [{"id": n, "device_key": str(n), **seen, **common} for n in range(1, 21)])
    for first in range(1, studies + 1, PART):
        numbers = range(first, min(first + PART, studies + 1))
        session.execute(insert(Patient), [_patient(n) | common for n in numbers])
        rows = [_study(n, chance) | common for n in numbers]
        session.execute(insert(Study), rows)
        words = [{"study_id": r["id"], "word": f"w:{note['code']}"} for r in rows for note in r["notes"]]
        if words:
            session.execute(insert(StudyWord), words)
        session.execute(insert(SourceObject), [_source(n) for n in numbers])
        session.execute(insert(IrradiationEvent), [_event(n, k, chance) for n in numbers for k in range(EVENTS)])
        session.commit()


def _patient(number: int) -> dict[str, Any]:
    named = {"patient_id": f"P{number}", "name": f"Name{number % 5000}^Vor{number % 300}"}
    return {"id": number, "id_index": keys().index(f"P{number}", "x"), **named}


def _study(number: int, chance: random.Random) -> dict[str, Any]:
    day = LAST - timedelta(days=number % (365 * YEARS))
    notes = [{"code": chance.choice(CODES), "text": "…"}] if chance.random() < 0.2 else []
    return {
        "id": number, "study_instance_uid": f"1.2.3.{number}", "patient_id": number, "device_id": number % 20 + 1,
        "study_date": day, "started_at": f"{day}T10:00:00", "description": "CT Thorax nativ", "protocols": "Thorax",
        "accession_number": f"A{number}", "modality": chance.choice(["CT", "CT", "DX", "XA", "MG"]),
        "event_count": EVENTS, "state": "notes" if notes else "ok", "notes": notes, "age_years": 40.0,
        "height_m": chance.choice([None, 1.7]), "listed_at": int(f"{day:%Y%m%d}") * 1_000_000 + number % 235_959,
        "first_seen_at": NOW, "updated_at": NOW, "version": number, "is_patient": True,
    }  # fmt: skip


def _source(number: int) -> dict[str, Any]:
    return {
        "id": number, "object_key": str(number), "study_id": number, "site_id": 1, "kind": "rdsr", "status": "ok",
        "warnings": [], "quirks": ["a-quirk"] if number % 9 == 0 else [], "origin": "orthanc", "received_at": NOW,
        "read_at": NOW, "device_id": number % 20 + 1,
    }  # fmt: skip


def _event(number: int, position: int, chance: random.Random) -> dict[str, Any]:
    stated = dict.fromkeys(STATED, 100.0)
    return stated | {
        "study_id": number, "source_object_id": number, "device_id": number % 20 + 1, "position": position,
        "event_key": f"1.2.3.{number}.{position}", "irradiation_event_uid": f"1.2.3.{number}.{position}",
        "event_type": "spiral" if position else "constant_angle", "started_at": "2025-01-01T10:00:00",
        "protocol": "Thorax", "pitch": chance.choice([None, 0.9]), "counted": True, "plane": "", "occurrence": 0,
    }  # fmt: skip


def _time(name: str, work: Any, times: int = 3) -> None:
    took = []
    for _ in range(times):
        before = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - before)
    print(f"{name:<44}{1e3 * statistics.median(took):>10.0f}{found:>10}")


def _ask(session: Session, studies: int) -> None:
    scope = system_scope("benchmark")

    def page(days: int, device: int | None = None) -> int:
        answer = quality(session, scope, Period(LAST - timedelta(days=days - 1), LAST, device))
        return sum(sum(one.events.values()) for one in answer.devices)

    def listed(**chosen: Any) -> int:
        return find_studies(session, scope, StudyFilter(date_from=LAST - timedelta(days=89), **chosen)).total

    _time("quality, 30 days, all devices (events)", lambda: page(30))
    _time("quality, 90 days, all devices (events)", lambda: page(90))
    _time("quality, one year, all devices (events)", lambda: page(365))
    _time("quality, one year, one device (events)", lambda: page(365, 7))
    _time("quality, everything (events)", lambda: page(365 * YEARS), 1)
    _time("list: missing pitch, 90 days", lambda: listed(missing="pitch"))
    _time("list: a warning, 90 days", lambda: listed(warning="implausible"))
    year = int(f"{LAST - timedelta(days=365):%Y%m%d}") * 1_000_000
    _time("preview of a pattern, one year (studies)",
          lambda: patterns.preview(session, Pattern("thorax"), year, 600).looked, 1)  # fmt: skip
    began = time.perf_counter()
    judged = sum(iter(lambda: patterns.rejudge(session, 500), 0))
    print(f"{'judged again, studies a second':<44}{judged / (time.perf_counter() - began):>10.0f}{judged:>10}")
    assert judged == studies


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--database", help="an empty database; a SQLite file in a temporary folder when absent")
    chosen = options.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{folder}/bench.sqlite3"
        migrate.upgrade(url)
        studies = chosen.events // EVENTS
        with session_factory(make_engine(url))() as session:
            _fill(session, studies)
            session.execute(text("ANALYZE"))
            session.commit()
            print(
                f"{chosen.events} events in {studies} studies of {YEARS} years\n{'question':<44}{'ms':>10}{'found':>10}"
            )
            _ask(session, studies)


if __name__ == "__main__":
    main()
