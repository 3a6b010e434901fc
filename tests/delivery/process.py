"""The real process on a database of its own, with peers that stand here and are asked what they took."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dacs.maintenance import upgrade_database
from dacs.site_files import prepare
from dose.database import make_engine, session_factory, writing
from dose.settings import Settings, load_settings
from dose.store import outbox
from dose.store.alert_recipients import Person, add_recipient
from dose.store.outbox import OUTBOX, Notice
from dose.tables import Alert
from tests.alert_store.world import PHYSICIST
from tests.delivery.world import SAID
from tests.notify.smtp_peers import Peer, mail_peer
from tests.notify.twilio_peer import ACCOUNT, PASSWORD, USER, TwilioPeer

ROOT = Path(__file__).resolve().parents[2]
AT_REST = ("sent", "delivered", "failed", "parked", "cancelled")


@dataclass
class Site:
    """A database with people to tell, a mail server and Twilio, and at most one process that sends."""

    settings: Settings
    mail: Peer
    port: int
    twilio: TwilioPeer
    factory: sessionmaker[Session]
    people: list[int] = field(default_factory=list)
    worker: subprocess.Popen[bytes] | None = None

    def add_people(self, count: int) -> None:
        """Recipients with an address and a number of their own."""
        with writing(self.factory) as session:
            for number in range(count):
                person = Person(f"Person {number}", f"p{number}@example.org", f"+2126{number:08d}")
                self.people.append(add_recipient(session, PHYSICIST, person))

    def queue(self, first: int, count: int, channels: Sequence[str], *, priority: int, to: int | None = None) -> None:
        """Alerts with a message a channel each, written as ingest writes them: together, in one transaction."""
        now, notices = datetime.now(UTC), []
        with writing(self.factory) as session:
            for number in range(first, first + count):
                row = Alert(subject=f"s{number}", rule_key="k", raised_at=now, changed_at=now, **SAID)
                session.add(row)
                session.flush()
                recipient = to or self.people[number % len(self.people)]
                said: dict[str, Any] = {"alert_id": row.id, "recipient_id": recipient, "priority": priority}
                notices += [Notice(f"n{number}:{one}", "alert", one, "en", "alert", **said) for one in channels]
            outbox.enqueue(session.connection(), notices, now)

    def start(self, **changed: str) -> None:
        """Start the process that sends, with other settings where they are named."""
        log = (self.settings.var / "notify.log").open("ab")
        command = [sys.executable, "-m", "tests.delivery.quick_worker"]
        self.worker = subprocess.Popen(
            command, cwd=ROOT, env=self._environment(changed), stdin=subprocess.DEVNULL, stderr=log
        )
        log.close()

    def ready(self) -> int:
        """How many processes have been ready to send until now."""
        return (self.settings.var / "notify.log").read_text().count("READY\n")

    def kill(self) -> None:
        """kill -9."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.worker is not None
        self.worker.terminate()
        return self.worker.wait(30)

    def counts(self) -> Counter[str]:
        """Rows by state."""
        with self.factory() as session:
            rows = session.execute(select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state))
            return Counter({row[0]: row[1] for row in rows})

    def rows(self) -> list[Any]:
        """The outbox, in the order in which it was written."""
        with self.factory() as session:
            return list(session.execute(select(OUTBOX).order_by(OUTBOX.c.id)))

    def is_at_rest(self) -> bool:
        """Whether nothing is under way any more."""
        return set(self.counts()) <= set(AT_REST)

    def taken(self) -> Counter[str]:
        """How often each reference reached a peer."""
        mails = [str(mail["Message-ID"]).strip("<>").partition("@")[0].upper() for mail in list(self.mail.taken)]
        texts = [message["body"].rpartition("Ref ")[2] for message in list(self.twilio.messages)]
        return Counter(mails + texts)

    def _environment(self, changed: Mapping[str, str]) -> dict[str, str]:
        said = {
            "VAR": self.settings.var, "DATABASE_URL": self.settings.database, "MAIL_HOST": "127.0.0.1",
            "MAIL_PORT": self.port, "MAIL_SECURITY": "none", "MAIL_FROM": "dacs@hospital.example",
            "MAIL_TIMEOUT_SECONDS": 1, "SMS_ACCOUNT": ACCOUNT, "SMS_KEY": USER, "SMS_KEY_SECRET": PASSWORD,
            "SMS_SENDER": "+15005550006", "SMS_API_URL": self.twilio.origin, "SMS_TIMEOUT_SECONDS": 1,
            "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        bare = {name: value for name, value in os.environ.items() if not name.startswith("DACS_")}
        return (
            bare
            | {f"DACS_{name}": str(value) for name, value in said.items()}
            | {f"DACS_{name.upper()}": value for name, value in changed.items()}
        )


@contextmanager
def site(folder: Path, people: int, database: Path | None = None, url: str = "") -> Iterator[Site]:
    """A site in a folder, its process not yet started; whatever was started is ended.

    `database`: a file to copy; `url`: an empty database, in place of one in the folder.
    """
    settings = prepare(load_settings(var=folder, database_url=url))
    if database is not None:
        shutil.copy(database, folder / "dacs.sqlite3")
    upgrade_database(settings)
    engine = make_engine(settings.database)
    with mail_peer() as (mail, port):
        one = Site(settings, mail, port, TwilioPeer(), session_factory(engine))
        try:
            one.add_people(people)
            yield one
        finally:
            one.kill()
            one.twilio.stop()
            engine.dispose()


def until(what: Callable[[], bool], seconds: float) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return what()
