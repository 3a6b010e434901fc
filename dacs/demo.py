"""`dacs demo`: a small hospital that never existed, sent to a running Orthanc as modalities send, and removed again.

Everything it sends has the issuer of patient ID `DACS-DEMO`, and nothing else is ever removed. What it decides, levels
and names, is in `dacs.demo_decisions`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.uid import UID, ExplicitVRLittleEndian
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import Session, sessionmaker

from dacs import demo_decisions
from dacs.maintenance import upgrade_database
from dacs.synthetic.document import DOSE_SR
from dacs.synthetic.encode import IMPLEMENTATION_UID, to_bytes
from dacs.synthetic.hospital import ANCHOR, ID_PREFIX, ISSUER, SEED, STUDIES, DemoStudy, demo_studies
from dacs.synthetic.images import SOP_CLASSES
from dose import audit, ingest, store
from dose.database import make_engine, session_factory, writing
from dose.errors import DoseError
from dose.pacs import OrthancClient, Series
from dose.scope import system_scope
from dose.settings import Settings

if TYPE_CHECKING:
    from pynetdicom.association import Association

AET = "DACSDEMO"
MODALITY = "dacs-demo"  # the name under which Orthanc knows us while we send
ISSUER_TAG = 0x00100021
HEAD_BYTES = 4096  # holds the patient module
ANSWER_S = 10  # an answer that takes longer was lost: the object is sent again

__all__ = ["ANCHOR", "SEED", "DemoStudy", "demo_studies", "load_directly", "run_demo"]


class NotSent(DoseError):
    """Orthanc did not take the demonstration."""


@dataclass(slots=True)
class Tally:
    """What was sent: studies, instances, and SOP Instance UIDs that Orthanc refused."""

    studies: int = 0
    instances: int = 0
    refused: list[str] = field(default_factory=list)


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
    except DoseError as error:
        console.print(f"dacs demo: {error}")
        return 1
    finally:
        client.close()
    console.print(f"Sent {tally.studies} studies, {tally.instances} objects. They are read as they arrive.")
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
    system = client.system()
    _decide(settings)  # before the first study arrives: then each is named at once
    host = urlsplit(settings.orthanc_url).hostname or "127.0.0.1"
    address = (host, int(system["DicomPort"]), str(system["DicomAet"]))
    tally, task = Tally(), progress.add_task("Sending the demo hospital", total=count)
    client.admit(MODALITY, AET, _own_address(host))
    try:
        with _Sender(address) as sender:
            for study in demo_studies(anchor=anchor, count=count):
                _send(sender, study.objects(), tally)
                tally.studies += 1
                progress.advance(task)
    finally:
        client.dismiss(MODALITY)
    return tally


def _decide(settings: Settings) -> None:
    upgrade_database(settings)  # the vocabulary and the published levels must be there
    engine = make_engine(settings.database)
    try:
        with writing(session_factory(engine)) as session:
            demo_decisions.put(session)
    finally:
        engine.dispose()


def _own_address(host: str) -> str:
    """Return the address from which this machine reaches the host, as Orthanc will see it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])


def _send(sender: _Sender, objects: Iterable[Dataset], tally: Tally) -> None:
    for ds in objects:
        tally.instances += 1
        if not sender.store(ds):
            tally.refused.append(str(ds.SOPInstanceUID))


class _Sender:
    """One association, kept for all objects and opened again once when Orthanc drops it."""

    def __init__(self, address: tuple[str, int, str]) -> None:
        from pynetdicom import AE  # heavy, and only needed here

        self._address = address
        self._ae = AE(ae_title=AET)
        self._ae.dimse_timeout = ANSWER_S
        for sop_class in (DOSE_SR, *SOP_CLASSES.values()):
            self._ae.add_requested_context(sop_class, ExplicitVRLittleEndian)

    def __enter__(self) -> _Sender:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._association.release()

    def _open(self) -> None:
        host, port, called = self._address
        self._association = self._ae.associate(host, port, ae_title=called)
        if not self._association.is_established:
            raise NotSent(f"no DICOM association with {called} at {host}:{port}")
        connection = self._association.dul.socket
        if connection is not None and connection.socket is not None:
            # Nagle's algorithm and delayed acknowledgements together cost 40 ms an object.
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def store(self, ds: Dataset) -> bool:
        """Whether Orthanc acknowledged the object; asked once more when the answer was lost."""
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
        return any(_acknowledged(self._association_now().send_c_store(ds)) for _ in range(2))

    def _association_now(self) -> Association:
        if not self._association.is_established:
            self._open()
        return self._association


def _acknowledged(answer: Dataset) -> bool:
    # PS3.4 B.2.3: 0000 is success, Bxxx stored with a warning; an empty answer is a lost one.
    status = int(answer.get("Status", 0xFFFF))
    return status == 0 or status >> 12 == 0xB


def _removed(settings: Settings, client: OrthancClient) -> str:
    studies, instances = 0, []
    for series in _demo_studies_in(client):
        client.delete_study(series[0].study_id)
        studies += 1
        instances += [instance for one in series for instance in one.instances]
    engine = make_engine(settings.database)
    try:
        with writing(session_factory(engine)) as session:
            gone = store.remove_demo(session, instances)
            sets, rules = demo_decisions.take_back(session)
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
