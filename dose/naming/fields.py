"""What a rule may look at: the words and numbers of a study, and of one of its series or events.

`study_values` and `event_values` make them of stored rows. The words alone (`LOCAL`) are the *local name* of a study:
studies of one device that share them are one line of the list of names, and are named alike but for numbers.

References: DICOM PS3.3 C.7.2.1, C.7.3.1 (study, series), C.8.15, C.8.27; PS3.16 TID 10003, 10013, CID 10014
(procedure context of a CT acquisition), CID 3 (intent); ICRP 135 section 4 (clinical task and complexity).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STUDY, SERIES, EVENT = "study", "series", "event"
LEVELS = (STUDY, SERIES, EVENT)
TEXT, NUMBER, CHOICE = "text", "number", "choice"
Values = Mapping[str, Any]  # of texts and choices a tuple of texts, of numbers a float or None


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `levels`: where a rule may ask for it; `unit` of a number; `local`: a part of the local name."""

    key: str
    kind: str
    levels: tuple[str, ...]
    local: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()


_BELOW = (SERIES, EVENT)
EVENT_TYPES = (
    "spiral", "sequenced", "constant_angle", "stationary", "free", "cone_beam", "fluoroscopy", "stationary_acquisition",
    "stepping_acquisition", "rotational_acquisition", "radiography", "mammography", "tomosynthesis", "administration",
)  # fmt: skip
CONTRASTS = ("without", "with", "both")
_ROWS = (
    Field("procedure_code", TEXT, LEVELS, local=True),
    Field("procedure_meaning", TEXT, LEVELS, local=True),
    Field("requested_procedure", TEXT, LEVELS, local=True),
    Field("description", TEXT, LEVELS, local=True),
    Field("protocol", TEXT, LEVELS, local=True),
    Field("series_description", TEXT, _BELOW),
    Field("body_region", TEXT, LEVELS, local=True),
    Field("clinical_task", TEXT, LEVELS, local=True),
    Field("contrast", CHOICE, LEVELS, local=True, choices=CONTRASTS),
    Field("device", TEXT, LEVELS),
    Field("sex", CHOICE, LEVELS, choices=("F", "M", "O")),
    Field("age_years", NUMBER, LEVELS, unit="y"),
    Field("weight_kg", NUMBER, LEVELS, unit="kg"),
    Field("phantom", CHOICE, LEVELS, choices=("head_16", "body_32")),
    Field("phase_count", NUMBER, (STUDY,)),
    Field("event_count", NUMBER, (STUDY,)),
    Field("scan_length_mm", NUMBER, LEVELS, unit="mm"),
    Field("event_type", CHOICE, _BELOW, choices=EVENT_TYPES),
    Field("laterality", CHOICE, _BELOW, choices=("left", "right", "both", "unilateral")),
    Field("view", TEXT, _BELOW),
    Field("patient_orientation", TEXT, _BELOW),
    Field("kvp_kv", NUMBER, _BELOW, unit="kV"),
)
FIELDS: Mapping[str, Field] = {row.key: row for row in _ROWS}
LOCAL = tuple(row.key for row in _ROWS if row.local)
MOST_PROTOCOLS = 12  # of a local name: an intervention may have hundreds

# Codes of CID 10014 and its spellings: the procedure context of a CT acquisition
_WITHOUT = frozenset({"P5-0808E", "399331006"})
_WITH = frozenset({"P5-00100", "27483000", "P5-0080E"})
_OF_STUDY = ("procedure_meaning", "requested_procedure", "description", "clinical_task")
_OF_EVENTS = (
    "protocol", "series_description", "body_region", "phantom", "event_type", "laterality", "view",
    "patient_orientation",
)  # fmt: skip
_NUMBERS = ("age_years", "weight_kg", "phase_count", "event_count", "scan_length_mm")


