"""A group of hospitals, made up: five years of studies of 50 devices at 6 sites, 200 procedures under local names.

Raw rows, facts and cells are written together, in minutes for a million studies; the same seed gives the same hospital.
There are children, sizes (where anybody measured), drift, two devices whose protocols changed, outliers, zero and
absurd values, phantoms, and local names that nobody mapped. Nobody in it ever lived.

    python -m benchmarks.hospital --studies 20000 --var /tmp/hospital        # then: DACS_VAR=/tmp/hospital dacs run
    python -m benchmarks.hospital --studies 1000000 --database postgresql+psycopg://…
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from benchmarks.bulk import Bulk, without_indexes
from benchmarks.hospital_kinds import Kind, kinds_of
from benchmarks.hospital_values import EVENT_COLUMNS, Studies, make_studies
from dacs.site_files import prepare
from dose import crypto, migrate
from dose.database import make_engine, session_factory, writing
from dose.settings import load_settings
from dose.statistics.bands import MOST, WEIGHT, bands_of
from dose.statistics.bins import bins_of
from dose.statistics.cells import LEFT_OUT, PATIENTS
from dose.statistics.measures import BY_NUMBER, EVENT, STUDIES, STUDY, Measure, measures_of
from dose.store.naming import load_vocabulary
from dose.store.words import study_words
from dose.tables import Base

TABLE = Base.metadata.tables
PART = 100_000
FROM, DAYS = date(2021, 11, 1), 5 * 365 + 1
BIG = ("study", "study_word", "source_object", "irradiation_event", "study_fact", "event_fact", "dose_cell", "patient")
VERSION = 1  # of everything: older than whatever happens later


@dataclass(slots=True)
class Counts:
    """Entries of cells, as numbers: kind of cell (month, device, procedure) and entry, with how many."""

    keys: list[np.ndarray]
    numbers: list[np.ndarray]

    def add(self, cells: np.ndarray, entries: np.ndarray) -> None:
        """Count one of each."""
        keys, numbers = np.unique((cells.astype(np.int64) << 32) | entries.astype(np.int64), return_counts=True)
        self.keys.append(keys)
        self.numbers.append(numbers)

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Every key once, in order, with its number."""
        keys, place = np.unique(np.concatenate(self.keys), return_inverse=True)
        return keys, np.bincount(place, np.concatenate(self.numbers)).astype(np.uint32)


def build(
    engine: Engine,
    studies: int,
    seed: int = 7,
    events_factor: float = 1.0,
    say: Any = print,
    *,
    only_cells: bool = False,
    words: bool = False,
) -> None:
    """Fill an empty, migrated database.

    Parameters
    ----------
    studies
        How many; about three events each, times `events_factor`.
    seed
        Another one gives another hospital.
    only_cells
        The roll-up alone, without what it was made of.
    words
        Also the words by which the study list finds studies: many more rows.
    """
    chance = np.random.default_rng(seed)
    kinds = _write_frame(engine, chance)
    counts = Counts([], [])
    tables = [TABLE[name] for name in BIG]
    began = time.perf_counter()
    with without_indexes(engine, *tables):
        bulk = Bulk(engine)
        patients = max(1, int(studies / 2.5))
        if not only_cells:
            _write_patients(bulk, patients)
        days = np.sort(_days(chance, studies))
        event_id = 1
        for first in range(0, studies, PART):
            part = make_studies(chance, kinds, days[first : first + PART], first + 1, patients, events_factor)
            if not only_cells:
                _write_studies(bulk, part, kinds)
                _write_events(bulk, part, kinds, event_id)
            if words:
                _write_words(bulk, part, kinds)
            _count(counts, part, kinds)
            event_id += part.event_count
            say(f"{first + len(part.day):>10} studies, {event_id - 1:>10} events, {time.perf_counter() - began:6.0f} s")
        _write_cells(bulk, counts, kinds)
        detail = json.dumps({"study": studies, "cells": 1, "epoch": f"{seed}-{studies}-{time.time():.0f}"})
        names, values = ["facts", "study-version"], [VERSION, VERSION]
        bulk.write(TABLE["cursor"], {"name": names, "value": values, "detail": [detail, "{}"]}, 2)
        bulk.close(
            TABLE["patient"], TABLE["study"], TABLE["source_object"], TABLE["irradiation_event"], TABLE["dose_cell"]
        )
    say(f"ready after {time.perf_counter() - began:.0f} s")


