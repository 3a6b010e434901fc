"""What alerts are made of: a rule, an examination as it was stated, and what crossed.

Doses are raw, as the equipment stated them: statistics leave implausible values out, alerts must not. None means not
stated; what is not a finite positive number counts as not stated, because makers write 0 where they mean unknown.
Nothing here holds a name or an identifier of a person.

References: Council Directive 2013/59/Euratom, article 63 (unintended exposures); ESR, EuroSafe Imaging (automatic
alerts); AAPM MPPG 12.a (2022), section 5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dose.levels.compare import Choice, Level
from dose.levels.groups import Patient
from dose.model import DoseCheck
from dose.quantities import QUANTITIES, is_plausible
from dose.statistics.measures import Measure
from dose.statistics.outliers import Size

INFO, WATCH, ACT = SEVERITIES = ("info", "watch", "act")
STUDY, EVENT, PATIENT, DEVICE = "study", "event", "patient", "device"  # what a subject begins with

# What must be said with a value: `Crossing.remarks`
IMPLAUSIBLE = "implausible"  # outside what is plausible in patient imaging: a wrong unit, or a very bad day
NO_PHANTOM = "phantom-not-stated"
PLANES_SUMMED = "planes-summed"  # an upper bound: planes do not irradiate the same skin
SUMMED = "upper-bound"  # of several procedures: they need not irradiate the same skin
REPORTED = "reported-total"  # the device's own total is above the sum of its events


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force. `terms` are its parameters, checked (`dose.alerts.kinds.rule`).

    `modality`, `site_id`, `device_id`, `procedure_id` bound where it applies; None: everywhere. `at_once` passes
    budgets, digests and quiet hours.
    """

    key: str
    kind: str
    severity: str
    terms: Any
    name: str = ""
    citation: str = ""
    at_once: bool = False
    modality: str | None = None
    site_id: int | None = None
    device_id: int | None = None
    procedure_id: int | None = None
    id: int | None = None

    def applies(self, examination: Examination) -> bool:
        """Whether the examination is of the modality, place and procedure of the rule."""
        one = examination
        bounds = (
            (self.modality, one.modality), (self.site_id, one.site_id), (self.device_id, one.device_id),
            (self.procedure_id, one.procedure_id),
        )  # fmt: skip
        return all(bound in (None, value) for bound, value in bounds)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One irradiation event that counts, as stated.

    `key` names it however often its report is read again (event key and plane), `id` is its row; `phantom_cm` is 16 or
    32, None where none is stated; `diagnostic` is False for localizers and bolus tracking;
    `region` the target region in the words of its code; `top_z_mm` and `bottom_z_mm` the ends of the scanned range.
    """

    id: int
    event_type: str | None = None
    protocol: str | None = None
    region: str | None = None
    plane: str | None = None
    phantom_cm: int | None = None
    diagnostic: bool = True
    ctdi_vol_mgy: float | None = None
    dlp_mgy_cm: float | None = None
    ssde_mgy: float | None = None
    pka_gy_cm2: float | None = None
    ka_r_mgy: float | None = None
    ka_i_mgy: float | None = None
    ka_e_mgy: float | None = None
    agd_mgy: float | None = None
    activity_mbq: float | None = None
    exposure_index: float | None = None
    fluoro_time_s: float | None = None
    scanning_length_mm: float | None = None
    compressed_thickness_mm: float | None = None
    top_z_mm: float | None = None
    bottom_z_mm: float | None = None
    kvp_kv: float | None = None
    exposure_mas: float | None = None
    dose_checks: tuple[DoseCheck, ...] = ()
    key: str | None = None

    @property
    def subject(self) -> str:
        """What an alert of this acquisition is about."""
        return f"{EVENT}:{self.key or self.id}"


@dataclass(frozen=True, slots=True)
class Total:
    """What a device reported for one plane (A, B, single; None: not said) of the whole examination."""

    plane: str | None = None
    pka_gy_cm2: float | None = None
    ka_r_mgy: float | None = None
    fluoro_time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """A study with its counted acquisitions, in any order. `uid` names it, `id` is its row.

    `region` and `procedure` are those of the standard procedure it is mapped to, None where it is not. The study's own
    totals are as statistics know them, but with implausible values in. `at` is when it began, local.
    """

    id: int
    modality: str | None
    at: datetime
    acquisitions: tuple[Acquisition, ...] = ()
    reported: tuple[Total, ...] = ()
    patient_id: int | None = None
    site_id: int | None = None
    device_id: int | None = None
    procedure_id: int | None = None
    procedure: str | None = None
    procedure_modality: str | None = None
    region: str | None = None
    description: str | None = None
    software: tuple[str, ...] = ()
    patient: Patient = field(default_factory=Patient)
    phantom_cm: int | None = None  # of the study: 16, 32; 0 both; None not stated
    ctdi_vol_mgy: float | None = None
    dlp_mgy_cm: float | None = None
    pka_gy_cm2: float | None = None
    ka_r_mgy: float | None = None
    fluoro_time_s: float | None = None
    agd_mgy: float | None = None
    activity_mbq: float | None = None
    uid: str | None = None

    @property
    def subject(self) -> str:
        """What an alert of the whole examination is about."""
        return f"{STUDY}:{self.uid or self.id}"

    @property
    def scans(self) -> tuple[Acquisition, ...]:
        """The diagnostic acquisitions, in the order of their numbers."""
        return tuple(sorted((one for one in self.acquisitions if one.diagnostic), key=lambda one: one.id))


@dataclass(frozen=True, slots=True)
class Crossing:
    """Something to be looked at: one rule and one subject, at most once.

    `value` and `threshold` are in the unit of `column` (a column of `dose.quantities`; None: no quantity). `code` says
    what happened, `remarks` what must be said with it; `held_back` the doubts because of which a comparison is not to
    be trusted yet, empty where it is. `details` are numbers and codes, ready for JSON, without any personal text.
    """

    rule_key: str
    kind: str
    severity: str
    subject: str
    code: str
    column: str | None = None
    value: float | None = None
    threshold: float | None = None
    remarks: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    at_once: bool = False
    held_back: tuple[str, ...] = ()
    ladder: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What a rule could say nothing about, and why: few | no-level | no-size | phantom-not-stated …"""

    rule_key: str
    subject: str
    code: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """What rules found in one examination."""

    crossings: tuple[Crossing, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Crossing | Unjudged | None]) -> Findings:
        """Both kinds apart, by subject, so that the order of what was read says nothing."""
        both = [one for one in found if one is not None]
        crossings = sorted((one for one in both if isinstance(one, Crossing)), key=_order)
        unjudged = sorted((one for one in both if isinstance(one, Unjudged)), key=_order)
        return cls(tuple(crossings), tuple(unjudged))


