"""The ingest worker: from Orthanc's change log into the dose database. See DESIGN: one event, fewest hops.

It is one thread that takes turns: follow the log, read arrivals, and only when there are none, some images of a
series that is complete, or of what Orthanc held before.
What goes wrong with an object is the object's fate; what goes wrong with the world stops everything but the wish to
go on, and nothing is acknowledged meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from dacs.counting import WHILE_BUSY_S, Counting
from dacs.quality import Chores
from dacs.site_files import complete
from dacs.worker_follow import CursorMoved, Follower, Restored
from dacs.worker_guard import Guard, InHand, limit_memory
from dacs.worker_peers import RefusedPeers
from dacs.worker_pipe import Lifeline
from dacs.worker_queue import BUNDLE, DOSE_FIRST, EVERY, INSTANCE, Priority, Queue, Wanted, put
from dacs.worker_reader import Reader, reason_of
from dacs.worker_series import NOT_IMAGES, gone
from dacs.worker_state import RUNNING, STOPPED, WAITING, Heartbeat
from dacs.worker_sweep import BACKFILL, RECONCILIATION, Sweep
from dose import crypto, ingest
from dose import log as logs
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.log import logger
from dose.pacs import OrthancClient
from dose.settings import Settings, load_settings
from dose.tables import Study

NODE = "orthanc"
BATCH = 50
NICE = 19  # intake comes first on a small machine; on an idle one this changes nothing
BURST_PAUSE_S = 0.1  # reports of one burst are read together: a turn for each would cost Orthanc more than the reading
# While reports stream in, intake comes first: we work a tenth of the time and catch up when the stream ends.
STREAM_S, GIVE_WAY, LONGEST_REST_S = 1.0, 9.0, 3.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 10.0
SWEEP_PAUSE_S = 0.05
SLICE_S = 0.05  # how long to read on in a series before looking for arrivals again; then the same time of rest
# SQLite's log is written back when nothing arrives: its disk flushes would meet those with which Orthanc acknowledges.
LONGEST_LOG_PAGES = 16_000
QUIET_S = 2.0
READY = "READY"  # what the plugin's supervisor waits for

log = logger(__name__)


class Worker:
    """One Orthanc, one database, one thread."""

    def __init__(
        self,
        settings: Settings,
        client: OrthancClient,
        factory: sessionmaker[Session],
        lifeline: Lifeline,
        lock: InHand,
    ) -> None:
        self._settings = settings
        self._client = client
        self._factory = factory
        self._lifeline = lifeline
        self._queue = Queue(factory, NODE)
        patient = bool(client.system().get("DatabaseBackendPlugin"))
        self._follower = Follower(client, factory, NODE, patient=patient, images=settings.read_images)
        self._reader = Reader(client, factory, settings, self._follower, self._queue, Guard(lock), NODE)
        self._sweep = Sweep(client, factory, NODE, images=settings.read_images)
        self._peers = RefusedPeers(settings.orthanc_log, factory, NODE)
        self._chores = Chores(settings, factory)
        self._counting = Counting(factory)
        self._older_at = 0.0
        self._tidy_at: float | None = None

    def turn(self) -> float:
        """Do what is most urgent; seconds to wait before the next turn."""
        if self._follower.cursor() is None:
            self._begin()
        try:
            more = self._follower.step()
        except Restored:
            log.warning("Orthanc's database was restored; comparing everything")
            self._begin()
            more = True
        except CursorMoved:
            more = True
        arrivals = self._queue.due(Priority.ARRIVAL, Priority.PERSON, BATCH)
        began = time.monotonic()
        self._reader.read(arrivals)
        if arrivals:
            self._tidy_at = time.monotonic() + QUIET_S
            self._counting.step(WHILE_BUSY_S)
        read_log = self._peers.step()
        if more or read_log or any(item.sort_key == DOSE_FIRST for item in arrivals):
            return 0.0
        if arrivals:
            return self._rest(time.monotonic() - began, 0.0)
        return min(self._settings.poll_seconds, self._older())

    def _rest(self, worked_s: float, otherwise_s: float) -> float:
        """Seconds to leave to Orthanc after reading images, which it may be busy to receive."""
        receiving = time.monotonic() - self._follower.heard_at < STREAM_S
        return min(GIVE_WAY * worked_s, LONGEST_REST_S) if receiving else otherwise_s

    def _begin(self) -> None:
        # The walk is written down before the cursor: a crash in between repeats the walk, it never skips it.
        last = self._client.last_change()
        self._sweep.begin(BACKFILL)
        self._follower.begin(last)

    def _older(self) -> float:
        """What may wait: a series as a whole, then what Orthanc held before; seconds until the next may be read."""
        if self._tidy_at and time.monotonic() > self._tidy_at:
            self._tidy_at = None
            write_back(self._factory)
        fresh = self._queue.due(Priority.ARRIVAL, Priority.PERSON, 1, (BUNDLE,))
        if fresh:
            began = time.monotonic()
            self._reader.read_bundle(fresh[0], BATCH, SLICE_S)
            worked = time.monotonic() - began
            return self._rest(worked, worked)
        if self._counting.step():
            return SWEEP_PAUSE_S
        pause = self._older_at - time.monotonic()
        if pause > 0:
            return pause
        if self._sweep.due(self._settings.reconcile_at, self._settings.time_zone):
            self._sweep.begin(RECONCILIATION)
        if self._sweep.step():
            self._older_at = time.monotonic() + SWEEP_PAUSE_S
            return SWEEP_PAUSE_S
        return self._before()

    def _before(self) -> float:
        """Some objects from before, at the pace that was set; seconds until the next may be read."""
        items = self._queue.due(Priority.RECONCILIATION, Priority.BACKFILL, 1, EVERY)
        if not items:
            return SWEEP_PAUSE_S if self._chores.step() else self._settings.poll_seconds
        rate, count = self._settings.backfill_per_second, 1
        if items[0].level == BUNDLE:
            count = self._reader.read_bundle(items[0], max(1, round(rate * SLICE_S)), SLICE_S)
        else:
            self._reader.read(items)
        self._older_at = time.monotonic() + count / rate
        return count / rate

    def obey(self, command: dict[str, object]) -> None:
        """Do what the plugin hands over: `gone` a series, `reextract` a study, `reconcile`."""
        if "gone" in command:
            gone(self._factory, [str(command["gone"])])
        if "reextract" in command:
            self._reextract(str(command["reextract"]))
        if "reconcile" in command:
            self._sweep.begin(RECONCILIATION)

    def _reextract(self, orthanc_study: str) -> None:
        """Read what was kept of a study again, and queue what Orthanc holds of it."""
        uid = self._client.study_uid(orthanc_study)
        with self._factory() as session:
            known = session.scalars(select(Study.id).where(Study.study_instance_uid == uid)).all()
        for done in ingest.reextract(self._factory, study_ids=list(known)):
            log.info("read again", extra={"study": done.study_id, "changes": len(done.changes)})
        series = self._client.study_series(orthanc_study)
        wanted = [Wanted(INSTANCE, i) for s in series if s.tags.get("Modality") == "SR" for i in s.instances]
        if self._settings.read_images:
            wanted += [Wanted(BUNDLE, s.orthanc_id) for s in series if s.tags.get("Modality") not in NOT_IMAGES]
        with writing(self._factory) as session:
            put(session, NODE, wanted, Priority.PERSON)

    def report(self) -> dict[str, object]:
        """What the system page shows."""
        waiting = self._queue.waiting()
        return {
            "read": self._reader.read_count,
            "arrivals_waiting": waiting.get(Priority.ARRIVAL, 0) + waiting.get(Priority.PERSON, 0),
            "older_waiting": waiting.get(Priority.RECONCILIATION, 0) + waiting.get(Priority.BACKFILL, 0),
            "sweep": self._sweep.progress(),
            "gaps": self._follower.gaps(),
            "uncounted": self._counting.waiting(),
        }


class Service:
    """Keeps a worker at work through whatever the world does, and says how it is."""

    def __init__(self, settings: Settings, lifeline: Lifeline, token: str, lock: InHand) -> None:
        url, user, password = settings.orthanc_url, settings.orthanc_user, settings.orthanc_password
        self._settings = settings
        self._client = OrthancClient(url, user=user, password=password, token=token)
        self._factory = session_factory(_small_engine(settings.database))
        self._lifeline = lifeline
        self._lock = lock
        self._heartbeat = Heartbeat(self._factory)
        self._worker: Worker | None = None
        self._trouble = Trouble()

    def run(self) -> None:
        """Work until the lifeline ends."""
        pause, woken_at = 0.0, float("-inf")
        while True:
            commands = self._lifeline.wait(pause)
            if self._lifeline.ended:
                break
            woken, began = self._lifeline.woken, time.monotonic()
            streaming = woken and began - woken_at < STREAM_S
            pause = self._turn(commands)
            worked = time.monotonic() - began
            if woken:  # one wake-up speaks for all reports of the next moments
                pause, woken_at = min(pause, BURST_PAUSE_S), time.monotonic()
            if streaming or not pause:
                self._lifeline.rest(rest_after(worked, streaming=streaming))
        with suppress(Exception):  # the last words are a courtesy: the database may be gone
            self._heartbeat.say(STOPPED, {})

    def _turn(self, commands: list[dict[str, object]]) -> float:
        try:
            worker = self._ready_worker()
            for command in commands:
                worker.obey(command)
            pause = worker.turn()
            self._speak(worker)
        except Exception as error:  # the loop owns every retry: it must outlive any failure
            return self._wait_out(error)
        return pause

    def _ready_worker(self) -> Worker:
        if self._worker is None:
            self._worker = Worker(self._settings, self._client, self._factory, self._lifeline, self._lock)
        return self._worker

    def _speak(self, worker: Worker) -> None:
        recovered = self._trouble.over()
        if recovered or self._heartbeat.due():
            self._heartbeat.say(RUNNING, worker.report() | self._trouble.detail)
        if recovered:
            log.warning("working again", extra=self._trouble.detail)

    def _wait_out(self, error: Exception) -> float:
        pause = self._trouble.grows(error)
        with suppress(Exception):  # when it is the database that is gone, the log has it
            if self._heartbeat.due() or self._trouble.is_new:
                self._heartbeat.say(WAITING, self._trouble.detail)
        return pause


def rest_after(worked_s: float, *, streaming: bool) -> float:
    """Seconds to leave to Orthanc after `worked_s` seconds of work."""
    burst = BURST_PAUSE_S - worked_s
    return max(burst, min(GIVE_WAY * worked_s, LONGEST_REST_S)) if streaming else burst


def _small_engine(url: str) -> Engine:
    """An engine for one thread; SQLite's page cache is for those who read much, and would only make us grow."""
    engine = make_engine(url, pool_size=1, max_overflow=2)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _for_a_worker)
    return engine


