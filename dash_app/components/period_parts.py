"""What is wrong with a period, and the nearest one that makes sense, a click away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dash import dcc, html
from sqlalchemy.orm import Session

from dash_app.components.parts import empty
from dash_app.components.values import told
from dash_app.context import web
from dash_app.i18n import N_, _, isolated
from dose.queries.days import first_and_last_day
from dose.scope import Scope

BACKWARDS, FUTURE, BEFORE, AFTER = "backwards", "future", "before", "after"
TITLES = {
    BACKWARDS: N_("The period ends before it begins"),
    FUTURE: N_("This period lies in the future"),
    BEFORE: N_("This period lies before the first study"),
    AFTER: N_("This period lies after the last study"),
}
LONG = timedelta(days=89)  # of what is offered where an end is open


@dataclass(frozen=True, slots=True)
class Amiss:
    """What is wrong, one of `TITLES`; the period to offer instead; the day that says why.

    `ended`: the day on which a period ends that begins later, at `why`.
    """

    code: str
    first: date
    last: date
    why: date
    ended: date | None = None


def today() -> date:
    """The present day where the site is."""
    return datetime.now(ZoneInfo(web().settings.time_zone)).date()


def amiss(first: date | None, last: date | None, now: date, known: tuple[date, date] | None) -> Amiss | None:
    """What is wrong with a period (None: an open end) beside the days of the first and the last study.

    A period that is only empty has nothing wrong; neither has one that lies nowhere since there is no study.
    """
    to_come = first is not None and first > now and (last is None or last >= now)
    if first and last and last < first and not to_come:
        turned = amiss(last, first, now, known) or Amiss(BACKWARDS, last, first, first)
        return replace(turned, code=BACKWARDS, why=first, ended=last)
    if known is None:
        return None
    oldest, newest = known
    length = last - first if first and last and last >= first else LONG
    if first and first > newest:
        code, why = (FUTURE, now) if first > now else (AFTER, newest)
        return Amiss(code, max(oldest, newest - length), newest, why)
    return Amiss(BEFORE, oldest, min(newest, oldest + length), oldest) if last and last < oldest else None


def wrong_period(
    session: Session, who: Scope, first: date | None, last: date | None, href: Callable[[Amiss], str], *, nothing: bool
) -> html.Div | None:
    """What to say in place of a page whose period is wrong, or that has no study at all; None where neither is.

    `nothing`: no study is in the period.
    """
    backwards = first and last and last < first
    known = first_and_last_day(session, who) if nothing or backwards else None
    found = amiss(first, last, today(), known)
    if nothing and not (found or known):
        text = _("Send a study with a dose report (RDSR) to Orthanc; it is counted here some seconds later.")
        return empty(_("No doses yet"), html.P(text), "studies")
    return _said(found, href(found)) if found else None


def _said(found: Amiss, href: str) -> html.Div:
    why = isolated(found.why.isoformat())
    ended = isolated(found.ended.isoformat() if found.ended else "")
    texts = {
        BACKWARDS: lambda: _("It begins on %(first)s and ends on %(last)s: no day is in it.", first=why,
                             last=ended),
        FUTURE: lambda: _("Today is %(day)s; the last study is of %(last)s.", day=why,
                          last=isolated(found.last.isoformat())),
        BEFORE: lambda: _("The first study is of %(day)s.", day=why),
        AFTER: lambda: _("The last study is of %(day)s.", day=why),
    }  # fmt: skip
    offered = _("Show %(first)s to %(last)s", first=isolated(found.first.isoformat()),
                last=isolated(found.last.isoformat()))  # fmt: skip
    link = dcc.Link(told(offered), href=href, className="button primary")
    return empty(_(TITLES[found.code]), [html.P(told(texts[found.code]())), link], "today")
