"""Rows of one study to the document that is kept (`dose.extract.typed`); the same rows always give the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from dose.extract import typed
from dose.legacy.rows import RowFacts

_DEVICE = ("device.manufacturer", "device.model", "device.serial_number", "device.station_name")


def study_key(facts: RowFacts, modality: str | None, site: str) -> str | None:
    """Return what is the same for all rows of one study; None when the row does not say which it is.

    The Study Instance UID; else patient and accession number; else patient, modality, device, date and time.
    """
    said = facts.texts
    if "study.uid" in said:
        return f"uid\0{said['study.uid']}"
    patient = _same(said.get("patient.id", ""))
    accession = said.get("study.accession_number")
    if accession:
        return "\0".join(("accession", site, patient, _same(accession), said.get("study.modality", modality or "")))
    if not patient or "study.date" not in said:
        return None
    device = (_same(said.get(name, "")) for name in _DEVICE)
    when = (said["study.date"], said.get("study.time", ""))
    return "\0".join(("patient", site, patient, said.get("study.modality", modality or ""), *device, *when))


def uid_of(*parts: str) -> str:
    """Return a UID derived from texts: the same for the same texts (PS3.5 annex B.2)."""
    return f"2.25.{int.from_bytes(hashlib.sha256(chr(0).join(parts).encode('utf-8', 'replace')).digest()[:16])}"


def document(key: str, rows: Sequence[RowFacts], modality: str | None, file: str) -> typed.Document:
    """Return the document of one study's rows."""
    first = rows[0]
    said = {name: text for row in reversed(rows) for name, text in row.texts.items()}
    events = [event for row in rows for _, event in sorted(row.events.items(), key=lambda one: one[0] or 0)]
    totals = [total for row in rows for _, total in sorted(row.totals.items(), key=lambda one: str(one[0]))]
    return {
        "source": typed.LEGACY,
        "uid": uid_of("imported study", key),
        "modality": said.get("study.modality", modality),
        "origin": {"file": file},
        "study": {
            "uid": said.get("study.uid") or uid_of("study", key),
            "date": said.get("study.date"),
            "time": said.get("study.time"),
            "accession_number": said.get("study.accession_number"),
            "description": said.get("study.description"),
        },
        "patient": _part(said, "patient"),
        "device": _part(said, "device"),
        "size": first.size,
        "events": [_whole(event, said["study.date"]) for event in events],
        "totals": totals,
    }


def _same(text: str) -> str:
    """The form in which two spellings of an identifier are one."""
    return " ".join(text.casefold().split())


def _part(said: dict[str, str], place: str) -> dict[str, str]:
    return {name.partition(".")[2]: text for name, text in said.items() if name.startswith(f"{place}.")}


def _whole(event: dict[str, Any], day: str) -> dict[str, Any]:
    """Add the study's date to a time alone, and say of an administered activity that it is one."""
    texts = dict(event["texts"])
    if texts.get("started_at", "").startswith("T"):
        texts["started_at"] = day + texts["started_at"]
    if "activity_mbq" in event["values"]:
        texts.setdefault("event_type", "administration")
    return {"texts": texts, "values": event["values"]}
