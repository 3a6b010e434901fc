"""Addresses by which other systems find a study: Orthanc's id (the *Dose* button) or the Study Instance UID."""

from __future__ import annotations

from flask import Blueprint, abort, redirect
from flask.typing import ResponseReturnValue

from dash_app.context import reading, scope, web
from dose.pacs import viewer_link
from dose.queries import study_id_by_orthanc_id, study_id_by_uid
from dose.queries.detail import first_series
from dose.scope import Permission

blueprint = Blueprint("links", __name__)


@blueprint.get("/studies/by-orthanc/<orthanc_study>")
def by_orthanc(orthanc_study: str) -> ResponseReturnValue:
    """To the page of the study that Orthanc calls so."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return _to_study(study_id_by_orthanc_id(session, who, orthanc_study))


@blueprint.get("/studies/by-uid/<study_uid>")
def by_uid(study_uid: str) -> ResponseReturnValue:
    """To the page of the study with this Study Instance UID."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return _to_study(study_id_by_uid(session, who, study_uid))


@blueprint.get("/studies/<int:study_id>/images")
def images(study_id: int) -> ResponseReturnValue:
    """To the viewer with the first series of a study that Orthanc still holds; else to the study, which says why."""
    with reading(Permission.VIEW_IMAGES) as (session, who):
        series = first_series(session, who, study_id)
    if series is None:
        return _to_study(study_id)
    link = viewer_link(
        web().settings.viewer_url,
        study_uid=series.study_instance_uid,
        orthanc_study=series.orthanc_study_id,
        series_uid=series.series_instance_uid,
        orthanc_series=series.orthanc_series_id,
    )
    return redirect(link) if link else _to_study(study_id)


def _to_study(study_id: int | None) -> ResponseReturnValue:
    # Unknown and forbidden look alike: to the page that says so in words.
    return redirect(f"/studies/{study_id}" if study_id is not None else "/studies/0")


@blueprint.get("/")
def start() -> ResponseReturnValue:
    """The page to begin with."""
    return redirect("/today" if scope().may(Permission.VIEW_DOSES) else "/account")


@blueprint.get("/favicon.ico")
def icon() -> ResponseReturnValue:
    """Browsers ask for it whatever the page says."""
    abort(404)
