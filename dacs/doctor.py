"""`dacs doctor`: look at everything a site depends on; say in plain words what is wrong and how to mend it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.request import urlopen

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from dacs.maintenance import check_database, sessions
from dacs.reextract import changed_rows
from dacs.run import PLUGINS
from dose.errors import ConfigError
from dose.extract.quirks import SITE
from dose.pacs import OrthancClient, PacsError
from dose.settings import Settings
from dose.tables import IngestItem, Patient, ProcessState, RefusedPeer, SourceObject

MIN_FREE_BYTES = 2_000_000_000
SILENT = timedelta(minutes=2)
MARKS = {"ok": "ok  ", "look": "look", "bad": "BAD "}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found; `mend` says what to do, None when nothing is to be done."""

    level: Literal["ok", "look", "bad"]
    text: str
    mend: str | None = None


Check = Callable[[Settings], Iterator[Finding]]


def run_doctor(settings: Settings) -> int:
    """Run every check and print its findings; 1 when something is bad."""
    findings = [finding for check in CHECKS for finding in check(settings)]
    for finding in findings:
        print(f"{MARKS[finding.level]}  {finding.text}")
        if finding.mend:
            print(f"      -> {finding.mend}")
    bad = sum(f.level == "bad" for f in findings)
    print(f"\n{len(findings)} checks, {bad} bad." if bad else f"\n{len(findings)} checks, nothing bad.")
    return 1 if bad else 0


def programs(settings: Settings) -> Iterator[Finding]:
    """Orthanc and its plugins are installed, and the plugin embeds the Python our packages were built for."""
    missing = [
        p for p in (settings.orthanc_program, *(settings.orthanc_plugins / n for n in PLUGINS)) if not p.exists()
    ]
    for path in missing:
        yield Finding("look", f"{path} is missing here.", "Run `make setup`, unless Orthanc runs on another machine.")
    if missing:
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    linked = _linked_python(settings)
    if linked == version:
        yield Finding("ok", f"Orthanc's Python plugin embeds Python {version}, as our environment has.")
    else:
        yield Finding("bad", f"Orthanc's plugin embeds Python {linked}, we run {version}.", "Run `make setup` again.")


