"""Questions to the database. Every function takes the session and a `Scope` first and answers only what it allows.

Nothing here writes an audit line: the caller that shows the answer does, with the row ids the answers carry.
"""

from dose.queries.detail import kept_content, study_detail, study_id_by_orthanc_id, study_id_by_uid
from dose.queries.models import (
    AccumulatedRow,
    DeadItem,
    DeviceInfo,
    EventRow,
    FilterChoices,
    HistoryRow,
    Note,
    Order,
    PatientIdentity,
    ProcessRow,
    RefusedPeerRow,
    RejectedPage,
    RejectedRow,
    SeriesRow,
    SourceRow,
    StudyDetail,
    StudyFilter,
    StudyPage,
    StudyRow,
    SystemState,
    TotalRow,
)
from dose.queries.studies import COUNT_CAP, filter_choices, find_studies, newest_version, studies_since
from dose.queries.system import devices, mark_admitted, rejected_objects, retry_rejected, system_state

__all__ = [
    "COUNT_CAP",
    "AccumulatedRow",
    "DeadItem",
    "DeviceInfo",
    "EventRow",
    "FilterChoices",
    "HistoryRow",
    "Note",
    "Order",
    "PatientIdentity",
    "ProcessRow",
    "RefusedPeerRow",
    "RejectedPage",
    "RejectedRow",
    "SeriesRow",
    "SourceRow",
    "StudyDetail",
    "StudyFilter",
    "StudyPage",
    "StudyRow",
    "SystemState",
    "TotalRow",
    "devices",
    "filter_choices",
    "find_studies",
    "kept_content",
    "mark_admitted",
    "newest_version",
    "rejected_objects",
    "retry_rejected",
    "studies_since",
    "study_detail",
    "study_id_by_orthanc_id",
    "study_id_by_uid",
    "system_state",
]
