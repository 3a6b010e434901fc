"""Lists of studies: a page of them, those that changed, and what can be chosen to narrow them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices, with_identity
from dose.queries.models import FilterChoices, Order, PatientIdentity, StudyFilter, StudyPage, StudyRow
from dose.queries.search import conditions
from dose.scope import Permission, Scope
from dose.store.version import newest_version
from dose.tables import Device, ImageSeries, Procedure, Site, Study, StudyFact

__all__ = [
    "COUNT_CAP", "device_name", "device_names", "filter_choices", "find_studies", "newest_version", "studies_since",
    "told_apart",
]  # fmt: skip

COUNT_CAP = 10_000
LIVE_LIMIT = 200


def _shown(sum_column: str, reported_column: str) -> ColumnElement[float]:
    """The sum of the events, or the reported total where no event states the quantity (docs/adr/0006)."""
    return func.coalesce(getattr(Study, sum_column), getattr(Study, reported_column)).label(sum_column)


_COLUMNS = (
    Study.id,
    Study.version,
    Study.study_instance_uid,
    Study.site_id,
    Study.patient_id.label("patient_row_id"),
    Study.modality,
    Study.description,
    Study.protocols,
    Study.device_id,
    Study.started_at,
    Study.first_seen_at,
    Study.age_years,
    Study.event_count,
    Study.ctdi_vol_max_mgy,
    _shown("dlp_sum_mgy_cm", "dlp_reported_mgy_cm"),
    _shown("pka_sum_gy_cm2", "pka_reported_gy_cm2"),
    _shown("ka_r_sum_mgy", "ka_r_reported_mgy"),
    _shown("agd_sum_mgy", "agd_reported_mgy"),
    Study.fluoro_time_s,
    Study.activity_sum_mbq,
    Study.effective_dose_reported_msv,
    Study.is_patient,
    Study.state,
    Study.notes,
    Study.is_demo,
    Study.orthanc_study_id,
    Device.display_name,
    Device.manufacturer,
    Device.model,
    Device.station_name,
    Procedure.key.label("procedure_key"),
    Procedure.name.label("procedure_name"),
)
_PLAIN = [c.key for c in _COLUMNS if c.key in StudyRow.__dataclass_fields__ and c.key != "protocols"]


def _dose(column: str) -> list[ColumnElement[Any]]:
    # The very expression of the indexes of dose.tables.Study: a bound -1 would not match them.
    return [literal_column(f"coalesce(study.{column}, -1)").desc(), Study.id.desc()]


_ORDERS: dict[Order, list[ColumnElement[Any]]] = {
    Order.NEWEST: [Study.listed_at.desc(), Study.id.desc()],
    Order.OLDEST: [Study.listed_at.asc(), Study.id.asc()],
    Order.CTDI_VOL: _dose("ctdi_vol_max_mgy"),
    Order.DLP: _dose("dlp_sum_mgy_cm"),
    Order.PKA: _dose("pka_sum_gy_cm2"),
    Order.KA_R: _dose("ka_r_sum_mgy"),
    Order.AGD: _dose("agd_sum_mgy"),
}


def find_studies(
    session: Session,
    scope: Scope,
    chosen: StudyFilter | None = None,
    *,
    order: Order = Order.NEWEST,
    limit: int = 50,
    offset: int = 0,
) -> StudyPage:
    """One page of the studies that match, in the order asked for; doses sort downwards, studies without one last.

    Raises
    ------
    NotPermitted
        When the account may not view doses. A filter on patient or accession number finds nothing for an account
        that may not view identities.
    """
    scope.require(Permission.VIEW_DOSES)
    version = newest_version(session)
    where = [allowed(scope, Study), *conditions(session, scope, chosen or StudyFilter())]
    capped = select(Study.id).where(*where).limit(COUNT_CAP + 1).subquery()
    total = session.scalar(select(func.count()).select_from(capped)) or 0
    statement = study_statement(scope).where(*where).order_by(*_ORDERS[order]).limit(limit).offset(offset)
    return StudyPage(study_rows(session, statement), min(total, COUNT_CAP), total > COUNT_CAP, version)


def studies_since(session: Session, scope: Scope, version: int, chosen: StudyFilter | None = None) -> StudyPage:
    """Studies that arrived or changed after `version` (of an earlier page), newest change first, at most 200.

    Ask again with the `newest_version` of the answer. A study may be answered twice, never missed.
    """
    scope.require(Permission.VIEW_DOSES)
    newest = newest_version(session)
    where = [Study.version > version, allowed(scope, Study), *conditions(session, scope, chosen or StudyFilter())]
    statement = study_statement(scope).where(*where).order_by(Study.version.desc()).limit(LIVE_LIMIT)
    rows = study_rows(session, statement)
    return StudyPage(rows, len(rows), len(rows) == LIVE_LIMIT, newest)


def study_statement(scope: Scope) -> Select[Any]:
    """The columns of a `StudyRow`, with identity only when the account may view it."""
    named = select(*_COLUMNS).outerjoin(Device, Device.id == Study.device_id)
    named = named.outerjoin(StudyFact, StudyFact.study_id == Study.id)
    return with_identity(scope, named.outerjoin(Procedure, Procedure.id == StudyFact.procedure_id))


def study_rows(session: Session, statement: Select[Any]) -> tuple[StudyRow, ...]:
    """Run a statement made of `study_statement`; two SQL statements whatever the number of rows."""
    found = session.execute(statement).all()
    present = _images_present(session, [row.study_instance_uid for row in found])
    return tuple(_study_row(row, present.get(row.study_instance_uid)) for row in found)


def _images_present(session: Session, uids: list[str]) -> dict[str, bool]:
    if not uids:
        return {}
    statement = select(ImageSeries.study_instance_uid, ImageSeries.present).where(
        ImageSeries.study_instance_uid.in_(uids)
    )
    present: dict[str, bool] = {}
    for uid, here in session.execute(statement):
        present[uid] = present.get(uid, False) or here
    return present


def _study_row(row: Row[Any], images_present: bool | None) -> StudyRow:
    known = row._mapping
    identity = None
    if "patient_id" in known:
        identity = PatientIdentity(row.patient_id, row.name, row.birth_date, row.issuer)
    return StudyRow(
        **{key: known[key] for key in _PLAIN},
        identity=identity,
        accession_number=known.get("accession_number"),
        protocols=tuple((row.protocols or "").splitlines()),
        device_name=None if row.device_id is None else device_name(known),
        note_count=len(row.notes),
        images_present=images_present,
    )


def device_name(device: Any) -> str:  # noqa: ANN401 - a row or mapping with the naming columns of a device
    """What people call a device: the name given to it, else maker, model and station as sent."""
    if device["display_name"]:
        return str(device["display_name"])
    parts = dict.fromkeys(part for part in (device["manufacturer"], device["model"]) if part)
    station = device["station_name"]
    return " ".join(parts) + (f" ({station})" if parts and station else station or "") or "Unnamed device"


def told_apart(rows: Iterable[tuple[int, str, str | None]]) -> dict[int, str]:
    """Names by row id; those that several rows share with their sites, and where that does not tell either, numbers."""
    found = [(key, name, site, f"#{key}") for key, name, site in rows]
    for further in (2, 3):
        often = Counter(row[1] for row in found)
        found = [(row[0], f"{row[1]} · {row[further]}" if often[row[1]] > 1 and row[further] else row[1], *row[2:])
                 for row in found]  # fmt: skip
    return {row[0]: row[1] for row in found}


def device_names(session: Session, *where: ColumnElement[bool]) -> dict[int, str]:
    """What devices are called, told apart by their sites; one statement."""
    return _named(_devices(session, *where))


def _devices(session: Session, *where: ColumnElement[bool]) -> list[tuple[Device, str | None]]:
    found = session.execute(select(Device, Site.name).outerjoin(Site, Site.id == Device.site_id).where(*where))
    return [(device, site) for device, site in found]


def _named(rows: Iterable[tuple[Device, str | None]]) -> dict[int, str]:
    return told_apart((device.id, device_name(vars(device)), site) for device, site in rows)


def filter_choices(session: Session, scope: Scope) -> FilterChoices:
    """Modalities, devices and protocols that occur; each by walking an index, not the studies."""
    scope.require(Permission.VIEW_DOSES)
    rows = _devices(session, allowed_devices(scope))
    names = sorted((name, number) for number, name in _named(rows).items())
    return FilterChoices(
        modalities=tuple(sorted({device.modality for device, _site in rows if device.modality})),
        devices=tuple((number, name) for name, number in names),
        protocols=_protocols(session, scope),
        has_demo=any(device.is_demo for device, _site in rows),
    )


def _protocols(session: Session, scope: Scope) -> tuple[str, ...]:
    latest = select(Study.protocols).where(allowed(scope, Study)).order_by(Study.listed_at.desc()).limit(COUNT_CAP)
    return tuple(sorted(_lines(session.scalars(select(latest.subquery().c.protocols).distinct()))))


def _lines(texts: Iterable[str | None]) -> set[str]:
    return {line for text in texts if text for line in text.splitlines()}
