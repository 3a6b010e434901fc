"""How long the queries of each page take on a hospital group, and how many SQL statements they send.

    python -m benchmarks.bench_pages [--short] [--studies 1000000] [--var DIR | --hospital URL] [--page compliance]

Every published level is put in use meanwhile, in a transaction that is taken back; a hospital that is given (and that
`benchmarks.hospital` filled) stays as it is. Goals: p95 <= 300 ms for what a page shows at once, <= 1.5 s for days that
are no whole months and for levels that are made of single values. The first answer of a process, which loads the
roll-up, is told apart.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from benchmarks import MISSED
from benchmarks.hospital import build
from dacs.site_files import prepare
from dose import migrate
from dose.crypto import KeyRing, use_keys
from dose.database import make_engine, session_factory
from dose.levels.compare import LOCAL, TYPICAL
from dose.queries import Order, StudyFilter, find_studies, rejected_objects, samples, system_state
from dose.queries.alert_why import why
from dose.queries.alerts import alert
from dose.queries.attention import attention
from dose.queries.benchmark import benchmarks
from dose.queries.cells import period
from dose.queries.choice import all_of, one_of
from dose.queries.comparison import CHANGE, YEARLY, content
from dose.queries.compliance import Place, compliance
from dose.queries.corrections import corrections
from dose.queries.groups import By
from dose.queries.levels import levels_of, sets
from dose.queries.naming import names_page, procedures, suggested
from dose.queries.naming_duplicates import duplicate_protocols
from dose.queries.outliers import Wish, outliers
from dose.queries.patient import patient_history
from dose.queries.people import patient_doses
from dose.queries.quality import Period, quality
from dose.queries.standing import earlier_alike, study_standing
from dose.queries.statistics import Question, statistics
from dose.queries.today import between, distribution, months_between, overview, volume
from dose.queries.triggers import reached
from dose.scope import system_scope
from dose.settings import load_settings
from dose.statistics.measures import MEASURES
from dose.store import records
from dose.store.levels_made import preview
from dose.store.levels_sample import Plan
from dose.store.levels_shipped import load_levels
from dose.tables import Alert, ReferenceLevel, ReferenceSet, StudyFact

WHO = system_scope("benchmark")
ZONE = "Africa/Casablanca"
AT_ONCE_MS, SLOW_MS, ONE_MS = 300.0, 1500.0, 50.0
TIMES, SHORT_TIMES = 15, 5
YEAR = Place(date(2025, 11, 1), date(2026, 10, 31))
LAST = Place(date(2024, 11, 1), date(2025, 10, 31))
DAYS = Place(date(2025, 9, 15), date(2026, 10, 20))
BEFORE, AFTER = Place(date(2025, 4, 22), date(2025, 10, 20)), Place(date(2025, 10, 21), date(2026, 4, 21))
PERIOD = months_between(YEAR.first, YEAR.last)
ALERTED = ("CT", "DX", "XA", "RF", "MG")
NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class There:
    """What the hospital holds most of: row ids of a CT procedure, one of its devices, a person, one of his studies.

    `alerts` are of the newest study of each modality.
    """

    procedure: int
    device: int
    patient: int
    study: int
    alerts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page asks, and within what time (ms, 95th percentile)."""

    ask: Callable[[Session, There], object]
    goal: float = AT_ONCE_MS


def _today(session: Session, _there: There) -> object:
    one = MEASURES["dlp_mgy_cm-study-32"]
    return (overview(session, WHO, PERIOD), volume(session, WHO, PERIOD), patient_doses(session, WHO, PERIOD),
            distribution(session, WHO, PERIOD, one, "CT"))  # fmt: skip


def _compliance(place: Place) -> Callable[[Session, There], object]:
    return lambda session, _there: (compliance(session, WHO, place), reached(session, WHO, place))


def _compared(kind: str, former: Place, latter: Place) -> Callable[[Session, There], object]:
    return lambda session, _there: content(session, WHO, kind, former, latter)


def _one_device(session: Session, there: There) -> object:
    return compliance(session, WHO, replace(YEAR, device_id=there.device))


def _signed(session: Session, _there: There) -> object:
    """Made again, compared with what was seen, and frozen; taken back, because nobody signs the same twice."""
    before = content(session, WHO, YEARLY, LAST, YEAR)
    with session.begin_nested() as once:
        records.sign(session, WHO, before, seen=records.digest(before), title="Yearly")
        once.rollback()
    return before


def _benchmark(place: Place, by: By) -> Callable[[Session, There], object]:
    return lambda session, there: benchmarks(session, WHO, place, there.procedure, by)


def _made(kind: str, modality: str, site_id: int | None = None) -> Callable[[Session, There], object]:
    plan = Plan(kind, modality, YEAR.first, YEAR.last, site_id)
    return lambda session, _there: preview(session, WHO, plan)


def _names(session: Session, _there: There) -> object:
    found = names_page(session, WHO)
    return suggested(session, found.groups)


