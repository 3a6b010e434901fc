"""From rows of a study and its counted events to an examination. Pure: mappings in, an examination out.

Nothing is left out here that statistics leave out: an implausible dose is what an alert is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dose.alerts.model import Acquisition, Examination, Total
from dose.levels.groups import Patient
from dose.model import DoseCheck
from dose.statistics.counting import PHANTOMS, is_diagnostic, phantom_of

Row = Mapping[str, Any]
_OF_EVENT = (
    "id", "event_type", "protocol", "ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy",
    "ka_e_mgy", "agd_mgy", "activity_mbq", "exposure_index", "fluoro_time_s", "scanning_length_mm",
    "compressed_thickness_mm", "kvp_kv", "exposure_mas",
)  # fmt: skip
_OF_STUDY = ("id", "modality", "patient_id", "site_id", "device_id", "description", "fluoro_time_s")
_OF_CHECK = ("kind", "column", "configured", "forecast")
# What `irradiation_event` must state beside `dose.statistics.counting.NEEDED`
NEEDED = (
    *_OF_EVENT, "event_key", "plane", "occurrence", "target_region_meaning", "scanning_top_z_mm",
    "scanning_bottom_z_mm", "details",
)  # fmt: skip


def examination(
    study: Row, events: Sequence[Row], procedure: Row | None = None, planes: Sequence[Row] = ()
) -> Examination:
    """The examination that rules judge.

    Parameters
    ----------
    study
        Columns of `study`, `sex` of its patient and `software` of its device (versions, one a line).
    events
        Its counted events, own and shared ones, each with `NEEDED` and `dose.statistics.counting.NEEDED`.
    procedure
        `id`, `name`, `modality` and `region` of the standard procedure; None: it is mapped to none.
    planes
        `accumulated_dose` of its reports, where these do not overlap and planes are to be told apart; without them a
        reported total is that of the whole.
    """
    diagnostic = [is_diagnostic(event) for event in events]
    named = procedure or {}
    return Examination(
        **{name: study[name] for name in _OF_STUDY}, uid=study["study_instance_uid"], at=_moment(study["listed_at"]),
        acquisitions=tuple(_acquisition(*both) for both in zip(events, diagnostic, strict=True)),
        reported=tuple(_total(row) for row in planes) or (_whole(study),),
        patient=Patient(study["age_years"], study["weight_kg"], study["sex"]),
        phantom_cm=phantom_of(events, diagnostic), software=tuple((study["software"] or "").splitlines()),
        procedure_id=named.get("id"), procedure=named.get("name"), procedure_modality=named.get("modality"),
        region=named.get("region"), ctdi_vol_mgy=_largest_ctdi_vol(events, diagnostic), **_totals(study),
    )  # fmt: skip


def _moment(listed_at: int) -> datetime:
    day, second = divmod(listed_at, 1_000_000)
    at = datetime(day // 10_000, day // 100 % 100, day % 100)  # noqa: DTZ001 - local, as sent
    return at + timedelta(hours=second // 10_000, minutes=second // 100 % 100, seconds=second % 100)


def _total(row: Row) -> Total:
    return Total(row["plane"] or None, row["pka_gy_cm2"], row["ka_r_mgy"], row["fluoro_time_s"])


def _whole(study: Row) -> Total:
    return Total(None, study["pka_reported_gy_cm2"], study["ka_r_reported_mgy"], study["fluoro_time_s"])


def _totals(study: Row) -> dict[str, Any]:
    """Totals as statistics take them: of the events, else as reported. Reports add up both breasts: none of those."""
    pairs = {
        "dlp_mgy_cm": ("dlp_sum_mgy_cm", "dlp_reported_mgy_cm"),
        "pka_gy_cm2": ("pka_sum_gy_cm2", "pka_reported_gy_cm2"),
        "ka_r_mgy": ("ka_r_sum_mgy", "ka_r_reported_mgy"),
        "agd_mgy": ("agd_max_breast_mgy",) * 2,
        "activity_mbq": ("activity_sum_mbq",) * 2,
    }  # fmt: skip
    return {
        name: study[events] if study[events] is not None else study[reports]
        for name, (events, reports) in pairs.items()
    }


def _largest_ctdi_vol(events: Sequence[Row], diagnostic: Sequence[bool]) -> float | None:
    stated = (event["ctdi_vol_mgy"] for event, yes in zip(events, diagnostic, strict=True) if yes)
    return max((value for value in stated if value is not None), default=None)


def _acquisition(event: Row, diagnostic: bool) -> Acquisition:
    return Acquisition(
        **{name: event[name] for name in _OF_EVENT}, key=_key(event), region=event["target_region_meaning"],
        plane=event["plane"] or None, phantom_cm=PHANTOMS.get(event["ctdi_phantom"] or ""), diagnostic=diagnostic,
        top_z_mm=event["scanning_top_z_mm"], bottom_z_mm=event["scanning_bottom_z_mm"],
        dose_checks=tuple(_check(said) for said in (event["details"] or {}).get("dose_checks", ())),
    )  # fmt: skip


def _key(event: Row) -> str:
    """Event key and plane; different events to which a report gave one UID are told apart by their number."""
    occurrence = f":{event['occurrence']}" if event["occurrence"] else ""
    return f"{event['event_key']}:{event['plane'] or ''}{occurrence}"


def _check(said: Row) -> DoseCheck:
    return DoseCheck(**{name: said.get(name) for name in _OF_CHECK})  # type: ignore[arg-type]
