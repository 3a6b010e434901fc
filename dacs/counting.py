"""Keeping the facts that statistics count up to date, from the worker, after commands, and by hand.

Statistics may wait, doses may not: whatever goes wrong here is told and tried again later, and never holds up ingest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session, sessionmaker

from dose import migrate
from dose.alerting import judge_renamed
from dose.database import make_engine, session_factory
from dose.log import logger
from dose.settings import Settings
from dose.store import facts, facts_check, naming_marks

AGAIN_S = 15.0  # after a failure: a database that was busy is not for long
WHILE_BUSY_S = 1.0  # while objects stream in: many studies together cost little more than one
SEVERAL = 1000  # studies to be counted of which a command says how far it is

T = TypeVar("T")

log = logger(__name__)


class Counting:
    """The worker's part: some studies a call."""

    def __init__(self, factory: sessionmaker[Session]) -> None:
        self._factory, self._not_before, self._last = factory, 0.0, 0.0

    def step(self, pause_s: float = 0.0) -> int:
        """Count up to a batch of studies that changed, `pause_s` after the last time at the earliest; how many."""
        now = time.monotonic()
        if now < max(self._not_before, self._last + pause_s):
            return 0
        self._last = now
        try:
            naming_marks.mark_waiting(self._factory)
            return facts.catch_up(self._factory, limit=facts.BATCH, renamed=judge_renamed)
        except Exception:  # a study that nobody thought of must not end the reading of doses
            log.exception("studies could not be counted")
            self._not_before = time.monotonic() + AGAIN_S
            return 0

    def waiting(self) -> int:
        """Studies that are not counted yet, up to a thousand."""
        with self._factory() as session:
            return facts.behind(session)


def count_all(settings: Settings, console: Console | None = None) -> int:
    """Count every study that changed, and say how far it is when they are many; how many they were."""
    engine = make_engine(settings.database)
    factory = session_factory(engine)
    try:
        naming_marks.mark_waiting(factory)
        with factory() as session:
            waiting = facts.waiting(session)
        if waiting < SEVERAL:
            return facts.catch_up(factory, renamed=judge_renamed)
        with _shown(console) as progress:
            task = progress.add_task("Statistics", total=waiting)
            done = 0
            while folded := facts.catch_up(factory, limit=SEVERAL, renamed=judge_renamed):
                done += folded
                progress.update(task, completed=done, total=max(done, waiting))
        return done
    finally:
        engine.dispose()


def check_statistics(settings: Settings) -> list[str]:
    """What differs between raw rows, facts and the roll-up, a sentence each."""
    return _aloud(settings, facts_check.check)


def repair_statistics(settings: Settings) -> str:
    """Make facts and roll-up anew; one sentence about it."""
    migrate.upgrade(settings.database)
    different = _aloud(settings, facts_check.repair)
    return f"Statistics are made anew; {different} cells of the roll-up were different."


def _aloud(settings: Settings, work: Callable[[sessionmaker[Session], facts_check.Progress], T]) -> T:
    engine = make_engine(settings.database)
    try:
        with _shown(None) as progress:
            tasks = {what: progress.add_task(f"Statistics: {what}", total=1.0) for what in ("facts", "cells")}
            return work(session_factory(engine), lambda what, share: progress.update(tasks[what], completed=share))
    finally:
        engine.dispose()


@contextmanager
def _shown(console: Console | None) -> Iterator[Progress]:
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress
