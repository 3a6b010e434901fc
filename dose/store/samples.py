"""Quality control of transferred data: each month a random sample of each device, beside what its console shows.

The draw is a keyed hash of device, month and study: nobody can foresee or choose it, drawing again gives the same, and
a larger sample holds the smaller one. What was signed changes only after it was opened again, which stays on record.

References: ESR EuroSafe Imaging recommendations on dose management systems (quality control of transferred data).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.orm import Session

from dose import tables
from dose.crypto import keys
from dose.quantities import display_unit
from dose.store.claims import STUDY
from dose.store.statements import insert_unless_there
from dose.tables import Device, QcPlan, QcSample

# Total of a study -> the quantity that says its symbol, unit and form.
SAMPLED: Mapping[str, str] = {
    "ctdi_vol_max_mgy": "ctdi_vol_mgy",
    "dlp_sum_mgy_cm": "dlp_mgy_cm",
    "pka_sum_gy_cm2": "pka_gy_cm2",
    "ka_r_sum_mgy": "ka_r_mgy",
    "agd_sum_mgy": "agd_mgy",
    "fluoro_time_s": "fluoro_time_s",
    "activity_sum_mbq": "activity_mbq",
}
# What is asked of the console when a study has no total at all: that is a finding too.
_MAIN = {"CT": "dlp_sum_mgy_cm", "MG": "agd_sum_mgy", "NM": "activity_sum_mbq", "PT": "activity_sum_mbq"}
SMALLEST, LARGEST = 1, 50
DEFAULT_SIZE, DEFAULT_TOLERANCE = 5, 0.05
_NUMBER = re.compile(r"\d+(?:[.,](\d+))?")
_MINUTES = re.compile(r"(\d{1,3}):([0-5]\d)")
_SPACES = re.compile(r"(?<=\d)[ \u00a0\u202f'](?=\d{3}(?!\d))")
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩٫", "0123456789,")


class SampleRefused(ValueError):
    """`code`: no-number | no-time | signed | gone | incomplete | unexplained | not-finished | bad-plan."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Plan:
    """Studies a device and month, and the relative deviation that is still agreement."""

    sample_size: int = DEFAULT_SIZE
    tolerance: float = DEFAULT_TOLERANCE


def plan(session: Session) -> Plan:
    """The plan in force."""
    row = session.scalars(select(QcPlan).order_by(QcPlan.id.desc()).limit(1)).first()
    return Plan(row.sample_size, row.tolerance) if row else Plan()


def set_plan(session: Session, who: str, sample_size: int, tolerance: float) -> None:
    """Put another plan in force; the former stays on record.

    Raises
    ------
    SampleRefused
        `bad-plan`: 1 to 50 studies, a tolerance of 0 to 1.
    """
    if not (SMALLEST <= sample_size <= LARGEST and 0 <= tolerance < 1):
        raise SampleRefused("bad-plan")
    row = {"sample_size": sample_size, "tolerance": tolerance, "changed_at": datetime.now(UTC), "changed_by": who[:255]}
    session.execute(insert(QcPlan), [row])


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def last_finished(today: date) -> date:
    """The first day of the last month that is over."""
    return month_of(month_of(today) - timedelta(days=1))


def draw(session: Session, device_id: int, month: date, today: date) -> int:
    """Draw a device's sample of a month that is over, or fill it up; how many studies were added.

    Raises
    ------
    SampleRefused
        `not-finished`: the month is not over.
    """
    if month > last_finished(today):
        raise SampleRefused("not-finished")
    device = session.get_one(Device, device_id)
    drawn = session.scalars(select(QcSample).where(QcSample.device_id == device_id, QcSample.month == month)).all()
    if any(row.signed_at for row in drawn):
        return 0
    connection = session.connection()
    known = {row.study_instance_uid for row in drawn}
    others = [study for study in _candidates(connection, device, month) if study.study_instance_uid not in known]
    chosen = others[: max(0, plan(session).sample_size - len(known))]
    rows = [row for study in chosen for row in _rows(study, device, month)]
    if rows:
        connection.execute(insert_unless_there(connection.dialect.name, QcSample.__tablename__), rows)
    return len(chosen)


def draw_month(session: Session, month: date, today: date) -> int:
    """Draw the samples of all devices that have none yet; how many studies were added."""
    return sum(draw(session, device_id, month, today) for device_id in undrawn(session, month))


def undrawn(session: Session, month: date) -> list[int]:
    """Devices with studies of patients in a month and no sample of it."""
    first = (month.year * 100 + month.month) * 100_000_000
    drawn = select(QcSample.device_id).where(QcSample.month == month)
    seen = select(STUDY.c.device_id).distinct().where(
        STUDY.c.is_patient, STUDY.c.covered_by_id.is_(None), STUDY.c.device_id.not_in(drawn),
        STUDY.c.listed_at.between(first, first + 99_999_999),
    )  # fmt: skip
    return sorted(session.connection().execute(seen).scalars())


def _candidates(connection: Connection, device: Device, month: date) -> list[Row[Any]]:
    first = (month.year * 100 + month.month) * 100_000_000
    statement = select(STUDY).where(
        STUDY.c.device_id == device.id, STUDY.c.is_patient, STUDY.c.covered_by_id.is_(None),
        STUDY.c.listed_at.between(first, first + 99_999_999),
    )  # fmt: skip
    frame = f"{device.device_key} {month:%Y-%m}"
    found = list(connection.execute(statement))
    return sorted(found, key=lambda row: keys().index(f"{frame} {row.study_instance_uid}", "qc_sample.draw"))


def _rows(study: Row[Any], device: Device, month: date) -> list[dict[str, Any]]:
    stated = [column for column in SAMPLED if getattr(study, column) is not None]
    columns = stated or [_MAIN.get(study.modality or "", "pka_sum_gy_cm2")]
    row = {"site_id": device.site_id, "device_id": device.id, "month": month, "drawn_at": datetime.now(UTC)}
    row |= {"study_instance_uid": study.study_instance_uid}
    return [row | {"column": column, "ours": getattr(study, column)} for column in columns]


def console_value(column: str, text: str, modality: str | None) -> float:
    """What was read off the console, in the canonical unit; decimal comma or point, min:s for a fluoroscopy time.

    Parameters
    ----------
    column
        A key of `SAMPLED`.
    text
        As typed, in the unit of `dose.quantities.display_unit` for the modality.

    Raises
    ------
    SampleRefused
        `no-number` or `no-time`.
    """
    typed = _SPACES.sub("", text.strip().translate(_DIGITS))
    if SAMPLED[column] == "fluoro_time_s":
        minutes = _MINUTES.fullmatch(typed)
        if minutes is None:
            raise SampleRefused("no-time")
        return float(int(minutes[1]) * 60 + int(minutes[2]))
    if len(typed) > 15 or not _NUMBER.fullmatch(typed):
        raise SampleRefused("no-number")
    return float(f"{float(typed.replace(',', '.')) / display_unit(SAMPLED[column], modality)[1]:.15g}")


def rounding(column: str, text: str | None, modality: str | None) -> float:
    """Half of the last digit that was typed, in the canonical unit: a console that shows less is not wrong."""
    typed = _NUMBER.fullmatch(_SPACES.sub("", (text or "").strip().translate(_DIGITS)))
    if typed is None:
        return 0.5 if SAMPLED[column] == "fluoro_time_s" else 0.0
    return float(0.5 * 10.0 ** -len(typed[1] or "") / display_unit(SAMPLED[column], modality)[1])


@dataclass(frozen=True, slots=True)
class Deviation:
    """Ours minus the console's: absolute in the canonical unit, relative to the console's (None: not calculable)."""

    absolute: float | None
    relative: float | None
    agrees: bool


def deviation(ours: float | None, console: float, half_step: float, tolerance: float) -> Deviation:
    """How far ours is from the console's, and whether that is within the tolerance or its rounding."""
    if ours is None:
        return Deviation(None, None, False)
    absolute = ours - console
    allowed = max(tolerance * abs(console), half_step) * (1 + 1e-9)
    return Deviation(absolute, absolute / console if console else None, abs(absolute) <= allowed)


def enter(session: Session, who: str, sample_id: int, text: str, comment: str) -> QcSample:
    """Write down what the console shows (empty: not readable there) and what is to be said about it.

    Raises
    ------
    SampleRefused
        `gone`, `signed`, `no-number` or `no-time`; nothing was written.
    """
    row = session.get(QcSample, sample_id, with_for_update=True)
    if row is None:
        raise SampleRefused("gone")
    if row.signed_at:
        raise SampleRefused("signed")
    typed = " ".join(text.split())
    modality = session.scalar(
        select(tables.Study.modality).where(tables.Study.study_instance_uid == row.study_instance_uid)
    )
    row.console = console_value(row.column, typed, modality) if typed else None
    row.console_text, row.comment = typed[:20] or None, comment.strip()[:1000] or None
    row.entered_at, row.entered_by = datetime.now(UTC), who[:255]
    return row


def sign(session: Session, who: str, device_id: int, month: date) -> int:
    """Sign a device's sample of a month: read-only from now on; how many values.

    Raises
    ------
    SampleRefused
        `gone`; `incomplete`: a value without console value and without comment; `unexplained`: a deviation without
        comment.
    """
    rows = _sheet(session, device_id, month)
    if not rows or all(row.signed_at for row in rows):
        raise SampleRefused("gone")
    if any(row.console is None and not row.comment for row in rows):
        raise SampleRefused("incomplete")
    tolerance = plan(session).tolerance
    modalities = _modalities(session, rows)
    for row in rows:
        if row.console is not None and not row.comment:
            step = rounding(row.column, row.console_text, modalities.get(row.study_instance_uid))
            if not deviation(row.ours, row.console, step, tolerance).agrees:
                raise SampleRefused("unexplained")
    for row in rows:
        row.signed_at, row.signed_by = datetime.now(UTC), who[:255]
    return len(rows)


def reopen(session: Session, who: str, device_id: int, month: date) -> int:
    """Open a signed sample for correction; what was signed stays in each value's history. How many values."""
    rows = [row for row in _sheet(session, device_id, month) if row.signed_at]
    for row in rows:
        before = {
            "console": row.console, "console_text": row.console_text, "comment": row.comment,
            "entered_by": row.entered_by, "signed_by": row.signed_by, "signed_at": _text(row.signed_at),
            "reopened_by": who, "reopened_at": _text(datetime.now(UTC)),
        }  # fmt: skip
        row.history = json.dumps([*json.loads(row.history or "[]"), before])
        row.signed_at = row.signed_by = None
    return len(rows)


def _text(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _sheet(session: Session, device_id: int, month: date) -> Sequence[QcSample]:
    where = (QcSample.device_id == device_id, QcSample.month == month)
    return session.scalars(select(QcSample).where(*where).order_by(QcSample.id).with_for_update()).all()


def _modalities(session: Session, rows: Sequence[QcSample]) -> dict[str, str | None]:
    study = tables.Study
    where = study.study_instance_uid.in_({row.study_instance_uid for row in rows})
    found = session.execute(select(study.study_instance_uid, study.modality).where(where))
    return {row.study_instance_uid: row.modality for row in found}
