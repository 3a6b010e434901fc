"""What keeps the quality pages up to date without anybody looking at them: judging again, drawing samples."""

from __future__ import annotations

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, sessionmaker

from dose import audit
from dose.alerting import judging
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.log import logger
from dose.scope import system_scope
from dose.settings import Settings
from dose.store import patterns, samples

SCOPE = system_scope("quality")
LOOK_S = 300.0  # how often an idle worker asks whether anything is to be done

log = logger(__name__)


def today(settings: Settings) -> date:
    """The present day where the site is."""
    return datetime.now(ZoneInfo(settings.time_zone)).date()


class Chores:
    """The idle worker's work on quality, a small piece a call."""

    def __init__(self, settings: Settings, factory: sessionmaker[Session]) -> None:
        self._settings, self._factory = settings, factory
        self._look_at = 0.0

    def step(self) -> bool:
        """Do one piece; whether there may be more at once."""
        if time.monotonic() < self._look_at:
            return False
        with self._factory() as session:
            judged = patterns.progress(session).done
        if not judged:
            judge_some(self._factory)
            return True
        draw(self._factory, samples.last_finished(today(self._settings)), today(self._settings))
        self._look_at = time.monotonic() + LOOK_S
        return False


def judge_some(factory: sessionmaker[Session]) -> int:
    """Judge the next studies again with the patterns in force; how many, 0 when all are judged."""
    with judging(factory) as session:
        return patterns.rejudge(session)


def draw(factory: sessionmaker[Session], month: date, now: date) -> int:
    """Draw the samples of a month where none was drawn; how many studies were added."""
    with factory() as session:
        if not samples.undrawn(session, month):
            return 0
    with writing(factory) as session:
        count = samples.draw_month(session, month, now)
        audit.record(session, SCOPE, audit.Action.SAMPLE_DRAW, subject="sample", month=str(month), studies=count)
    log.info("samples drawn", extra={"month": f"{month:%Y-%m}", "studies": count})
    return count


def run_draw(settings: Settings, month: str | None) -> str:
    """Draw the samples of a month (YYYY-MM, else the last that is over); one sentence about it.

    Raises
    ------
    ConfigError
        When the month is none or not over.
    """
    now = today(settings)
    try:
        wanted = date.fromisoformat(f"{month}-01") if month else samples.last_finished(now)
    except ValueError:
        raise ConfigError(f"{month} is no month: write it as 2026-10") from None
    if wanted > samples.last_finished(now):
        raise ConfigError(f"{wanted:%Y-%m} is not over")
    count = draw(session_factory(make_engine(settings.database)), wanted, now)
    return f"{wanted:%Y-%m}: {count} studies drawn." if count else f"{wanted:%Y-%m}: nothing more to draw."


def run_judge(settings: Settings) -> str:
    """Judge all studies again with the patterns in force, going on where it was interrupted; one sentence about it."""
    factory = session_factory(make_engine(settings.database))
    count = sum(iter(lambda: judge_some(factory), 0))
    return f"{count} studies judged again." if count else "All studies are judged by the patterns in force."