def _write_frame(engine: Engine, chance: np.random.Generator) -> list[Kind]:
    """Sites, devices, procedures, rules and names: small tables, by the ordinary way."""
    with writing(session_factory(engine)) as session:
        if session.execute(text("SELECT count(*) FROM study")).scalar():
            raise SystemExit("the database holds studies already")
        load_vocabulary(session)
        return kinds_of(session, chance)


def _days(chance: np.random.Generator, studies: int) -> np.ndarray:
    """Days since `FROM`: more each year, few at weekends."""
    weight = np.linspace(0.8, 1.2, DAYS) * np.where((np.arange(DAYS) + FROM.weekday()) % 7 < 5, 1.0, 0.15)
    return chance.choice(DAYS, studies, p=weight / weight.sum())


def _write_patients(bulk: Bulk, count: int) -> None:
    ring = crypto.keys()
    numbers = range(1, count + 1)
    seal = lambda column, value: ring.seal(value.encode(), f"patient.{column}")  # noqa: E731 - of one column
    bulk.write(
        TABLE["patient"],
        {
            "id": list(numbers), "site_id": 1, "issuer": "HIS",
            "id_index": [ring.index(f"p{n}\0HIS", "patient.id_index") for n in numbers],
            "patient_id": list(map(partial(seal, "patient_id"), (f"P{n}" for n in numbers))),
            "name": list(map(partial(seal, "name"), (f"Nobody{n % 9973}^Made{n % 89}" for n in numbers))),
            "sex": ["MF"[n % 2] for n in numbers],
        },
        count,
    )  # fmt: skip


def _common(part: Studies, kinds: list[Kind]) -> dict[str, Any]:
    of = lambda name: [getattr(kinds[k], name) for k in part.kind.tolist()]  # noqa: E731 - of each study
    return {
        "site_id": of("site_id"), "device_id": of("device_id"), "modality": of("modality"),
        "patient_id": part.patient, "age_years": part.age, "weight_kg": part.weight,
    }  # fmt: skip


def _write_studies(bulk: Bulk, part: Studies, kinds: list[Kind]) -> None:
    count = len(part.day)
    common = _common(part, kinds)
    days = [FROM + timedelta(days=int(day)) for day in part.day]
    clocks = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in part.second.tolist()]
    of = lambda name: [getattr(kinds[k], name) for k in part.kind.tolist()]  # noqa: E731 - of each study
    totals = {name: part.totals[name] for name in part.totals}
    raw = {
        "id": part.id, "study_instance_uid": [f"1.2.826.0.1.3680043.9.9.{n}" for n in part.id.tolist()],
        "study_date": [day.isoformat() for day in days],
        "started_at": [f"{day}T{clock}" for day, clock in zip(days, clocks, strict=True)],
        "listed_at": part.listed_at, "description": of("description"), "protocols": of("protocols"),
        "height_m": part.height, "is_patient": part.counts, "event_count": part.events_of, "version": VERSION,
        "state": "ok", "notes": "[]", "ranks": "{}", "objects_say": "{}", **totals,
    }  # fmt: skip
    bulk.write(TABLE["study"], common | raw, count)
    source = {
        "id": part.id, "study_id": part.id, "object_key": [f"1.2.826.0.1.3680043.9.8.{n}" for n in part.id.tolist()],
        "kind": "rdsr", "status": "ok", "origin": "import", "event_count": part.events_of, "rank": "1",
        "patient_id": part.patient, "site_id": common["site_id"], "device_id": common["device_id"],
        "warnings": "[]", "quirks": "[]",
    }  # fmt: skip
    bulk.write(TABLE["source_object"], source, count)
    fact = {
        "study_id": part.id, "version": VERSION, "day": part.local_day, "month": part.month,
        "hour": part.second // 3600, "sex": ["MF"[n % 2] for n in part.patient.tolist()], "height_m": part.height,
        "weight_kg": part.plausible_weight,
        "band": part.band, "counts": part.counts, "outdated": False, "is_demo": False,
        **{name: of(name) for name in ("procedure_id", "rule_id", "naming", "local_name_id", "protocol_id")},
        "event_count": part.events_of, **part.facts,
    }  # fmt: skip
    bulk.write(TABLE["study_fact"], common | fact, count)


