"""How long the study list takes to answer, by the number of studies in the database.

python benchmarks/bench_lists.py [--studies 1000000] [--database postgresql+psycopg://…]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from dose import migrate
from dose.crypto import KeyRing, keys, use_keys
from dose.database import make_engine, session_factory
from dose.queries import Order, StudyFilter, filter_choices, find_studies, studies_since
from dose.scope import system_scope
from dose.store.words import patient_tokens, study_words
from dose.tables import Device, Patient, PatientToken, Site, Study, StudyWord

PART = 20_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DESCRIPTIONS = [
    "CT Thorax nativ",
    "CT Abdomen mit KM",
    "CT Schädel",
    "Hüfte a.p.",
    "Koronarangiographie",
    "Mammographie",
]
RARE = 5000  # one study in so many has a description of its own


def _study(number: int, chance: random.Random) -> dict[str, Any]:
    day = date(2016, 1, 1) + timedelta(days=number % 3650)
    description = f"Sonderprotokoll Nr{number}" if number % RARE == 0 else chance.choice(DESCRIPTIONS)
    return {
        "id": number, "study_instance_uid": f"1.2.3.{number}", "site_id": 1, "patient_id": number // 4 + 1,
        "device_id": number % 20 + 1, "study_date": day, "started_at": f"{day}T10:00:00",
        "accession_index": keys().index(f"A{number}", "study.accession_number"), "description": description,
        "protocols": description, "modality": chance.choice(["CT", "CT", "DX", "XA", "MG"]), "event_count": 3,
        "dlp_sum_mgy_cm": chance.lognormvariate(6, 1), "state": "ok", "notes": [], "is_demo": False,
        "listed_at": int(f"{day:%Y%m%d}") * 1_000_000 + chance.randrange(235_959), "first_seen_at": NOW,
        "updated_at": NOW, "version": number, "ranks": {},
    }  # fmt: skip


def _fill(session: Session, studies: int) -> None:
    chance = random.Random(7)
    session.execute(insert(Site), [{"id": 1, "name": "Main"}])
    common = {"site_id": 1, "is_demo": False, "ranks": {}}
    devices = [
        {"id": n, "device_key": str(n), "first_seen_at": NOW, "last_seen_at": NOW, **common} for n in range(1, 21)
    ]
    session.execute(insert(Device), devices)
    for first in range(1, studies + 1, PART):
        numbers = range(first, min(first + PART, studies + 1))
        _fill_patients(session, {number // 4 + 1 for number in numbers if number % 4 == 0 or number == 1}, common)
        rows = [_study(number, chance) for number in numbers]
        session.execute(insert(Study), rows)
        words = [
            {"study_id": r["id"], "word": w} for r in rows for w in study_words(r["description"], [r["protocols"]])
        ]
        session.execute(insert(StudyWord), words)
        session.commit()


def _fill_patients(session: Session, numbers: set[int], common: dict[str, Any]) -> None:
    rows, tokens = [], []
    for n in sorted(numbers):
        name, number = f"Name{n % 5000:04}x^Vor{n % 300:03}", f"P{n}"
        rows.append({"id": n, "id_index": keys().index(number, "x"), "patient_id": number, "name": name, **common})
        tokens += [{"token": token, "patient_id": n} for token in patient_tokens(number, name)]
    session.execute(insert(Patient), rows)
    session.execute(insert(PatientToken), tokens)


def _questions(studies: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "newest 50", {}
    yield "page 100", {"offset": 5000}
    for order in (Order.DLP, Order.CTDI_VOL):
        yield f"by {order}", {"order": order}
    yield "modality MG", {"chosen": StudyFilter(modality="MG")}
    yield "one device", {"chosen": StudyFilter(device_id=7)}
    yield "one month", {"chosen": StudyFilter(date_from=date(2020, 3, 1), date_to=date(2020, 3, 31))}
    yield "common word", {"chosen": StudyFilter(description="thorax")}
    yield "rare word", {"chosen": StudyFilter(description="sonderprotokoll")}
    yield "Patient ID", {"chosen": StudyFilter(patient=f"P{studies // 8}")}
    yield "name, beginning", {"chosen": StudyFilter(patient="name1234 vor")}
    yield "accession number", {"chosen": StudyFilter(accession=f"A{studies // 2}")}
    yield "anything: word", {"chosen": StudyFilter(q="abdomen")}
    yield "anything: number", {"chosen": StudyFilter(q=f"P{studies // 8}")}
    yield "anything: nothing", {"chosen": StudyFilter(q="zzz")}


def _time(work: Any) -> float:
    took = []
    for _ in range(5):
        before = time.perf_counter()
        work()
        took.append(time.perf_counter() - before)
    return 1e3 * statistics.median(took)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=200_000)
    options.add_argument("--database", help="an empty database; a SQLite file in a temporary folder when absent")
    chosen = options.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{folder}/bench.sqlite3"
        migrate.upgrade(url)
        scope = system_scope("benchmark")
        with session_factory(make_engine(url))() as session:
            _fill(session, chosen.studies)
            session.execute(text("ANALYZE"))
            session.commit()
            print(f"{chosen.studies} studies, median of 5\n{'question':<20}{'ms':>9}{'found':>9}")
            for name, question in _questions(chosen.studies):
                found = find_studies(session, scope, **question).total
                print(f"{name:<20}{_time(lambda q=question: find_studies(session, scope, **q)):>9.1f}{found:>9}")
            newest = chosen.studies - 3
            print(f"{'what is new':<20}{_time(lambda: studies_since(session, scope, newest)):>9.1f}{3:>9}")
            print(f"{'choices of filters':<20}{_time(lambda: filter_choices(session, scope)):>9.1f}")


if __name__ == "__main__":
    main()
