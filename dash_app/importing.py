"""Imports that run while people look elsewhere: one thread each, stopped with the process and gone on with later."""

from __future__ import annotations

from datetime import date
from threading import Lock, Thread

from sqlalchemy.orm import Session, sessionmaker

from dose.legacy import batches
from dose.log import logger

LOG = logger(__name__)
_lock = Lock()
_running: dict[int, tuple[int, int]] = {}  # batch -> studies done, studies in all


def start(sessions: sessionmaker[Session], batch_id: int, today: date) -> None:
    """Run an import that was started, unless it runs already."""
    with _lock:
        if batch_id in _running:
            return
        _running[batch_id] = (0, 0)
    Thread(target=_run, args=(sessions, batch_id, today), name=f"import-{batch_id}", daemon=True).start()


def progress(batch_id: int) -> tuple[int, int] | None:
    """Studies done and studies in all of an import that runs here, else None."""
    return _running.get(batch_id)


def _run(sessions: sessionmaker[Session], batch_id: int, today: date) -> None:
    def note(done: int, total: int) -> None:
        _running[batch_id] = (done, total)

    try:
        batches.run(sessions, batch_id, today, note)
    except Exception as error:  # whatever stopped it, what was written stays, and the page offers to go on
        LOG.error("an import stopped", exc_info=error, extra={"batch": batch_id})
    finally:
        with _lock:
            _running.pop(batch_id, None)