def _levels(session: Session, _there: There) -> object:
    found = sets(session, WHO)
    return levels_of(session, WHO, found[0].id)


def _list(order: Order = Order.NEWEST, offset: int = 0, **said: Any) -> Callable[[Session, There], object]:
    return lambda session, _there: find_studies(session, WHO, StudyFilter(**said), order=order, offset=offset)


def _behind(session: Session, there: There) -> object:
    """The studies behind a mark, by their dose."""
    where = f"procedure is {there.procedure} and modality is CT"
    return find_studies(session, WHO, StudyFilter(where=where), order=Order.DLP)


def _statistics(by: By) -> Callable[[Session, There], object]:
    asked = Question(MEASURES["dlp_mgy_cm-study-32"], "CT", between(YEAR.first, YEAR.last))
    return lambda session, _there: statistics(session, WHO, asked, (by,))


def _one_protocol(session: Session, there: There) -> object:
    """What one protocol of one device comes to."""
    chosen = all_of(one_of("procedure", there.procedure), one_of("device", there.device))
    return statistics(session, WHO, Question(MEASURES["dlp_mgy_cm-study-32"], "CT", chosen), ())


def _quality(days: int) -> Callable[[Session, There], object]:
    period = Period(YEAR.last - timedelta(days=days - 1), YEAR.last)
    return lambda session, _there: quality(session, WHO, period)


def _study(session: Session, there: There) -> object:
    return study_standing(session, WHO, there.study), earlier_alike(session, WHO, there.study)


def _why(modality: str) -> Callable[[Session, There], object]:
    def ask(session: Session, there: There) -> object:
        found = alert(session, WHO, there.alerts[modality], YEAR.last)
        return found and why(session, WHO, found.alert)

    return ask


PAGES: dict[str, Page] = {
    "today: overview, volume, distribution": Page(_today),
    "today: what needs attention": Page(lambda session, _there: attention(session, WHO, PERIOD, NOW, ZONE)),
    "compliance, a year": Page(_compliance(YEAR)),
    "compliance, a year, one device": Page(_one_device),
    "compliance, 13 months, not whole": Page(_compliance(DAYS), SLOW_MS),
    "comparison, two years": Page(_compared(YEARLY, LAST, YEAR)),
    "comparison, before and after a day": Page(_compared(CHANGE, BEFORE, AFTER), SLOW_MS),
    "comparison, signing": Page(_signed, SLOW_MS),
    "benchmark, devices": Page(_benchmark(YEAR, By.DEVICE)),
    "benchmark, sites": Page(_benchmark(YEAR, By.SITE)),
    "benchmark, devices, not whole months": Page(_benchmark(DAYS, By.DEVICE), SLOW_MS),
    "levels: sets and rows": Page(_levels),
    "levels: local, CT": Page(_made(LOCAL, "CT"), SLOW_MS),
    "levels: local, radiography": Page(_made(LOCAL, "DX"), SLOW_MS),
    "levels: typical, CT of a site": Page(_made(TYPICAL, "CT", 1), SLOW_MS),
    "compliance: trigger levels reached": Page(lambda session, _there: reached(session, WHO, YEAR)),
    "names: unmapped, with suggestions": Page(_names),
    "names: procedures": Page(lambda session, _there: procedures(session, WHO)),
    "names: duplicates": Page(lambda session, _there: duplicate_protocols(session, WHO)),
    "outliers, ninety days": Page(lambda session, _there: outliers(session, WHO, Wish(20260803, 20261031))),
    "outliers, a year": Page(lambda session, _there: outliers(session, WHO, Wish(20251101, 20261031))),
    "statistics: DLP of a year by device": Page(_statistics(By.DEVICE)),
    "statistics: DLP of a year by month": Page(_statistics(By.MONTH)),
    "statistics: one protocol and device": Page(_one_protocol, ONE_MS),
    "study: its standing, earlier alike": Page(_study),
    **{f"alert: why, {modality}": Page(_why(modality)) for modality in ALERTED},
    "studies: newest": Page(_list()),
    "studies: by DLP": Page(_list(Order.DLP)),
    "studies: the last page": Page(_list(offset=9_950)),
    "studies: a modality of a year": Page(_list(modality="MG", date_from=YEAR.first, date_to=YEAR.last)),
    "studies: behind a mark, by DLP": Page(_behind),
    "studies: with notes, which none has": Page(_list(state="notes")),
    "studies: behind a free filter": Page(_list(where="modality is CT and age_years < 10"), SLOW_MS),
    "patient": Page(lambda session, there: patient_history(session, WHO, there.patient)),
    "quality, ninety days": Page(_quality(90)),
    "quality, a year": Page(_quality(365), SLOW_MS),
    "quality: samples": Page(lambda session, _there: samples.overview(session, WHO, YEAR.last)),
    "quality: not patients": Page(_list(patients="not_patients")),
    "rejected": Page(lambda session, _there: rejected_objects(session, WHO)),
    "corrections": Page(lambda session, _there: corrections(session, WHO)),
    "system": Page(lambda session, _there: system_state(session, WHO)),
}


