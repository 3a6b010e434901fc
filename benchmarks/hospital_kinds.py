"""The kinds of study of the made-up hospitals: what one device does for one procedure, and how it calls it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from benchmarks.bulk import NOW
from dose.naming.fields import local_words, study_values, words_key
from dose.store.naming import rules_in_force
from dose.tables import Device, LocalName, Procedure, ProcedureRule, Protocol, Site

SITES = ("Nord", "Süd", "Ost", "West", "Centre", "Côte")
DEVICES = {"CT": 14, "DX": 17, "XA": 6, "RF": 4, "MG": 6, "PT": 3}
SHARES = {"CT": 0.30, "DX": 0.45, "XA": 0.05, "RF": 0.05, "MG": 0.10, "PT": 0.05}
PROCEDURES = 200
MADE_BY = "made up"
UNMAPPED = 0.08
_MAKERS = ("Alpha", "Beta", "Gamma", "Delta")
_WAYS = ("low dose", "follow-up", "urgent", "child", "plus")


@dataclass(frozen=True, slots=True)
class Labels:
    """What the events of a kind are called, by their role in the study."""

    types: tuple[str, ...]
    protocols: tuple[str | None, ...]
    protocol_ids: tuple[int | None, ...]
    region: str


@dataclass(slots=True)
class Kind:
    """A kind of study; `level` scales its doses, `head` is in the phantom of 16 cm, `tracked` follows a bolus."""

    site_id: int
    device_id: int
    modality: str
    procedure_id: int | None
    rule_id: int | None
    naming: str
    local_name_id: int
    protocol_id: int
    description: str
    protocols: str
    labels: Labels
    share: float
    level: float
    head: bool
    tracked: bool
    cell_of: int = 0


_ROLES = {
    "CT": ("constant_angle", "stationary", "spiral"),
    "PT": ("administration", "constant_angle", "spiral"),
    "DX": ("radiography",),
    "MG": ("mammography",),
    "XA": ("fluoroscopy", "stationary_acquisition"),
    "RF": ("fluoroscopy", "stationary_acquisition"),
}


def kinds_of(session: Session, chance: np.random.Generator) -> list[Kind]:
    """Write sites, devices, procedures, names and rules; the kinds of study, each with its share of all studies."""
    devices = _devices(session)
    procedures = _procedures(session)
    said = [
        (device, procedure, share) for device in devices for procedure, share in _done_by(device, procedures, chance)
    ]
    _rules(session, said, chance)
    kinds = [_kind(session, device, procedure, share, chance) for device, procedure, share in said]
    first: dict[tuple[int, int | None], int] = {}
    for number, kind in enumerate(kinds):
        kind.cell_of = first.setdefault((kind.device_id, kind.procedure_id), number)
    return kinds


def _devices(session: Session) -> list[dict[str, Any]]:
    session.execute(insert(Site), [{"id": n, "name": f"Hospital {name}"} for n, name in enumerate(SITES, 1)])
    modalities = [modality for modality, count in DEVICES.items() for _ in range(count)]
    rows = [
        {
            "id": n, "site_id": (n * 7 + n // 9) % len(SITES) + 1, "device_key": f"made-up-{n}", "modality": modality,
            "manufacturer": _MAKERS[n % 4], "model": f"{modality} {100 + n % 5}", "serial_number": f"S{n:03}",
            "station_name": f"{modality}{n:02}", "first_seen_at": NOW, "last_seen_at": NOW, "ranks": {},
        }
        for n, modality in enumerate(modalities, 1)
    ]  # fmt: skip
    session.execute(insert(Device), rows)
    return rows


def _procedures(session: Session) -> dict[str, list[Procedure]]:
    known = session.scalars(select(Procedure).order_by(Procedure.id)).all()
    wanted = {modality: [row for row in known if row.modality == modality] for modality in DEVICES}
    number = 0
    while sum(map(len, wanted.values())) < PROCEDURES:
        modality = ("CT", "DX", "XA", "RF", "MG", "PT")[number % 6]
        like = wanted[modality][number // 6 % len(wanted[modality])]
        made = Procedure(
            key=f"local:{number}", name=f"{like.name}, {_WAYS[number // 30 % 5]} {number}", modality=modality,
            region=like.region, level="study", is_head=like.is_head, origin="site", changed_at=NOW, changed_by=MADE_BY,
        )  # fmt: skip
        session.add(made)
        wanted[modality].append(made)
        number += 1
    session.flush()
    return wanted


def _done_by(
    device: dict[str, Any], procedures: dict[str, list[Procedure]], chance: np.random.Generator
) -> list[tuple[Procedure, float]]:
    """What a device does, the usual things most: it does 12 to 24 of the procedures of its kind, or all."""
    modality = device["modality"]
    there = procedures[modality]
    count = min(len(there), int(chance.integers(12, 25)))
    usual = 1.0 / np.arange(1, len(there) + 1) ** 0.7
    chosen = chance.choice(len(there), count, replace=False, p=usual / usual.sum())
    share = 1.0 / np.arange(1, count + 1)
    busy = chance.uniform(0.5, 1.5)
    share *= SHARES[modality] / DEVICES[modality] * busy / share.sum()
    return [(there[int(c)], float(s)) for c, s in zip(sorted(chosen), share, strict=True)]


def _description(device: dict[str, Any], procedure: Procedure) -> str:
    return f"{SITES[device['site_id'] - 1]} {procedure.name}"


def _rules(session: Session, said: list[tuple[Any, Procedure, float]], chance: np.random.Generator) -> None:
    texts = {(_description(device, procedure), procedure.id) for device, procedure, _ in said}
    rows = [
        {
            "level": "study", "modality": None, "procedure_id": procedure, "made_at": NOW, "made_by": MADE_BY,
            "conditions": [{"field": "description", "op": "is", "value": text}], "priority": 0, "origin": "csv",
        }
        for text, procedure in sorted(texts)
        if chance.random() > UNMAPPED
    ]  # fmt: skip
    session.execute(insert(ProcedureRule), rows)
    session.flush()


def _kind(
    session: Session, device: dict[str, Any], procedure: Procedure, share: float, chance: np.random.Generator
) -> Kind:
    modality, tracked = device["modality"], bool(chance.random() < 0.25)
    main = f"{procedure.name} {device['station_name']}"
    names = {"constant_angle": "Topogram", "stationary": "Monitoring", "administration": None}
    protocols = tuple(names.get(role, main) for role in _ROLES[modality])
    ids = tuple(None if name is None else _protocol(session, name) for name in protocols)
    said = [name for name in protocols if name and (name != "Monitoring" or tracked)]
    labels = Labels(_ROLES[modality], protocols, ids, (procedure.region or "region").capitalize())
    study = {**device, "device_id": device["id"], "description": _description(device, procedure),
             "protocols": "\n".join(dict.fromkeys(said))}  # fmt: skip
    values = study_values(study, [{"target_region_meaning": labels.region}], device)
    naming = rules_in_force(session.connection()).classify(values)
    return Kind(
        device["site_id"], device["id"], modality, naming.procedure_id, naming.rule_id, naming.state,
        _local_name(session, values), _protocol(session, main), study["description"], study["protocols"], labels, share,
        float(chance.lognormal(0.0, 0.35)), bool(procedure.is_head), tracked,
    )  # fmt: skip


def _protocol(session: Session, name: str) -> int:
    plain = " ".join(name.split())
    sha = hashlib.sha256(plain.encode()).hexdigest()
    found = session.scalar(select(Protocol.id).where(Protocol.name_sha256 == sha))
    if found is None:
        session.add(made := Protocol(name=plain, name_sha256=sha))
        session.flush()
        found = made.id
    return found


def _local_name(session: Session, values: dict[str, Any]) -> int:
    key = words_key(values)
    found = session.scalar(select(LocalName.id).where(LocalName.words_sha256 == key))
    if found is None:
        row = LocalName(site_id=values["site_id"], device_id=values["device_id"], modality=values["modality"],
                        words=local_words(values), words_sha256=key, first_seen_at=NOW)  # fmt: skip
        session.add(row)
        session.flush()
        found = row.id
    return found
