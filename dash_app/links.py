"""Addresses by which other systems find a study: Orthanc's id (the *Dose* button) or the Study Instance UID."""

from __future__ import annotations

from flask import Blueprint, abort, redirect
from flask.typing import ResponseReturnValue

from dash_app.context import reading, scope
from dose.queries import study_id_by_orthanc_id, study_id_by_uid
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