def _write_words(bulk: Bulk, part: Studies, kinds: list[Kind]) -> None:
    known = [sorted(study_words(kind.description, kind.protocols.splitlines())) for kind in kinds]
    of_study = [known[number] for number in part.kind.tolist()]
    ids = np.repeat(part.id, [len(words) for words in of_study])
    words = [word for each in of_study for word in each]
    bulk.write(TABLE["study_word"], {"study_id": ids, "word": words}, len(words))


def _write_events(bulk: Bulk, part: Studies, kinds: list[Kind], first_id: int) -> None:
    count, study = part.event_count, part.of_study
    common = _common(part, kinds)
    spread = lambda values: np.asarray(values, dtype=object)[study].tolist()  # noqa: E731 - of each event
    ids = np.arange(first_id, first_id + count)
    of_kind = part.kind[study]
    labels = [kinds[k].labels for k in of_kind.tolist()]
    roles = part.role.tolist()
    protocol = [label.protocols[role] for label, role in zip(labels, roles, strict=True)]
    numbers = [label.protocol_ids[role] for label, role in zip(labels, roles, strict=True)]
    types = [label.types[role] for label, role in zip(labels, roles, strict=True)]
    raw = {
        "id": ids, "study_id": part.id[study], "source_object_id": part.id[study],
        "device_id": spread(common["device_id"]), "event_key": [f"1.2.826.0.1.3680043.9.7.{n}" for n in ids.tolist()],
        "position": part.position, "event_type": types, "protocol": protocol, "occurrence": 0, "plane": "",
        "target_region_meaning": [label.region for label in labels], "laterality": part.laterality,
        "ctdi_phantom": part.phantom_word, "counted": True, **part.event_values,
    }  # fmt: skip
    bulk.write(TABLE["irradiation_event"], raw, count)
    fact = {
        "event_id": ids, "study_id": part.id[study], "day": part.local_day[study], "month": part.month[study],
        "sex": ["MF"[n % 2] for n in part.patient[study].tolist()], "band": part.band[study],
        "counts": part.counts[study], "procedure_id": [kinds[k].procedure_id for k in of_kind.tolist()],
        "protocol_id": numbers, "event_type": types, "diagnostic": part.diagnostic, "phantom": part.phantom_cm,
        **{name: spread(common[name]) for name in ("site_id", "device_id", "modality")},
        "age_years": part.age[study], "weight_kg": part.plausible_weight[study], "left_out": part.event_left_out,
        **{name: part.event_facts[name] for name in EVENT_COLUMNS},
    }  # fmt: skip
    bulk.write(TABLE["event_fact"], fact, count)