def _order(one: Crossing | Unjudged) -> tuple[str, str, str]:
    return one.rule_key, one.subject, one.code


# ---- what an examination is compared with; the caller fetches it ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Like:
    """Doses of other examinations that are like this one, itself not among them.

    `size` is theirs; None where that of the patient is not known: then there are none.
    """

    values: Sequence[float]
    size: Size | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier examination of the same patient, any site's. `ka_r_mgy` by plane, None where nothing is stated."""

    id: int
    at: datetime
    modality: str | None = None
    procedure_id: int | None = None
    region: str | None = None
    ka_r_by_plane_mgy: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usual:
    """How a protocol was used on a device before: tube voltages (kV) of its last acquisitions, the latest first."""

    kvp_kv: Sequence[float] = ()


class Comparators(Protocol):
    """What rules compare with. Each answer is about other examinations; the asking one is never among them."""

    def level(self, examination: Examination, measure: Measure, thickness_mm: float | None) -> Choice:
        """The reference level that applies to a value, or why none does; of a breast so thick (None: not known)."""

    def recent(self, examination: Examination, measure: Measure, level: Level, count: int) -> Sequence[float]:
        """At most so many values of the procedure on this device before this examination, the latest first.

        Of patients that the level is for. Of a measure of events one value an examination: the largest of its
        diagnostic acquisitions, where the level is for breasts of some thickness the largest of these.
        """

    def like(self, examination: Examination, measure: Measure) -> Like:
        """Values of the same protocol, device, phantom and size band."""

    def earlier(self, examination: Examination, days: int) -> Sequence[Earlier]:
        """Examinations of this patient that began in the days before this one."""

    def usual(self, examination: Examination, acquisition: Acquisition) -> Usual:
        """How the protocol of an acquisition was used on this device before."""

    def software_before(self, examination: Examination) -> tuple[str, ...]:
        """Software versions of the device at its examination before this one; empty where not known."""


# ---- numbers -------------------------------------------------------------------------------------------------------


# Beyond any wrong unit of anything here: so bounded, no sum, mean or ratio leaves what a number can hold
SMALLEST, LARGEST = 1e-12, 1e15


def stated(value: float | None) -> float | None:
    """A value that says something: finite and above zero; else None. Nothing is taken for larger than 1e15."""
    if value is None or not math.isfinite(value) or value < SMALLEST:
        return None
    return min(value, LARGEST)


def all_stated(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """What is stated of many values, as `stated` says it of one."""
    given = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore"):
        return np.minimum(given[np.isfinite(given) & (given >= SMALLEST)], LARGEST)


def total(values: Iterable[float | None]) -> float | None:
    """The exactly rounded sum of what is stated, the same in any order; None where nothing is."""
    found = [value for one in values if (value := stated(one)) is not None]
    return stated(math.fsum(found)) if found else None


def moved(at: datetime, by: timedelta) -> datetime:
    """A moment so much later (earlier, where negative), as far as a calendar goes: clocks stand at any year."""
    try:
        return at + by
    except OverflowError:
        return datetime.max if by > timedelta() else datetime.min  # noqa: DTZ901 - local, as sent


def remarks_of(column: str, value: float, *more: str) -> tuple[str, ...]:
    """What must be said with a value."""
    doubt = () if column not in QUANTITIES or is_plausible(column, value) else (IMPLAUSIBLE,)
    return (*doubt, *more)


def crossing(rule: Rule, subject: str, code: str, **said: Any) -> Crossing:  # noqa: ANN401 - fields of Crossing
    """A crossing of a rule."""
    return Crossing(rule.key, rule.kind, rule.severity, subject, code, at_once=rule.at_once, **said)


def hold_back(one: Crossing, doubts: tuple[str, ...]) -> Crossing:
    """The same crossing, marked with the doubts because of which it waits."""
    return replace(one, held_back=doubts)