def what_is_there(session: Session) -> There:
    """The busiest procedure and device of CT, and the person with most studies."""
    most = func.count().desc()
    of_ct = select(StudyFact.procedure_id, StudyFact.device_id).where(
        StudyFact.modality == "CT", StudyFact.procedure_id.is_not(None), StudyFact.month == 202610, StudyFact.counts
    )
    row: Any = session.execute(of_ct.group_by(StudyFact.procedure_id, StudyFact.device_id).order_by(most)).first()
    procedure, device = row or (1, 1)
    people = select(StudyFact.patient_id).group_by(StudyFact.patient_id).order_by(most)
    patient = session.scalar(people.limit(1)) or 1
    study = session.scalar(select(func.max(StudyFact.study_id)).where(StudyFact.patient_id == patient)) or 1
    return There(procedure, device, patient, study, dict(_make_alerts(session)))


def _make_alerts(session: Session) -> Iterator[tuple[str, int]]:
    for modality in ALERTED:
        newest = select(StudyFact).where(StudyFact.modality == modality, StudyFact.counts, StudyFact.month == 202610)
        for fact in session.scalars(newest.order_by(StudyFact.study_id.desc()).limit(1)):
            said = {"rule_key": "bench", "kind": "level", "severity": "act", "code": "above-level", "details": {}}
            same = {name: getattr(fact, name) for name in ("study_id", "patient_id", "site_id", "device_id", "day")}
            row = Alert(subject=f"study:{fact.study_id}", raised_at=NOW, changed_at=NOW, **said, **same)
            session.add(row)
            session.flush()
            yield modality, row.id


@contextmanager
def levels_in_use(engine: Engine) -> Iterator[Session]:
    """A session in which every published level that can be compared with is in use; taken back in the end."""
    with session_factory(engine)() as session:
        load_levels(session)
        session.execute(update(ReferenceSet).values(active=True))
        session.execute(update(ReferenceLevel).where(ReferenceLevel.procedure_id.is_not(None)).values(active=True))
        session.flush()
        try:
            yield session
        finally:
            session.rollback()


def measure(session: Session, there: There, page: Page, times: int) -> tuple[list[float], list[float], int]:
    """Milliseconds by the clock and of this process' processor time, and the number of statements."""
    page.ask(session, there)
    sent: list[Any] = []
    engine = session.get_bind()

    def note(*given: Any) -> None:
        sent.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    clock, own = [], []
    for _ in range(times):
        start, busy = time.perf_counter(), time.process_time()
        page.ask(session, there)
        clock.append(1e3 * (time.perf_counter() - start))
        own.append(1e3 * (time.process_time() - busy))
        session.expunge_all()
    event.remove(engine, "before_cursor_execute", note)
    return clock, own, len(sent) // times


def report(engine: Engine, times: int, only: str) -> list[str]:
    """Print the table; the pages that missed their goal."""
    missed = []
    with levels_in_use(engine) as session:
        begun = time.perf_counter()
        months = period(session)
        gc.collect()
        gc.freeze()  # as the web app does once it has loaded everything
        print(f"{engine.dialect.name}, {months}: first answer of a process after {time.perf_counter() - begun:.2f} s")
        there = what_is_there(session)
        print(f"{'page':<42}{'median ms':>11}{'p95 ms':>9}{'own ms':>9}{'statements':>12}")
        for name, page in PAGES.items():
            if only not in name:
                continue
            clock, own, sent = measure(session, there, page, times)
            p95 = float(np.percentile(clock, 95))
            print(f"{name:<42}{np.median(clock):>11.0f}{p95:>9.0f}{np.median(own):>9.0f}{sent:>12}", flush=True)
            missed += [f"{name}: {p95:.0f} ms, not {page.goal:.0f}"] if p95 > page.goal else []
    return missed


def main() -> int:
    """Fill a hospital or take the one that is given; `MISSED` when a goal is."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=1_000_000)
    options.add_argument("--hospital", help="URL of a hospital that exists; its keys are those of --var")
    options.add_argument("--var", type=Path, help="the folder of an installation that benchmarks.hospital filled")
    options.add_argument("--page", default="", help="only pages whose name holds this")
    options.add_argument("--short", action="store_true", help="few studies, few times")
    chosen = options.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    given = prepare(load_settings(var=chosen.var)).database if chosen.var else None
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.hospital or given or f"sqlite:///{Path(folder) / 'pages.sqlite3'}"
        engine = make_engine(url)
        if not (chosen.hospital or given):
            migrate.upgrade(url)
            build(engine, 20_000 if chosen.short else chosen.studies, say=lambda _line: None)
        print(f"load of the machine {os.getloadavg()[0]:.1f}")
        missed = report(engine, SHORT_TIMES if chosen.short else TIMES, chosen.page)
        engine.dispose()
    for goal in missed:
        print(f"missed: {goal}")
    return MISSED if missed else 0


if __name__ == "__main__":
    sys.exit(main())
