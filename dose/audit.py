"""One line per patient view, change, export and sign-in."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from dose.scope import Scope
from dose.tables import AuditEntry


class Action(StrEnum):
    """What was done."""

    SIGN_IN = "sign in"
    SIGN_IN_FAILED = "sign in failed"
    SIGN_OUT = "sign out"
    VIEW_LIST = "view list"
    VIEW_STUDY = "view study"
    VIEW_IMAGES = "view images"
    VIEW_PROVENANCE = "view provenance"
    EXPORT = "export"
    ADMIT_PEER = "admit peer"
    RETRY_OBJECT = "retry object"
    COMPARE = "compare with Orthanc"
    REEXTRACT = "re-extract"
    CORRECT = "correct"
    UNDO = "undo"
    TYPE_DOSE = "type dose"
    UPLOAD = "upload table"
    IMPORT = "import table"
    MAPPING_CHANGE = "change mapping"
    REMOVE = "remove"
    USER_CHANGE = "change user"
    VIEW_QUALITY = "view quality"
    PATTERN_CHANGE = "change pattern"
    SAMPLE_PLAN = "change sample plan"
    SAMPLE_DRAW = "draw sample"
    SAMPLE_ENTER = "enter console value"
    SAMPLE_SIGN = "sign sample"
    SAMPLE_REOPEN = "reopen sample"
    VIEW_STATISTICS = "view statistics"
    VIEW_PATIENT = "view patient history"
    NAME_CHANGE = "change procedure name"
    LEVEL_CHANGE = "change reference level"
    VIEW_SAVE = "save view"
    RECORD_SIGN = "sign record"
    ALERT_RULE_CHANGE = "change alert rule"
    RECIPIENT_CHANGE = "change recipient"
    NOTICE_CHANGE = "decide on notice"
    VIEW_ALERT = "view alert"
    ALERT_WORK = "work on alert"
    PATIENT_NOTICE = "change notices to patients"


def record(
    session: Session,
    scope: Scope,
    action: Action,
    *,
    subject: str | None = None,
    subject_id: int | None = None,
    patient_id: int | None = None,
    address: str | None = None,
    **detail: Any,  # noqa: ANN401 - row ids, UIDs and counts of any JSON type
) -> None:
    """Add one entry to the session; it is kept exactly when the caller's transaction is.

    `patient_id` and `subject_id` are row ids; `detail` carries row ids, UIDs and counts, never a name.
    """
    session.add(
        AuditEntry(
            at=datetime.now(UTC),
            user_id=scope.user_id,
            user_name=scope.user_name,
            action=action.value,
            subject=subject,
            subject_id=subject_id,
            patient_id=patient_id,
            detail=detail,
            address=address,
        )
    )
