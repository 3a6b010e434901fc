"""A reference level as it is written down, before it is a row: what it must state, and what keeps it from comparisons.

Refused is what would be a number without meaning: no unit, no group of patients, no level, no citation. Kept, but never
compared, is what a table states and nobody can tell of a patient here: a phantom, a size that is not said.

References: ICRP Publication 135 (2017), section 2.3 (what a DRL states).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date
from typing import Final

from dose.errors import UnknownUnit
from dose.levels.compare import DRL, OF_A_PHANTOM, TRIGGER, TYPICAL
from dose.levels.groups import EVERYBODY, Group
from dose.levels.population import is_everybody, parse_group
from dose.quantities import QUANTITIES, is_plausible, to_canonical
from dose.statistics.measures import BODY, HEAD, measure

MODALITIES = ("CT", "XA", "RF", "DX", "CR", "MG", "PX", "IO", "PT", "NM")
STATISTICS = (DRL, TYPICAL, TRIGGER)
SYMBOLS = {
    "CTDIvol": "ctdi_vol_mgy", "DLP": "dlp_mgy_cm", "SSDE": "ssde_mgy", "PKA": "pka_gy_cm2", "DAP": "pka_gy_cm2",
    "KAP": "pka_gy_cm2", "Ka,r": "ka_r_mgy", "Ka,i": "ka_i_mgy", "Ka,e": "ka_e_mgy", "AGD": "agd_mgy",
    "fluoroscopy time": "fluoro_time_s", "activity": "activity_mbq",
}  # fmt: skip
NAMES: Final = {column: name for name, column in reversed(SYMBOLS.items())}
PHANTOMS = {"16 cm": HEAD, "32 cm": BODY, "16": HEAD, "32": BODY, "": None}
LONGEST = {"procedure": 200, "population": 80, "printed": 60}
CERTAIN = ("two sources", "one source", "here")  # what need not be confirmed before it is compared with

# Why a row is refused
QUANTITY, UNIT, VALUE, LEVEL, PHANTOM = "quantity", "unit", "value", "level", "phantom"
POPULATION, CITATION, MODALITY, PROCEDURE, STATISTIC, DATES = (
    "population", "citation", "modality", "procedure", "statistic", "dates",
)  # fmt: skip
# Why a row is kept and not compared
NO_PHANTOM, NO_GROUP, NO_PROCEDURE = "no-phantom", "no-group", "no-procedure"


class LevelRefused(ValueError):
    """`code`: what is missing or cannot be (see this module), or what happened meanwhile (`dose.store.levels`)."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Draft:
    """One level, checked. `value` in the unit of `column`; `group` None: patients cannot be told to belong to it."""

    modality: str
    procedure_text: str
    column: str
    level: str
    phantom: int | None
    value: float
    printed: str
    statistic: str
    population: str
    group: Group | None
    citation: str
    verified: str = "here"
    note: str | None = None
    procedure_code: tuple[str, str] = ("", "")  # RadLex Playbook, LOINC
    sample_count: int | None = None
    room_count: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def obstacle(self) -> str | None:
        """Why it is never compared with, whoever confirms it; None when nothing stands against it."""
        return obstacle(self.column, self.phantom, self.population, self.group or EVERYBODY)

    @property
    def certain(self) -> bool:
        """Whether it may be compared with before a person has read its source."""
        return self.obstacle is None and self.verified in CERTAIN

    def key(self, set_key: str, number: int = 0) -> str:
        """The same for every version of the row: what it is for, and a number where a table says that twice."""
        parts = (set_key, self.modality, self.procedure_text, self.population, self.column, self.level, self.phantom,
                 self.statistic, number)  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def obstacle(column: str, phantom: int | None, population: str, group: Group) -> str | None:
    """Why a row is never compared with; the same for a draft and for what is stored."""
    if column in OF_A_PHANTOM and phantom is None:
        return NO_PHANTOM
    return NO_GROUP if group == EVERYBODY and not is_everybody(population) else None


def quantity_of(text: str) -> tuple[str, str]:
    """Column and unit of a text as *CTDIvol mGy* or *fluoroscopy time min*.

    Raises
    ------
    LevelRefused
        `quantity` or `unit`.
    """
    plain = " ".join(text.split())
    symbol = max((one for one in SYMBOLS if plain.startswith(one)), key=len, default=None)
    if symbol is None:
        raise LevelRefused(QUANTITY, plain[:40])
    unit = plain[len(symbol) :].strip()
    if not unit or unit not in QUANTITIES[SYMBOLS[symbol]].factors:
        raise LevelRefused(UNIT, unit[:16])
    return SYMBOLS[symbol], unit


def checked(
    *,
    modality: str,
    procedure: str,
    quantity: str,
    level: str,
    phantom: str,
    value: str,
    statistic: str,
    population: str,
    citation: str,
    ends: str | None = None,
    strict: bool = True,
    **more: object,
) -> Draft:
    """The level that these texts state.

    Parameters
    ----------
    value : str
        Digits with a decimal point or comma, in the unit that `quantity` names.
    strict : bool
        Refuse what could never be compared with; without it such a row is kept, as published tables are.
    ends : str or None
        See `dose.levels.population.parse_group`.

    Raises
    ------
    LevelRefused
        With the code of what is missing or cannot be.
    """
    column, unit = quantity_of(quantity)
    number = _number(column, value, unit)
    said = {PROCEDURE: procedure.strip(), POPULATION: population.strip(), CITATION: citation.strip()}
    for what, text in said.items():
        if not text or len(text) > LONGEST.get(what, 2000):
            raise LevelRefused(what, text[:40])
    _among(MODALITY, modality, MODALITIES)
    _among(STATISTIC, statistic, STATISTICS)
    _among(PHANTOM, phantom, tuple(PHANTOMS))
    _compared(column, level, PHANTOMS[phantom], modality)
    group = parse_group(population, ends)
    if strict and group is None:
        raise LevelRefused(POPULATION, population[:40])
    draft = Draft(modality, said[PROCEDURE], column, level, PHANTOMS[phantom], number, f"{value.strip()} {unit}"[:60],
                  statistic, said[POPULATION], group, said[CITATION], **more)  # type: ignore[arg-type] # fmt: skip
    if strict and draft.obstacle:
        raise LevelRefused(PHANTOM)
    if draft.valid_from and draft.valid_to and draft.valid_to < draft.valid_from:
        raise LevelRefused(DATES)
    return draft


def _number(column: str, text: str, unit: str) -> float:
    try:
        value = to_canonical(column, float(text.strip().replace(",", ".")), unit)
    except UnknownUnit:
        raise LevelRefused(UNIT, unit[:16]) from None
    except ValueError:
        raise LevelRefused(VALUE, text[:16]) from None
    if not (math.isfinite(value) and value > 0 and is_plausible(column, value)):
        raise LevelRefused(VALUE, text[:16])
    return value


def _among(what: str, said: str, known: tuple[str, ...]) -> None:
    if said not in known:
        raise LevelRefused(what, said[:20])


def _compared(column: str, level: str, phantom: int | None, modality: str) -> None:
    """Refuse what statistics do not have: they would never compare anything with it."""
    phantoms = (phantom,) if phantom else (None, HEAD) if column in OF_A_PHANTOM else (None,)
    if phantom and column not in OF_A_PHANTOM:
        raise LevelRefused(PHANTOM)
    found = [one for one in (measure(column, level, each) for each in phantoms) if one]
    if not found:
        raise LevelRefused(LEVEL, level[:12])
    if not any(modality in one.modalities for one in found):
        raise LevelRefused(MODALITY, modality)