def study_values(
    study: Mapping[str, Any], events: Sequence[Mapping[str, Any]], device: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What rules look at in a study.

    Parameters
    ----------
    study
        Columns of `study` and of what statistics know of it (`phase_count`, `scan_length_mm`, `event_count`); `sex`
        stands in its patient. A column that is not there is taken as not stated.
    events
        Columns of its diagnostic `irradiation_event` rows.
    device
        Columns of its device.
    """
    return {
        "site_id": study.get("site_id"),
        "device_id": study.get("device_id"),
        "modality": study.get("modality"),
        "procedure_code": _texts(study.get("procedure_code")),
        "procedure_scheme": study.get("procedure_scheme"),
        **{key: _texts(study.get(key)) for key in _OF_STUDY},
        "protocol": _texts(*(study.get("protocols") or "").splitlines()[:MOST_PROTOCOLS]),
        "body_region": _texts(*sorted({region for event in events for region in _region(event)})),
        "contrast": _contrast(events),
        "device": _texts(" ".join(filter(None, map((device or {}).get, ("manufacturer", "model", "station_name"))))),
        "sex": _texts(study.get("sex")),
        "phantom": _texts(*sorted({event["ctdi_phantom"] for event in events if event.get("ctdi_phantom")})),
        **{key: study.get(key) for key in _NUMBERS},
    }


def event_values(event: Mapping[str, Any], study: Values) -> dict[str, Any]:
    """What rules look at in an event: its own words and numbers, and those of its study (`study_values`)."""
    details = event.get("details") or {}
    own = {
        "protocol": _texts(event.get("protocol")),
        "series_description": _texts(details.get("series_description")),
        "body_region": _texts(*_region(event)),
        "contrast": _contrast((event,)),
        "phantom": _texts(event.get("ctdi_phantom")),
        "scan_length_mm": event.get("scanning_length_mm"),
        "series": event.get("series_instance_uid"),
        "kvp_kv": event.get("kvp_kv"),
    }  # fmt: skip
    same = {key: _texts(event.get(key)) for key in ("event_type", "laterality", "view", "patient_orientation")}
    return {**study, **own, **same}


def series_values(events: Sequence[Values]) -> dict[str, Any]:
    """What rules look at in a series: the words of all its events, their lengths added up, their mean voltage."""
    merged = dict(events[0])
    for key in _OF_EVENTS:
        merged[key] = tuple(dict.fromkeys(text for event in events for text in event[key]))
    said = {text for event in events for text in event["contrast"]}
    merged["contrast"] = ("both",) if len(said) > 1 else tuple(said)
    lengths = [event["scan_length_mm"] for event in events if event["scan_length_mm"] is not None]
    voltages = [event["kvp_kv"] for event in events if event["kvp_kv"] is not None]
    merged["scan_length_mm"] = sum(lengths) if lengths else None
    merged["kvp_kv"] = sum(voltages) / len(voltages) if voltages else None
    return merged


def local_words(values: Values) -> dict[str, list[str]]:
    """The local name of a study: the words it states, by field (`LOCAL`)."""
    said = {key: list(values[key]) for key in LOCAL if values.get(key)}
    return said | ({"procedure_scheme": [values["procedure_scheme"]]} if values.get("procedure_scheme") else {})


def words_key(values: Values) -> str:
    """Equal for studies of one site, device, modality and local name: what `local_name.words_sha256` holds."""
    where = [values.get("site_id"), values.get("device_id"), values.get("modality")]
    text = json.dumps([*where, local_words(values)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_local_name(
    words: Mapping[str, Any], site_id: int | None, device_id: int | None, modality: str | None, device: str = ""
) -> dict[str, Any]:
    """The values of a local name: as `study_values`, numbers and sex not stated."""
    said = {key: tuple(words.get(key) or ()) for key in LOCAL}
    scheme = next(iter(words.get("procedure_scheme") or ()), None)
    nothing: dict[str, Any] = dict.fromkeys(_NUMBERS)
    return {
        "site_id": site_id, "device_id": device_id, "modality": modality, "procedure_scheme": scheme,
        "device": _texts(device), "sex": (), "phantom": (), **nothing, **said,
    }  # fmt: skip


def _texts(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _region(event: Mapping[str, Any]) -> Iterable[str]:
    return _texts(event.get("target_region_meaning") or event.get("target_region_code"))


def _contrast(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    codes = {((event.get("details") or {}).get("procedure_context") or {}).get("code") for event in events}
    without, having = bool(codes & _WITHOUT), bool(codes & _WITH)
    return ("both",) if without and having else ("without",) if without else ("with",) if having else ()
