"""The numbers of the made-up hospitals, as columns: who came when, what was irradiated, what statistics take of it.

The facts are calculated here a second time, on columns, beside `dose.statistics.counting`: `dacs db check` on a small
hospital proves both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from benchmarks.hospital_kinds import Kind
from dose.quantities import QUANTITIES
from dose.statistics.bands import AGE_EDGES_YEARS, UNKNOWN, WEIGHT_EDGES_KG
from dose.statistics.counting import FOREIGN_SHARE
from dose.statistics.measures import EVENT, OF_PHANTOM, STUDY, measure

FROM = date(2021, 11, 1)
MEASURED = ("ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy",
            "activity_mbq", "exposure_index")  # fmt: skip
BESIDE = ("scanning_length_mm", "compressed_thickness_mm", "kvp_kv", "exposure_mas")
EVENT_COLUMNS = (*MEASURED, *BESIDE)
NONE = -1  # no phantom
Columns = dict[str, np.ndarray]


@dataclass(slots=True)
class Studies:
    """Studies and their events as columns; NaN is absent, a phantom of -1 is none."""

    id: np.ndarray
    kind: np.ndarray
    day: np.ndarray
    second: np.ndarray
    patient: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    height: np.ndarray
    counts: np.ndarray
    band: np.ndarray
    local_day: np.ndarray
    month: np.ndarray
    listed_at: np.ndarray
    of_study: np.ndarray
    role: np.ndarray
    position: np.ndarray
    laterality: list[str | None]
    diagnostic: np.ndarray
    event_phantom: np.ndarray
    event_values: Columns
    event_facts: Columns
    event_left_out: np.ndarray
    events_of: np.ndarray
    study_phantom: np.ndarray
    totals: dict[str, Any]
    facts: dict[str, Any]

    @property
    def plausible_weight(self) -> np.ndarray:
        """As statistics take it."""
        return np.where(_fine("weight_kg", self.weight), self.weight, np.nan)

    @property
    def event_count(self) -> int:
        """How many events there are."""
        return len(self.of_study)

    @property
    def phantom_word(self) -> list[str | None]:
        """As a device says it."""
        return [{16: "head_16", 32: "body_32"}.get(one) for one in self.event_phantom.tolist()]

    @property
    def phantom_cm(self) -> list[int | None]:
        """Of each event."""
        return [None if one == NONE else one for one in self.event_phantom.tolist()]


def make_studies(
    chance: np.random.Generator, kinds: list[Kind], day: np.ndarray, first_id: int, patients: int, factor: float
) -> Studies:
    """Studies of these days, numbered from `first_id`."""
    n = len(day)
    share = np.array([kind.share for kind in kinds])
    kind = chance.choice(len(kinds), n, p=share / share.sum())
    age, weight, height = _people(chance, n)
    second = np.clip(chance.normal(12 * 3600, 3 * 3600, n), 0, 86399).astype(np.int64)
    dates = np.array([int(f"{FROM + timedelta(days=d):%Y%m%d}") for d in range(int(day.max()) + 1)])[day]
    clock = second // 3600 * 10000 + second // 60 % 60 * 100 + second % 60
    of_study, role, starts = _events(chance, kinds, kind, factor)
    modality = np.array([one.modality for one in kinds])[kind][of_study]
    types = np.array([(*one.labels.types, "", "")[:3] for one in kinds])[kind[of_study], role]
    values, phantom = _doses(chance, kinds, kind[of_study], modality, types, weight[of_study], day[of_study])
    diagnostic = ~np.isin(types, ["constant_angle", "stationary"])
    facts, left_out = _event_facts(values, diagnostic, phantom)
    position = np.arange(len(of_study)) - starts[of_study]
    sides = np.where(modality == "MG", np.where(position % 4 < 2, "left", "right"), "")
    scanned = np.isin(types, ["spiral"])
    totals, study_facts, study_phantom = _totals(
        values, of_study, n, diagnostic, phantom, scanned, sides, modality, chance
    )
    return Studies(
        np.arange(first_id, first_id + n), kind, day, second, chance.integers(1, patients + 1, n), age, weight, height,
        chance.random(n) > 0.01, _bands(age, weight), dates, dates // 100, dates * 1_000_000 + clock, of_study, role,
        position, [side or None for side in sides.tolist()], diagnostic, phantom, values, facts, left_out,
        np.bincount(of_study, minlength=n), study_phantom, totals, study_facts,
    )  # fmt: skip


def _people(chance: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decimal ages of children, whole ones of adults; sizes of about half, three of a thousand absurd."""
    age = np.where(chance.random(n) < 0.08, np.round(chance.uniform(0, 18, n), 2), np.round(chance.normal(58, 17, n)))
    age = np.clip(age, 0, 104)
    grown = np.clip(age / 18, 0.02, 1)
    weight = np.round(np.clip(3.4 + 72 * grown + chance.normal(0, 13, n) * grown, 1.5, 190), 1)
    height = np.round(np.clip(0.5 + 1.2 * grown**0.6 + chance.normal(0, 0.08, n), 0.4, 2.1), 2)
    weight[chance.random(n) < 0.003] = 700.0
    missing = chance.random(n) < 0.45
    weight[missing], height[missing] = np.nan, np.nan
    age[chance.random(n) < 0.01] = np.nan
    return age, weight, height


