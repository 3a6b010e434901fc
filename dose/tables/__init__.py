"""The database, declaratively: what was irradiated (`doses`), what people changed (`corrections`), what names mean
(`naming`), what statistics count (`facts`), what doses are compared with (`levels`), and the `system`. No DICOM here.
"""

from dose.tables.base import ID, Base, UTCDateTime
from dose.tables.corrections import Correction, ImportBatch, ImportMapping, NotPatientPattern, QcPlan, QcSample
from dose.tables.doses import (
    AccumulatedDose,
    Counterpart,
    Device,
    EventStudy,
    IrradiationEvent,
    KeptObject,
    Patient,
    PatientToken,
    Site,
    SourceObject,
    Study,
    StudyHistory,
    StudyWord,
)
from dose.tables.facts import DoseCell, EventFact, StudyFact
from dose.tables.levels import ReferenceLevel, ReferenceSet, SavedView, SignedRecord
from dose.tables.naming import LocalName, Operator, Procedure, ProcedureChange, ProcedureRule, Protocol
from dose.tables.system import (
    AppUser,
    AuditEntry,
    Cursor,
    ImageSeries,
    IngestItem,
    ProcessState,
    RefusedPeer,
    UserRole,
    UserSite,
)

__all__ = [
    "ID",
    "AccumulatedDose",
    "AppUser",
    "AuditEntry",
    "Base",
    "Correction",
    "Counterpart",
    "Cursor",
    "Device",
    "DoseCell",
    "EventFact",
    "EventStudy",
    "ImageSeries",
    "ImportBatch",
    "ImportMapping",
    "IngestItem",
    "IrradiationEvent",
    "KeptObject",
    "LocalName",
    "NotPatientPattern",
    "Operator",
    "Patient",
    "PatientToken",
    "Procedure",
    "ProcedureChange",
    "ProcedureRule",
    "ProcessState",
    "Protocol",
    "QcPlan",
    "QcSample",
    "ReferenceLevel",
    "ReferenceSet",
    "RefusedPeer",
    "SavedView",
    "SignedRecord",
    "Site",
    "SourceObject",
    "Study",
    "StudyFact",
    "StudyHistory",
    "StudyWord",
    "UTCDateTime",
    "UserRole",
    "UserSite",
]
