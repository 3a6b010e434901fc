"""Whether, when and about what a site writes to its patients: one row a site, none until somebody saved one.

A row is changed in place; who changes a version that is not the present one is refused and told who was faster.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.crypto import normalise
from dose.errors import DoseError
from dose.notify.quiet import Hours, opens_at, patient_at
from dose.scope import Permission, Scope
from dose.store.outbox_address import EMAIL, SMS
from dose.tables import NoticeSetting, Site

MINUTES_A_DAY = 24 * 60
LONGEST_DELAY = 60 * MINUTES_A_DAY
MAJORITY = range(12, 26)  # years; the law of a country says which
MOST_LINES, LONGEST_LINE, LONGEST_CONTACT = 200, 80, 160
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class NoticeRefused(DoseError):
    """What was asked for about notices to patients cannot be done.

    `code` says why: contact | phone | email | language | kind | how | delay | hours | days | closed | zone | majority |
    channel | country | lines | template | gone | changed. `by` is who changed it meanwhile, or the field's own reason.
    """

    def __init__(self, code: str, by: str = "") -> None:
        super().__init__(code)
        self.code, self.by = code, by


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site says of its notices. Minutes are of the wall clock in `time_zone`; days: Monday 0; closed: ISO dates.

    `sensitive_words` are beginnings of words of an examination (its description, protocols and procedure, as sent and
    as rules name it); `sensitive_departments` of the department of its device. `contact` is whom patients may ask.
    """

    active: bool = False
    delay_minutes: int = MINUTES_A_DAY
    opens: int = 8 * 60
    closes: int = 18 * 60
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    closed: tuple[str, ...] = ()
    time_zone: str = "UTC"
    majority_years: int = 18
    state_doses: bool = False
    first_channel: str = SMS
    country: str | None = None
    contact: str = ""
    sensitive_words: tuple[str, ...] = ()
    sensitive_departments: tuple[str, ...] = ()

    def hours(self) -> Hours:
        """The hours in which notices leave."""
        start, end = (time(minutes // 60, minutes % 60) for minutes in (self.opens, self.closes))
        closed = frozenset(date.fromisoformat(day) for day in self.closed)
        return Hours(start, end, ZoneInfo(self.time_zone), frozenset(self.days), closed)

    def due_at(self, stored_at: datetime) -> datetime:
        """When the notice of a study that was stored at `stored_at` (aware) is due (UTC)."""
        return patient_at(stored_at, timedelta(minutes=self.delay_minutes), self.hours())

    def leaves_at(self, now: datetime) -> datetime:
        """`now` when notices may leave, else when they next may (UTC)."""
        return opens_at(now, self.hours())


@dataclass(frozen=True, slots=True)
class SavedSettings:
    """Settings with the site's row and name, the version (0: nobody has saved any) and who changed them last, when."""

    site_id: int
    site: str
    settings: Settings
    version: int = 0
    changed_at: datetime | None = None
    changed_by: str = ""


def settings_of(session: Session, site_id: int) -> SavedSettings | None:
    """What a site says; the defaults, switched off, until somebody saved any. None: no such site."""
    site = session.get(Site, site_id)
    if site is None:
        return None
    row = session.get(NoticeSetting, site_id, populate_existing=True)
    return SavedSettings(site_id, site.name, Settings()) if row is None else _saved(row, site.name)


_SETTING: Table = NoticeSetting.__table__  # type: ignore[assignment]
_ANY = select(_SETTING.c.site_id).where(_SETTING.c.active).limit(1)


def active_settings(session: Session) -> dict[int, SavedSettings]:
    """What the sites say that have switched notices on, by site: one statement over a handful of rows."""
    if session.connection().execute(_ANY).first() is None:  # asked with every dose: most sites write to no patient
        return {}
    wanted = select(NoticeSetting, Site.name).join(Site, Site.id == NoticeSetting.site_id)
    rows = session.execute(wanted.where(NoticeSetting.active)).all()
    return {row.site_id: _saved(row, name) for row, name in rows}


def save_settings(session: Session, who: Scope, site_id: int, version: int, wanted: Settings) -> int:
    """Save what a site says; the new version.

    Raises
    ------
    NoticeRefused
        With what is wrong, or `changed` (and by whom) when `version` is not the present one.
    NotPermitted
        Without the permission, or at another site.
    """
    who.require(Permission.TELL_PATIENTS)
    who.require_site(site_id)
    if session.scalar(select(Site.id).where(Site.id == site_id).with_for_update()) is None:
        raise NoticeRefused("gone")
    row = session.get(NoticeSetting, site_id, populate_existing=True)
    if version != (row.version if row else 0):
        raise NoticeRefused("changed", row.changed_by if row else "")
    said = asdict(checked(wanted)) | {"version": version + 1}
    said |= {"changed_at": datetime.now(UTC), "changed_by": who.user_name[:255]}
    if row is None:
        session.add(NoticeSetting(site_id=site_id, **_as_json(said)))
    else:
        for name, value in _as_json(said).items():
            setattr(row, name, value)
    session.flush()
    about: dict[str, Any] = {"what": "settings", "active": wanted.active, "state_doses": wanted.state_doses}
    record(session, who, Action.PATIENT_NOTICE, subject="site", subject_id=site_id, **about)
    return version + 1


def checked(wanted: Settings) -> Settings:
    """The settings in one form.

    Raises
    ------
    NoticeRefused
        With the first thing that is wrong.
    """
    said = Settings(
        **asdict(wanted)
        | {
            "days": tuple(sorted(set(wanted.days))),
            "closed": tuple(sorted({_day(day) for day in wanted.closed})),
            "country": (wanted.country or "").strip().upper() or None,
            "contact": wanted.contact.strip(),
            "sensitive_words": _lines(wanted.sensitive_words),
            "sensitive_departments": _lines(wanted.sensitive_departments),
        }
    )
    for code, fits in _demands(said).items():
        if not fits:
            raise NoticeRefused(code)
    try:
        said.leaves_at(datetime.now(UTC))
    except ValueError:
        raise NoticeRefused("days") from None  # a calendar without an open day
    return said


def _demands(said: Settings) -> Mapping[str, bool]:
    return {
        "delay": 0 <= said.delay_minutes <= LONGEST_DELAY,
        "hours": all(0 <= one < MINUTES_A_DAY for one in (said.opens, said.closes)) and said.opens < said.closes,
        "days": bool(said.days) and set(said.days) <= set(range(7)),
        "zone": _is_zone(said.time_zone),
        "majority": said.majority_years in MAJORITY,
        "channel": said.first_channel in (SMS, EMAIL),
        "country": said.country is None or said.country in SUPPORTED_REGIONS,
        "contact": _is_contact(said),
    }


def _is_contact(said: Settings) -> bool:
    """Somebody to ask is needed before anybody is written to."""
    fits = len(said.contact) <= LONGEST_CONTACT and not _CONTROL.search(said.contact)
    return fits and (bool(said.contact) or not said.active)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise NoticeRefused("closed") from None


def _lines(lines: Collection[str]) -> tuple[str, ...]:
    """Each once; a line of fewer than two letters would match too much."""
    said = tuple(dict.fromkeys(" ".join(line.split()) for line in lines if line.strip()))
    if len(said) > MOST_LINES or any(len(normalise(line)) < 2 or len(line) > LONGEST_LINE for line in said):
        raise NoticeRefused("lines")
    return said


def _as_json(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


_FIELDS = tuple(Settings.__dataclass_fields__)


def _saved(row: NoticeSetting, site: str) -> SavedSettings:
    said = {name: getattr(row, name) for name in _FIELDS}
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return SavedSettings(row.site_id, site, Settings(**said), row.version, row.changed_at, row.changed_by)
