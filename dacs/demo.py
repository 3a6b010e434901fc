"""`dacs demo`: a small hospital that never existed, put into a running Orthanc study by study, and removed again.

Everything it sends has the issuer of patient ID `DACS-DEMO`, and nothing else is ever removed. What it decides, levels
and names, is in `dacs.demo_decisions`; what its people do with alerts, once its doses are read, in `dacs.demo_alerts`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

from pydicom.filereader import read_partial
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dacs import demo_alerts, demo_decisions
from dacs.maintenance import upgrade_database
from dacs.synthetic.encode import to_bytes
from dacs.synthetic.hospital import ANCHOR, ID_PREFIX, ISSUER, SEED, STUDIES, DemoStudy, demo_studies
from dose import audit, ingest, store
from dose.alerting import judging
from dose.database import make_engine, session_factory, writing
from dose.errors import DoseError
from dose.pacs import OrthancClient, PacsError, PacsRefused, PacsUnreachable, Series
from dose.scope import system_scope
from dose.settings import Settings
from dose.tables import Study

AT_ONCE = 4  # studies on their way, as from several rooms: Orthanc answers while the next are made
ISSUER_TAG = 0x00100021
HEAD_BYTES = 4096  # holds the patient module
STILL_SECONDS = 6.0  # without another study: then all are read, or nobody reads

__all__ = ["ANCHOR", "AT_ONCE", "SEED", "DemoStudy", "Tally", "demo_studies", "load_directly", "run_demo", "sent"]


@dataclass(slots=True)
class Tally:
    """What was sent: studies, instances, and SOP Instance UIDs that Orthanc refused."""

    studies: int = 0
    instances: int = 0
    refused: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count what another counted too."""
        self.studies += other.studies
        self.instances += other.instances
        self.refused += other.refused


def run_demo(settings: Settings, *, remove: bool = False, anchor: datetime | None = None, count: int = STUDIES) -> int:
    """Send the hospital, or remove it; returns the exit status.

    `anchor` is the local time just after the newest study; now, when not given.
    """
    console = Console(stderr=True)
    client = OrthancClient(settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password)
    try:
        if remove:
            console.print(_removed(settings, client), soft_wrap=True)
            return 0
        with _progress(console) as progress:
            tally = _send_all(settings, client, progress, anchor or _now(), count)
            worked_on = _work_on_alerts(settings, progress)
    except DoseError as error:
        console.print(f"dacs demo: {error}")
        return 1
    finally:
        client.close()
    console.print(f"Sent {tally.studies} studies, {tally.instances} objects. They are read as they arrive.")
    console.print(f"People of the demonstration worked on {worked_on} alerts.")
    if tally.refused:
        console.print(
            f"Orthanc refused {len(tally.refused)} objects, the first was {tally.refused[0]}.", soft_wrap=True
        )
    return 1 if tally.refused else 0


def load_directly(
    factory: sessionmaker[Session], studies: Iterable[DemoStudy] | None = None, *, site: str = "Main site"
) -> int:
    """Ingest the reports without any Orthanc (for tests of what shows them); returns how many were accepted."""
    accepted = 0
    for study in demo_studies() if studies is None else studies:
        for report in study.reports():
            outcome = ingest.ingest(to_bytes(report), factory, origin=ingest.IMPORT, site=site)
            accepted += outcome.status in (ingest.OK, ingest.SUPERSEDED)
    return accepted


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - modalities write local time


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _send_all(settings: Settings, client: OrthancClient, progress: Progress, anchor: datetime, count: int) -> Tally:
    client.system()  # nobody there is said before anything is decided
    _decide(settings)  # before the first study arrives: then each is named at once
    tally, task = Tally(), progress.add_task("Sending the demo hospital", total=count)
    for of_study in sent(client, demo_studies(anchor=anchor, count=count)):
        tally.add(of_study)
        progress.advance(task)
    return tally


def _work_on_alerts(settings: Settings, progress: Progress) -> int:
    """Wait until the doses are read, then let people of the demonstration work on its alerts; how many."""
    engine = make_engine(settings.database)
    try:
        factory = session_factory(engine)
        _wait_for_doses(factory, progress)
        with writing(factory) as session:
            return demo_alerts.put(session)
    finally:
        engine.dispose()


def _wait_for_doses(factory: sessionmaker[Session], progress: Progress) -> None:
    task = progress.add_task("Waiting for its doses", total=None)
    there, since = -1, time.monotonic()
    while time.monotonic() - since < STILL_SECONDS:
        with factory() as session:
            now = session.scalar(select(func.count()).select_from(Study).where(Study.is_demo)) or 0
        if now != there:
            there, since = now, time.monotonic()
        progress.update(task, completed=now)
        time.sleep(0.5)


def sent(client: OrthancClient, studies: Iterable[DemoStudy]) -> Iterator[Tally]:
    """What became of each study, in order; some are on their way while the next are made."""
    with ThreadPoolExecutor(AT_ONCE) as senders:
        on_their_way: deque[Future[Tally]] = deque()
        for study in studies:
            if len(on_their_way) == AT_ONCE:
                yield on_their_way.popleft().result()
            objects = [(str(ds.SOPInstanceUID), to_bytes(ds)) for ds in study.objects()]
            on_their_way.append(senders.submit(_send, client, objects))
        yield from (one.result() for one in on_their_way)


def _decide(settings: Settings) -> None:
    upgrade_database(settings)  # the vocabulary and the published levels must be there
    engine = make_engine(settings.database)
    try:
        with writing(session_factory(engine)) as session:
            demo_decisions.put(session)
    finally:
        engine.dispose()


def _send(client: OrthancClient, objects: Iterable[tuple[str, bytes]]) -> Tally:
    """Send one study, its objects in their order."""
    tally = Tally(studies=1)
    with client:  # the connection of this thread
        for uid, content in objects:
            tally.instances += 1
            try:
                client.upload(content)
            except (PacsUnreachable, PacsRefused):
                raise
            except PacsError:
                tally.refused.append(uid)
    return tally


def _removed(settings: Settings, client: OrthancClient) -> str:
    studies, instances = 0, []
    for series in _demo_studies_in(client):
        client.delete_study(series[0].study_id)
        studies += 1
        instances += [instance for one in series for instance in one.instances]
    engine = make_engine(settings.database)
    try:
        with judging(session_factory(engine)) as session:  # real studies that it stood in for count again
            gone = store.remove_demo(session, instances)
            sets, rules = demo_decisions.take_back(session)
            demo_alerts.take_back(session)
            who = system_scope("command line")
            audit.record(session, who, audit.Action.REMOVE, subject="demo", studies=gone.studies)
    finally:
        engine.dispose()
    return (
        f"Removed {studies} demo studies from Orthanc; {gone.studies} studies, {gone.patients} patients and "
        f"{gone.devices} devices from the database; took back {sets} sets of levels and {rules} rules of names."
    )


def _demo_studies_in(client: OrthancClient) -> Iterator[list[Series]]:
    for study_id in client.find_studies(PatientID=f"{ID_PREFIX}*"):
        series = client.study_series(study_id)
        # A real patient's number may begin alike: only our own issuer may go.
        if series and series[0].instances and _issuer(client.head(series[0].instances[0], HEAD_BYTES)) == ISSUER:
            yield series


def _issuer(head: bytes) -> str:
    found = read_partial(BytesIO(head), stop_when=lambda tag, _vr, _length: tag > ISSUER_TAG)
    return str(found.get("IssuerOfPatientID", ""))