def _count(counts: Counts, part: Studies, kinds: list[Kind]) -> None:
    """What these studies add to cells, a measure at a time."""
    cell = part.month.astype(np.int64) % 100 - 1 + (part.month // 100 - FROM.year) * 12
    cell = cell * len(kinds) + np.array([kind.cell_of for kind in kinds])[part.kind]
    modality = np.array([kind.modality for kind in kinds])[part.kind]
    study, nothing = part.of_study, np.full(len(cell), np.nan)
    band = _bands(part, modality, np.arange(len(cell)), nothing)
    of_view = _bands(part, modality, study, part.event_facts["compressed_thickness_mm"])
    counts.add(cell[part.counts], _entries(STUDIES, band[part.counts], np.zeros(part.counts.sum(), np.int64)))
    for number, one in BY_NUMBER.items():
        has = np.isin(modality, [name for name in one.modalities if one in measures_of(name)]) & part.counts
        if one.level == STUDY:
            _count_measure(counts, number, one, (cell, band, has), part.facts, part.study_phantom)
        elif one.level == EVENT:
            of_event = (cell[study], of_view, has[study] & part.diagnostic)
            given = part.event_facts | {"left_out": part.event_left_out}
            stated = _count_measure(counts, number, one, of_event, given, part.event_phantom)
            for rows, bands in _patient_bands(modality[study], of_view, np.flatnonzero(stated)):
                patients, values = _by_patient(study[rows] * MOST + bands, part.event_facts[one.column][rows])
                entries = _entries(PATIENTS + number, patients % MOST, bins_of(values))
                counts.add(cell[patients // MOST], entries)


def _bands(part: Studies, modality: np.ndarray, study: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """The band of each study or event, by its modality."""
    found = np.zeros(len(study), np.int64)
    age, weight, women = part.age[study], part.plausible_weight[study], part.patient[study] % 2 == 1
    for name in np.unique(modality).tolist():
        here, of = modality[study] == name, bands_of(name)
        size = weight if of.size == WEIGHT else thickness
        found[here] = of.numbers(age[here], size[here], women[here])
    return found


def _patient_bands(modality: np.ndarray, bands: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Rows and the bands in which their patients count: those of the events, and that of whatever size."""
    if not len(rows):
        return
    yield rows, bands[rows]
    for name in np.unique(modality[rows]).tolist():
        if bands_of(name).differs:
            mine = rows[modality[rows] == name]
            yield mine, bands_of(name).whatever(bands[mine])


def _count_measure(
    counts: Counts, number: int, one: Measure, where: tuple[Any, ...], facts: dict[str, Any], phantom: np.ndarray
) -> np.ndarray:
    """Count the values of a measure; which of the facts state one."""
    cell, band, has = where
    if one.column in ("ctdi_vol_mgy", "dlp_mgy_cm"):
        has = has & (phantom == (-1 if one.phantom is None else one.phantom))
    values = facts[one.column]
    stated = has & ~np.isnan(values)
    if stated.any():
        counts.add(cell[stated], _entries(number, band[stated], bins_of(values[stated])))
    left_out = has & (facts["left_out"] >> number & 1).astype(bool)
    if left_out.any():
        counts.add(cell[left_out], _entries(number, band[left_out], np.full(left_out.sum(), LEFT_OUT)))
    return stated


def _by_patient(studies: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each study (and band) once, and the median of its values."""
    order = np.lexsort((values, studies))
    each, starts, counts = np.unique(studies[order], return_index=True, return_counts=True)
    ordered = values[order]
    return each, (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2


def _entries(measure: int, band: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return (measure * MOST + band << 16) + (bins.astype(np.int64) - LEFT_OUT)


def _write_cells(bulk: Bulk, counts: Counts, kinds: list[Kind]) -> None:
    keys, numbers = counts.total()
    cells = keys >> 32
    content = np.empty((len(keys), 2), dtype="<u4")
    content[:, 0], content[:, 1] = keys & 0xFFFFFFFF, numbers
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
    ends = np.r_[starts[1:], len(cells)]
    named = {kind.cell_of: kind for kind in kinds}
    of = [named[int(cell) % len(kinds)] for cell in cells[starts]]
    contents = [content[a:b].tobytes() for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    months = [int(cell) // len(kinds) for cell in cells[starts]]
    bulk.write(
        TABLE["dose_cell"],
        {
            "id": list(range(1, len(starts) + 1)), "month": [(FROM.year + m // 12) * 100 + m % 12 + 1 for m in months],
            "site_id": [kind.site_id for kind in of], "device_id": [kind.device_id for kind in of],
            "modality": [kind.modality for kind in of], "procedure_id": [kind.procedure_id or 0 for kind in of],
            "version": 1, "content": contents,
        },
        len(starts),
    )  # fmt: skip


def main() -> None:
    """Build a hospital where the arguments say."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--events-factor", type=float, default=1.0, help="more events a study")
    options.add_argument("--words", action="store_true", help="let the study list find studies by words")
    options.add_argument("--only-cells", action="store_true", help="the roll-up alone")
    options.add_argument("--database", help="an empty database; its keys are those of --var")
    options.add_argument("--var", type=Path, help="the folder of an installation (DACS_VAR)", required=True)
    chosen = options.parse_args()
    database = {"database_url": chosen.database} if chosen.database else {}
    settings = prepare(load_settings(var=chosen.var, **database))
    migrate.upgrade(settings.database)
    engine = make_engine(settings.database)
    how = {"only_cells": chosen.only_cells, "words": chosen.words}
    build(engine, chosen.studies, chosen.seed, chosen.events_factor, **how)


if __name__ == "__main__":
    main()