def _bands(age: np.ndarray, weight: np.ndarray) -> np.ndarray:
    ages = np.where(np.isnan(age), UNKNOWN, np.searchsorted(AGE_EDGES_YEARS, age, side="right"))
    heavy = np.isnan(weight) | (weight > QUANTITIES["weight_kg"].high)
    return 10 * ages + np.where(heavy, UNKNOWN, np.searchsorted(WEIGHT_EDGES_KG, weight, side="right"))


def _events(
    chance: np.random.Generator, kinds: list[Kind], kind: np.ndarray, factor: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which study each event belongs to, its role there, and where each study's events begin."""
    n = len(kind)
    modality = np.array([one.modality for one in kinds])[kind]
    tracked = np.array([one.tracked for one in kinds])[kind]
    more = 1 + (chance.random(n) < 0.45) + (chance.random(n) < 0.15)
    many = np.maximum(1, np.round(more * factor)).astype(int)
    pulses = chance.poisson(5 * factor, (2, n)) + 1
    number = np.zeros((n, 3), int)
    for name, roles in {"CT": (1, tracked, many), "PT": (1, 1, 1), "DX": (many, 0, 0), "MG": (4, 0, 0),
                        "XA": (pulses[0], pulses[1], 0), "RF": (pulses[0] // 2 + 1, 1, 0)}.items():  # fmt: skip
        here = modality == name
        for role, wanted in enumerate(roles):
            number[here, role] = np.broadcast_to(wanted, n)[here]
    total = number.sum(axis=1)
    role = np.repeat(np.tile(np.arange(3), n), number.ravel())
    return np.repeat(np.arange(n), total), role, np.r_[0, np.cumsum(total)[:-1]]


def _doses(
    chance: np.random.Generator, kinds: list[Kind], kind: np.ndarray, modality: np.ndarray, types: np.ndarray,
    weight: np.ndarray, day: np.ndarray,
) -> tuple[Columns, np.ndarray]:  # fmt: skip
    """What devices state of each event, and the phantom."""
    n = len(kind)
    values = {name: np.full(n, np.nan) for name in EVENT_COLUMNS}
    device = np.array([one.device_id for one in kinds])[kind]
    level = np.array([one.level for one in kinds])[kind] * _drift(device, day)
    size = np.where(np.isnan(weight) | (weight > 200), 1.0, (np.nan_to_num(weight, nan=72.0) / 72.0) ** 0.8)
    dose = level * size * chance.lognormal(0, 0.3, n)
    unlucky = chance.random(n)
    dose = np.where(
        unlucky < 0.003, dose * 6, np.where(unlucky > 0.998, 0.0, np.where(unlucky > 0.9979, dose * 1e6, dose))
    )
    head = np.array([one.head for one in kinds])[kind]
    scan, scout, track = types == "spiral", types == "constant_angle", types == "stationary"
    ct = scan | scout | track
    length = np.where(
        scan, np.round(np.where(head, 170, 380) * chance.normal(1, 0.12, n)), np.where(scout, 520.0, 10.0)
    )
    ctdi = np.where(scan, dose * np.where(head, 48.0, 9.0), np.where(scout, 0.1, 2.4))
    _set(values, "ctdi_vol_mgy", ct, np.round(ctdi, 2))
    _set(values, "scanning_length_mm", ct, np.abs(length))
    _set(values, "dlp_mgy_cm", ct, np.round(np.round(ctdi, 2) * np.abs(length) / 10, 2))
    ray = np.isin(modality, ["DX", "XA", "RF"])
    base = np.select([modality == "DX", types == "fluoroscopy"], [0.25, 2.5], 4.0)
    _set(values, "pka_gy_cm2", ray, np.round(dose * base, 4))
    _set(values, "exposure_index", modality == "DX", np.round(300 * chance.lognormal(0, 0.35, n)))
    _set(values, "ka_r_mgy", np.isin(modality, ["XA", "RF"]), np.round(dose * base * 9, 3))
    _set(values, "agd_mgy", modality == "MG", np.round(dose * 1.3, 3))
    _set(values, "compressed_thickness_mm", modality == "MG", np.round(chance.normal(55, 12, n)))
    _set(values, "activity_mbq", types == "administration", np.round(dose * 240, 1))
    _set(
        values,
        "kvp_kv",
        types != "administration",
        np.select([modality == "MG", modality == "DX"], [28.0, 80.0], 110.0),
    )
    _set(values, "exposure_mas", types != "administration", np.round(40 * chance.lognormal(0, 0.6, n), 1))
    swapped = chance.random(n) < 0.002
    phantom = np.where(ct, np.where(head ^ swapped, 16, 32), NONE)
    return values, np.where(device % 11 == 0, NONE, phantom)


def _drift(device: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Doses change slowly with a device, and at once where a protocol was changed."""
    slow = 1 + 0.04 * np.sin(device) * day / 365
    return np.where((device % 13 == 5) & (day > 1200), 0.72 * slow, slow)


def _set(values: Columns, name: str, where: np.ndarray, what: np.ndarray) -> None:
    values[name][where] = np.broadcast_to(what, len(where))[where]


def _fine(name: str, values: np.ndarray) -> np.ndarray:
    row = QUANTITIES[name]
    return (values >= row.low) & (values <= row.high)


def _event_facts(values: Columns, diagnostic: np.ndarray, phantom: np.ndarray) -> tuple[Columns, np.ndarray]:
    facts: Columns = {}
    left_out = np.zeros(len(diagnostic), np.int64)
    for name in MEASURED:
        taken = _fine(name, values[name]) & (values[name] > 0)
        facts[name] = np.where(taken, values[name], np.nan)
        left_out |= _bits(name, EVENT, phantom, ~np.isnan(values[name]) & ~taken & diagnostic)
    for name in BESIDE:
        taken = _fine(name, values[name]) & ~((values[name] == 0) & QUANTITIES[name].zero_unknown)
        facts[name] = np.where(taken, values[name], np.nan)
    return facts, left_out


def _bits(name: str, level: str, phantom: np.ndarray, where: np.ndarray) -> np.ndarray:
    bits = np.zeros(len(where), np.int64)
    for one in (16, 32, 0, NONE) if name in OF_PHANTOM else (NONE,):
        found = measure(name, level, None if one == NONE else one)
        here = where & (phantom == one) if name in OF_PHANTOM else where
        if found is not None:
            bits[here] |= 1 << found.number
    return bits


def _totals(
    values: Columns, of: np.ndarray, n: int, diagnostic: np.ndarray, phantom: np.ndarray, scanned: np.ndarray,
    sides: np.ndarray, modality: np.ndarray, chance: np.random.Generator,
) -> tuple[dict[str, Any], dict[str, Any], np.ndarray]:  # fmt: skip
    """The totals of `study`, the doses of `study_fact`, and the phantom of each study."""
    add = lambda name, where=slice(None): np.bincount(of[where], np.nan_to_num(values[name][where]), n)  # noqa: E731
    has = lambda name: np.bincount(of, ~np.isnan(values[name]), n) > 0  # noqa: E731
    sums = {name: np.where(has(name), np.round(add(name), 6), np.nan)
            for name in ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "activity_mbq")}  # fmt: skip
    breast = np.where(
        has("agd_mgy"),
        np.round(np.maximum(add("agd_mgy", sides == "left"), add("agd_mgy", sides == "right")), 6),
        np.nan,
    )
    rays = np.bincount(of, np.isin(modality, ["XA", "RF"]), n) > 0
    time = np.where(rays, np.round(chance.lognormal(5.5, 0.8, n)), np.nan)
    totals = {
        "dlp_sum_mgy_cm": sums["dlp_mgy_cm"], "pka_sum_gy_cm2": sums["pka_gy_cm2"], "ka_r_sum_mgy": sums["ka_r_mgy"],
        "agd_sum_mgy": sums["agd_mgy"], "agd_max_breast_mgy": breast, "activity_sum_mbq": sums["activity_mbq"],
        "ctdi_vol_max_mgy": _largest(values["ctdi_vol_mgy"], of, n), "fluoro_time_s": time,
    }  # fmt: skip
    of_study = _phantoms(values, of, n, diagnostic, phantom)
    given = sums | {"agd_mgy": breast, "fluoro_time_s": time}
    facts: dict[str, Any] = {"left_out": np.zeros(n, np.int64)}
    for name, value in given.items():
        bad = ~np.isnan(values[name]) & ~_fine(name, values[name]) if name in values else np.zeros(len(of), bool)
        spoilt = np.bincount(of, bad, n) > 0
        _take(facts, name, value, spoilt, of_study)
    scans = np.where(diagnostic, values["ctdi_vol_mgy"], np.nan)
    spoilt = np.bincount(of, ~np.isnan(scans) & ~_fine("ctdi_vol_mgy", scans), n) > 0
    largest = np.where(of_study == 0, np.nan, _largest(scans, of, n))
    _take(facts, "ctdi_vol_mgy", largest, spoilt & (of_study != 0), of_study)
    phases = np.bincount(of, scanned, n)
    facts["phase_count"] = [count or None for count in phases.astype(int).tolist()]
    facts["scan_length_mm"] = np.where(phases > 0, add("scanning_length_mm", scanned), np.nan)
    facts["phantom"] = [None if one == NONE else one for one in of_study.tolist()]
    return totals, facts, of_study


def _take(facts: dict[str, Any], name: str, value: np.ndarray, spoilt: np.ndarray, phantom: np.ndarray) -> None:
    taken = (value > 0) & _fine(name, value) & ~spoilt
    facts[name] = np.where(taken, value, np.nan)
    facts["left_out"] |= _bits(name, STUDY, phantom, ~np.isnan(value) & ~taken)


def _largest(values: np.ndarray, of: np.ndarray, n: int) -> np.ndarray:
    found = np.full(n, -np.inf)
    np.maximum.at(found, of, np.nan_to_num(values, nan=-np.inf))
    return np.where(np.isinf(found), np.nan, found)


def _phantoms(values: Columns, of: np.ndarray, n: int, diagnostic: np.ndarray, phantom: np.ndarray) -> np.ndarray:
    """As `dose.statistics.counting.phantom_of`."""
    dlp, ctdi = np.nan_to_num(values["dlp_mgy_cm"]), np.nan_to_num(values["ctdi_vol_mgy"])
    dose = np.where(dlp != 0, dlp, ctdi)
    of_16, of_32 = ((phantom == size) & (dose != 0) for size in (16, 32))
    d16, d32 = np.bincount(of, dose * of_16, n), np.bincount(of, dose * of_32, n)
    s16, s32 = (np.bincount(of, here & diagnostic, n) > 0 for here in (of_16, of_32))
    h16, h32 = (np.bincount(of, here, n) > 0 for here in (of_16, of_32))
    one = np.where(h16, 16, np.where(h32, 32, NONE))
    main = np.where(
        s16 & ~s32 & (d32 <= FOREIGN_SHARE * d16), 16, np.where(s32 & ~s16 & (d16 <= FOREIGN_SHARE * d32), 32, 0)
    )
    return np.where(h16 & h32, main, one)