def _for_a_worker(connection: Any, _record: Any) -> None:  # noqa: ANN401 - DB-API objects
    for pragma in ("cache_size=-4000", f"wal_autocheckpoint={LONGEST_LOG_PAGES}"):
        connection.execute(f"PRAGMA {pragma}").close()


def write_back(factory: sessionmaker[Session]) -> None:
    """Bring SQLite's log into the database file, as far as readers allow; nothing for other engines."""
    with factory() as session:
        engine = session.get_bind()
    if isinstance(engine, Engine) and engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()


class Trouble:
    """Why the worker stands still, since when, and how long to wait."""

    def __init__(self) -> None:
        self._times = 0
        self.is_new = False
        self.detail: dict[str, object] = {}

    def grows(self, error: Exception) -> float:
        """Note a failure of the world; seconds to wait."""
        reason = reason_of(error)
        self.is_new = self._times == 0 or self.detail.get("trouble") != reason
        if self.is_new:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            self.detail = {"trouble": reason, "trouble_since": since, "trouble_until": None}
            log.error("standing still", extra={"reason": reason}, exc_info=error)
        self._times += 1
        return float(min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(self._times - 1, 10)))

    def over(self) -> bool:
        """Note a success; whether it ended a trouble."""
        if self._times == 0:
            return False
        self._times = 0
        self.detail = self.detail | {"trouble_until": datetime.now(UTC).isoformat(timespec="seconds")}
        return True