def _linked_python(settings: Settings) -> str:
    ldd = shutil.which("ldd") or "/usr/bin/ldd"
    command = [ldd, str(settings.orthanc_plugins / PLUGINS[0])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ldd on our plugin
    _, _, rest = answer.stdout.partition("libpython")
    return rest.partition(".so")[0] or "unknown"


def disk(settings: Settings) -> Iterator[Finding]:
    """There is room for the database and Orthanc's storage."""
    free = shutil.disk_usage(settings.var if settings.var.exists() else ".").free
    level: Literal["ok", "bad"] = "ok" if free > MIN_FREE_BYTES else "bad"
    mend = None if level == "ok" else "Free some space; Orthanc refuses objects when the disk is full."
    yield Finding(level, f"{free / 1e9:.1f} GB free for {settings.var}.", mend)


def database(settings: Settings) -> Iterator[Finding]:
    """The database answers, has the present version, and its identifiers open with our key."""
    try:
        problems = check_database(settings)
        with sessions(settings)() as session:
            session.scalars(select(Patient.name).limit(1)).first()
    except SQLAlchemyError as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        yield Finding("bad", f"The database does not answer ({reason}).", "Is it started? Is DACS_DATABASE_URL right?")
        return
    except ConfigError as error:
        yield Finding("bad", f"{error}.", "Put back the key file that this database was made with (DACS_KEY_FILE).")
        return
    for problem in problems:
        yield Finding("bad", problem, "Run `dacs db upgrade`.")
    if not problems:
        yield Finding("ok", "The database is whole, has the present version and opens with our key.")


def orthanc(settings: Settings) -> Iterator[Finding]:
    """Orthanc answers, our plugin is in it, and its worker runs."""
    client = OrthancClient(
        settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password, timeout=5
    )
    try:
        system = client.system()
    except (PacsError, OSError) as error:
        hint = "Is it started? Are DACS_ORTHANC_URL, DACS_ORTHANC_USER and DACS_ORTHANC_PASSWORD right?"
        yield Finding("bad", f"Orthanc at {settings.orthanc_url} does not answer ({type(error).__name__}).", hint)
        return
    yield Finding("ok", f"Orthanc {system.get('Version')} answers at {settings.orthanc_url}.")
    try:
        status = client.get_json("/dacs/status")
    except (PacsError, OSError):
        yield Finding(
            "bad", "Our plugin is not loaded in Orthanc.", "See docs/existing-orthanc.md: two lines are missing."
        )
        return
    yield _worker_finding(status if isinstance(status, dict) else {})


def _worker_finding(status: dict[str, Any]) -> Finding:
    worker = status.get("worker", {})
    if worker.get("state") == "running":
        return Finding("ok", "The plugin is loaded and its worker runs.")
    if worker.get("state") == "off":
        return Finding("ok", "The plugin is loaded; the worker is started elsewhere (DACS_SUPERVISE).")
    detail = f"{worker.get('state')}, {worker.get('restarts', 0)} restarts, last words: {worker.get('last_words')}"
    return Finding(
        "bad", f"The worker does not run: {detail}.", "Mend what its last words name; it restarts by itself."
    )


def worker(settings: Settings) -> Iterator[Finding]:
    """The worker was heard of lately, and nothing piles up."""
    with suppress(SQLAlchemyError, ConfigError):
        yield from _worker_state(sessions(settings))
        return
    yield Finding("look", "The worker's state cannot be read while the database does not answer.")


def _worker_state(factory: sessionmaker[Session]) -> Iterator[Finding]:
    with factory() as session:
        heard = session.scalar(select(func.max(ProcessState.updated_at)).where(ProcessState.name.like("ingest%")))
        waiting = session.scalar(select(func.count()).select_from(IngestItem).where(IngestItem.state == "pending"))
        dead = session.scalar(select(func.count()).select_from(IngestItem).where(IngestItem.state == "dead"))
        rejected = session.scalar(
            select(func.count()).select_from(SourceObject).where(SourceObject.status == "rejected")
        )
        refused = session.scalars(select(RefusedPeer.aet).where(RefusedPeer.admitted_at.is_(None))).all()
    yield _heard(heard)
    yield Finding("ok", f"{waiting} objects wait to be read.")
    if dead:
        yield Finding(
            "bad", f"{dead} objects could not be fetched again and again.", "See the system page for the reason."
        )
    if rejected:
        yield Finding("look", f"{rejected} objects were rejected.", "See the page Rejected objects for each reason.")
    if refused:
        yield Finding("look", f"Orthanc turned away: {', '.join(refused)}.", "Admit the device on the system page.")


def _heard(heard: datetime | None) -> Finding:
    if heard is None:
        return Finding("look", "The worker has never reported.", "Start the system with `make run`.")
    silent = datetime.now(UTC) - heard
    if silent > SILENT:
        minutes = silent.total_seconds() / 60
        return Finding("bad", f"The worker has been silent for {minutes:.0f} minutes.", "Is the system running?")
    return Finding("ok", "The worker reported within the last two minutes.")


def web(settings: Settings) -> Iterator[Finding]:
    """The web app answers."""
    address = f"http://{settings.web_host}:{settings.web_port}/healthz"
    try:
        with urlopen(address, timeout=5):
            yield Finding("ok", f"The web app answers at {settings.public_url}.")
    except OSError:
        yield Finding("bad", f"The web app does not answer at {address}.", "Start the system with `make run`.")


def site(settings: Settings) -> Iterator[Finding]:
    """Settings that are allowed but rarely meant."""
    if settings.time_zone == "UTC":
        yield Finding("look", "The site's time zone is UTC.", "Set DACS_TIME_ZONE, for example Africa/Casablanca.")


def quirks(settings: Settings) -> Iterator[Finding]:
    """Which of the site's own quirks are in force, and whether objects must be read again for them."""
    for row in SITE.rows:
        whom = " ".join(glob for glob in (row.manufacturer, row.model, row.software) if glob != "*") or "any device"
        yield Finding("ok", f"Quirk {row.name} for {whom}, template {row.template}: {row.why}")
    with suppress(SQLAlchemyError, ConfigError):
        if settings.quirks_file and changed_rows(sessions(settings)):
            yield Finding("look", "The quirks changed since objects were read.", "Run `dacs reextract --changed`.")


CHECKS: tuple[Check, ...] = (programs, disk, database, orthanc, worker, web, site, quirks)
