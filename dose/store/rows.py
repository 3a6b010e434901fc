"""From a dose report to rows: events with their keys, totals, and texts that any database accepts."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from sqlalchemy import Float, Integer, String, Table

from dose import model, tables

Row = dict[str, Any]
GroupKey = tuple[str, str]  # event_key, plane

EVENT: Table = tables.IrradiationEvent.__table__  # type: ignore[assignment]
ACCUMULATED: Table = tables.AccumulatedDose.__table__  # type: ignore[assignment]
# `counted` is decided over the whole study, not by the report.
OWNERSHIP = ("id", "study_id", "source_object_id", "device_id", "event_key", "plane", "occurrence", "counted")
CONTENT = tuple(column.name for column in EVENT.columns if column.name not in OWNERSHIP)
# What makes two descriptions of one event UID the same exposure.
DOSES = ("ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy", "activity_mbq")
LARGEST_INTEGER = 2**31 - 1
LONGEST_UID = 64

_CODED = ("target_region_code", "target_region_scheme", "target_region_meaning")
_MEANINGS = ("radiopharmaceutical", "radionuclide")  # codes of which the row holds the meaning, `details` the code
_OTHERWISE = {*_CODED, *_MEANINGS, "position", "details"}
_SAME_NAME = tuple(name for name in CONTENT if name not in _OTHERWISE and hasattr(model.IrradiationEvent, name))
_values_of = attrgetter(*_SAME_NAME)
_CODES = ("procedure_context", *_MEANINGS, "route")
_FLOATS = frozenset(column.name for column in EVENT.columns if isinstance(column.type, Float))
_LENGTHS = {column.name: column.type.length for column in EVENT.columns if isinstance(column.type, String)}
_INTEGERS = frozenset(column.name for column in EVENT.columns if isinstance(column.type, Integer))
_TEXTS = tuple(name for name in _SAME_NAME if name not in _FLOATS | _INTEGERS)
ADMINISTRATION = "administration"  # event type; its activity is never added to anything of X-rays
# What has no column of its own: numbers and words that few statistics need.
_BESIDE = tuple(
    field.name
    for field in dataclasses.fields(model.IrradiationEvent)
    if field.name not in (*CONTENT, *_CODES, "plane", "target_region") and field.default is None
)
_TECHNIQUE = attrgetter("event_type", "laterality", "kvp_kv", "tube_current_ma", "exposure_mas")
# The current of a CT image is that of one slice and differs between reconstructions of one acquisition.
_SCAN = attrgetter("event_type", "kvp_kv", "acquisition_number")
_INJECTION = attrgetter("event_type", "activity_mbq")
_TOTALS = tuple(c.name for c in ACCUMULATED.columns if hasattr(model.AccumulatedDose, c.name))
_totals_of = attrgetter(*_TOTALS)
_WHOLE = frozenset(column.name for column in ACCUMULATED.columns if isinstance(column.type, Integer))


def clean(text: str | None, length: int | None = None) -> str | None:
    """A text without what a database refuses (NUL, lone surrogates), cut to `length`; None when nothing is left."""
    if not text:
        return None
    if not text.isascii() or "\0" in text:
        text = text.replace("\0", "").encode("utf-8", "replace").decode()
    return text[:length].strip() or None


def short_uid(uid: str) -> str:
    """A UID as it is, or, longer than the 64 characters that PS3.5 section 9.1 allows, a stand-in as unique."""
    said = clean(uid) or "-"
    if len(said) <= LONGEST_UID:
        return said
    return f"{said[:31]}~{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def number(value: float | None) -> float | None:
    """A finite number, else None."""
    return value if value is not None and math.isfinite(value) else None


def event_groups(report: model.DoseReport, device_key: str) -> tuple[dict[GroupKey, list[Row]], int, int]:
    """The report's events by key and plane, in its order; then how often one was repeated, and how often an event
    with other values had the same UID and plane (it is kept as a further occurrence).
    """
    groups: dict[GroupKey, list[Row]] = {}
    seen: set[tuple[Any, ...]] = set()
    repeated = 0
    keys = _KeyMaker(report, device_key)
    for position, event in enumerate(report.events):
        row = _event_row(event, position)
        key = (keys.key(event), row.pop("plane") or "")
        same = (key, *(repr(value) for name, value in row.items() if name != "position"))
        if same in seen:
            repeated += 1
            continue
        seen.add(same)
        group = groups.setdefault(key, [])
        group.append(row | {"event_key": key[0], "plane": key[1], "occurrence": len(group)})
    return groups, repeated, sum(len(group) - 1 for group in groups.values())


class _KeyMaker:
    """Event keys of one report: the UID, else `~` and a hash that the same event has in another report."""

    def __init__(self, report: model.DoseReport, device_key: str) -> None:
        self._device_key, self._is_ct = device_key, report.modality == "CT"
        self._study_uid = report.study_instance_uid
        # Without a time the study is the only frame; of an image, the image: two exposures are never made one.
        self._frame = report.sop_instance_uid if report.source == "header" else self._study_uid
        self._times: dict[tuple[Any, ...], int] = {}

    def key(self, event: model.IrradiationEvent) -> str:
        if event.irradiation_event_uid:
            return short_uid(event.irradiation_event_uid)
        said = (self._device_key, self._when(event), event.plane, *self._what(event))
        # The ordinal tells equal exposures of one moment apart.
        self._times[said] = ordinal = self._times.get(said, -1) + 1
        return "~" + hashlib.sha256(repr((said, ordinal)).encode("utf-8", "surrogatepass")).hexdigest()[:40]

    def _when(self, event: model.IrradiationEvent) -> str:
        # Every image of a study tells of the same injection.
        return event.started_at or (self._study_uid if event.event_type == ADMINISTRATION else self._frame)

    def _what(self, event: model.IrradiationEvent) -> tuple[Any, ...]:
        if event.event_type == ADMINISTRATION:
            return _INJECTION(event)
        return _SCAN(event) if self._is_ct and event.acquisition_number is not None else _TECHNIQUE(event)


def _event_row(event: model.IrradiationEvent, position: int) -> Row:
    row = dict(zip(_SAME_NAME, _values_of(event), strict=True))
    row["plane"] = clean(event.plane, _LENGTHS["plane"])
    for name in _FLOATS:
        if row[name] is not None:
            row[name] = number(row[name])
    for name in _TEXTS:
        if row[name] is not None:
            row[name] = clean(row[name], _LENGTHS.get(name))
    if event.acquisition_number is not None and abs(event.acquisition_number) > LARGEST_INTEGER:
        row["acquisition_number"] = None
    region = event.target_region
    for name, value in zip(
        _CODED, (region.code, region.scheme, region.meaning) if region else (None,) * 3, strict=True
    ):
        row[name] = clean(value, _LENGTHS[name])
    for name in _MEANINGS:
        code = getattr(event, name)
        row[name] = clean(code.meaning or code.code, _LENGTHS[name]) if code else None
    row["comment"] = _comment(event)
    row["position"] = position
    row["details"] = _details(event)
    return row


def _comment(event: model.IrradiationEvent) -> str | None:
    # Why somebody scanned in spite of a dose check is free text: it stands where texts are encrypted.
    reasons = [f"{check.kind}: {check.reason}" for check in event.dose_checks if check.reason]
    return clean("\n".join([*filter(None, [event.comment]), *reasons])) if reasons else clean(event.comment)


def _details(event: model.IrradiationEvent) -> Row | None:
    found: Row = {}
    if event.sources:
        found["sources"] = [_stated(source) for source in event.sources]
    if event.filters:
        found["filters"] = [_stated(one) for one in event.filters]
    if event.values:
        found["values"] = {name: [number(value) for value in values] for name, values in event.values}
    if event.maker_values:
        found["maker_values"] = {name: number(value) for name, value in event.maker_values}
    found |= {name: _plain(value) for name in _BESIDE if (value := getattr(event, name)) is not None}
    found |= {name: _stated(code) for name in _CODES if (code := getattr(event, name))}
    for name in ("organ_doses", "dose_checks"):
        if parts := getattr(event, name):
            found[name] = [{key: value for key, value in _stated(part).items() if key != "reason"} for part in parts]
    return found or None


def _stated(part: Any) -> Row:  # noqa: ANN401 - any small dataclass of the model
    values = ((field.name, getattr(part, field.name)) for field in dataclasses.fields(part))
    return {name: _plain(value) for name, value in values if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, model.Code):
        return _stated(value)
    if isinstance(value, str):
        return clean(value)
    return number(value) if isinstance(value, float) else value


def accumulated_rows(report: model.DoseReport) -> list[Row]:
    """The totals of a report, one row per plane or breast."""
    return [_accumulated_row(total, position) for position, total in enumerate(report.accumulated)]


def _accumulated_row(total: model.AccumulatedDose, position: int) -> Row:
    row: Row = {"position": position}
    for name, value in zip(_TOTALS, _totals_of(total), strict=True):
        if isinstance(value, str):
            row[name] = clean(value, 8)
        elif name in _WHOLE:
            row[name] = value if value is not None and abs(value) <= LARGEST_INTEGER else None
        else:
            row[name] = number(value)
    return row


def signature(rows: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    """What must be equal for two groups of one event key to be one exposure: their doses."""
    return tuple(tuple(row[name] for name in DOSES) for row in rows)