def run_worker(settings: Settings, stdin: BinaryIO | None = None, *, token: str = "") -> int:
    """Run until SIGTERM, SIGINT or the end of `stdin` (when that is a pipe).

    Parameters
    ----------
    settings
        Complete settings; the identifier keys are in use.
    token
        REST token that Orthanc gave; empty to use the user and password of the settings.

    Returns
    -------
    int
        The exit status, 0.

    Raises
    ------
    ConfigError
        When the keys are missing, or `var` cannot be written.
    """
    return _serve(settings, Lifeline(stdin.fileno() if stdin else None), token)


def _serve(settings: Settings, lifeline: Lifeline, token: str) -> int:
    lifeline.catch_signals()
    crypto.keys()
    try:
        lock = InHand(settings.var / "ingest.lock")
    except OSError as error:
        raise ConfigError(f"DACS_VAR {settings.var} cannot be written: {error.strerror}") from None
    os.nice(NICE)
    limit_memory()
    sys.stderr.write(READY + "\n")
    sys.stderr.flush()
    if not _alone(lock, lifeline):
        return 0
    Service(settings, lifeline, token, lock).run()
    return 0


def _alone(lock: InHand, lifeline: Lifeline) -> bool:
    """Wait until no other worker runs on this database folder; False when we were ended meanwhile."""
    if lock.lock():
        return True
    log.warning("another worker is at work here; waiting for its end")
    while not lifeline.ended:
        lifeline.wait(0.5)
        if lock.lock():
            return True
    return False


def main() -> int:
    """The worker as the plugin starts it: settings and token come over standard input."""
    lifeline = Lifeline(0)
    greeting = lifeline.greeting()
    os.environ.update(greeting.get("options", {}))
    logs.configure()
    try:
        settings = load_settings()
        logs.configure(settings.log_level, settings.log_format)
        return _serve(complete(settings), lifeline, str(greeting.get("token", "")))
    except ConfigError as error:
        log.error(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
