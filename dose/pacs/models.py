"""What Orthanc's answers become, its identifiers, and the addresses of viewers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

GROUP = 8  # hex digits between two dashes of an Orthanc identifier


def orthanc_id(*parts: str) -> str:
    """Orthanc's identifier of a resource: SHA-1 of `PatientID|StudyUID|SeriesUID|SOPUID`, as many as its level has.

    The parts are the values as Orthanc stores them: without trailing padding.
    """
    digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[i : i + GROUP] for i in range(0, len(digest), GROUP))


def viewer_link(
    template: str,
    *,
    study_uid: str,
    orthanc_study: str | None = None,
    series_uid: str | None = None,
    orthanc_series: str | None = None,
) -> str | None:
    """The address of a viewer, or None when the template asks for something that is not known."""
    known = {
        "study_uid": study_uid,
        "series_uid": series_uid,
        "orthanc_study": orthanc_study,
        "orthanc_series": orthanc_series,
    }
    try:
        return template.format_map({name: quote(value, safe="") for name, value in known.items() if value})
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of Orthanc's change log."""

    seq: int
    kind: str
    orthanc_id: str


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some lines of the log; `last` is the number to ask from next, or the newest number when there are no lines."""

    changes: tuple[Change, ...]
    done: bool
    last: int


@dataclass(frozen=True, slots=True)
class Series:
    """A series as Orthanc describes it; `tags` are its main DICOM tags by keyword, `instances` is unordered."""

    orthanc_id: str
    study_id: str
    instances: tuple[str, ...]
    last_update: str
    tags: Mapping[str, str] = field(default_factory=dict)
    stable: bool = True

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From Orthanc's JSON."""
        tags = {name: str(value).strip() for name, value in body.get("MainDicomTags", {}).items()}
        return cls(
            body["ID"],
            body["ParentStudy"],
            tuple(body["Instances"]),
            body.get("LastUpdate", ""),
            tags,
            bool(body.get("IsStable", True)),
        )


@dataclass(frozen=True, slots=True)
class Modality:
    """A DICOM application entity that Orthanc knows."""

    name: str
    aet: str
    host: str
    port: int
