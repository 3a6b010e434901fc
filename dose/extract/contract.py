"""The extract contract: one JSON object a file, the same keys always, None where nothing is stated.

Used by `dacs extract PATH… --json`, the tests and outside checks. Keys may be added, never renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from dose.errors import BadObject, NotADoseObject
from dose.extract import extract
from dose.model import (
    AccumulatedDose,
    Code,
    Device,
    DoseCheck,
    DoseReport,
    Filter,
    IrradiationEvent,
    OrganDose,
    Patient,
    XRaySource,
)

_PATIENT = ("id", "name", "birth_date", "sex", "age_years", "height_m", "weight_kg", "issuer", "pregnancy_status")
_REPORT = (
    "source", "template", "modality", "sop_class_uid", "sop_instance_uid", "study_instance_uid",
    "series_instance_uid", "accession_number", "study_date", "study_time", "study_description", "requested_procedure",
    "clinical_task", "content_datetime", "started_at", "ended_at", "timezone_offset", "reader_version",
    "instance_count",
)  # fmt: skip
_NESTED = ("sources", "filters", "organ_doses", "dose_checks")
_Part = Patient | Device | AccumulatedDose | XRaySource | Filter | OrganDose | DoseCheck


def _plain(row: _Part) -> dict[str, Any]:
    return {one.name: _value(getattr(row, one.name)) for one in fields(row)}


def _value(value: Any) -> Any:  # noqa: ANN401 - of any field
    if isinstance(value, Code):
        return {"code": value.code, "scheme": value.scheme, "meaning": value.meaning}
    return value


def _event(event: IrradiationEvent) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for one in fields(event):
        if one.name in _NESTED:
            line[one.name] = [_plain(part) for part in getattr(event, one.name)]
        elif one.name == "maker_values":
            line[one.name] = dict(event.maker_values)
        elif one.name != "values":
            line[one.name] = _value(getattr(event, one.name))
    line |= {f"{column}_values": list(values) for column, values in event.values}
    return line


def as_json(report: DoseReport) -> dict[str, Any]:
    """Return a report as the contract's `report` object."""
    line: dict[str, Any] = {key: getattr(report, key) for key in _REPORT}
    line["procedure"] = _value(report.procedure)
    line["patient"] = _plain(report.patient)
    line["device"] = _plain(report.device) | {"software": list(report.device.software)}
    line["accumulated"] = [_plain(total) for total in report.accumulated]
    line["events"] = [_event(event) for event in report.events]
    line["quirks"] = list(report.quirks)
    return line


def _line(file: str, status: str, reason: str | None, report: DoseReport | None) -> dict[str, Any]:
    warnings = [{"code": one.code, "text": one.text} for one in report.warnings] if report else []
    body = as_json(report) if report else None
    return {"file": file, "status": status, "reason": reason, "warnings": warnings, "report": body}


def extract_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the contract line of one file, whatever the file is.

    Returns
    -------
    dict
        `status` is ok, not_dose (no dose report; `reason` says what it is) or rejected (with its reason).
    """
    file = os.fspath(path)
    if os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110,PTH113 — unlike Path's, these never raise
        return _line(file, "rejected", "It is a pipe, a device, or a folder that cannot be opened", None)
    try:
        return _line(file, "ok", None, extract(Path(file)))
    except NotADoseObject as error:
        return _line(file, "not_dose", str(error), None)
    except BadObject as error:
        return _line(file, "rejected", str(error), None)
    except OSError as error:
        return _line(file, "rejected", f"The file cannot be opened: {error.strerror}", None)


def files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return every file named, folders walked, in sorted order; links to folders inside are not followed."""
    found: set[str] = set()
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 — never raises
            found.update(_inside(path))
        else:
            found.add(os.fspath(path))
    return sorted(found)


def _inside(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Give every regular file below a folder, and every folder that cannot be opened."""
    pending = [Path(folder)]
    while pending:
        current = pending.pop()
        try:
            entries = list(os.scandir(current))
        except OSError:
            yield os.fspath(current)
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(current / entry.name)
            elif os.path.isfile(entry.path):  # noqa: PTH113 — never raises
                yield os.fspath(current / entry.name)


def walk(paths: Iterable[str | os.PathLike[str]]) -> Iterator[dict[str, Any]]:
    """Give the contract line of every file under these paths, in sorted order."""
    for file in files(paths):
        yield extract_file(file)
