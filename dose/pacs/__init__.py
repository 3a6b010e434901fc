"""Talking to Orthanc over its REST API, and linking to its viewers.

A refused, lost or slow connection is `PacsUnreachable` (the world is bad: wait); any other status of the answer is
about the one thing that was asked for.

References: Orthanc's REST API, https://orthanc.uclouvain.be/api/ (Orthanc 1.10.1).
"""

from dose.pacs.client import OrthancClient
from dose.pacs.models import Change, ChangePage, Modality, Series, orthanc_id, viewer_link
from dose.pacs.transport import NotInPacs, PacsError, PacsRefused, PacsUnreachable

__all__ = [
    "Change",
    "ChangePage",
    "Modality",
    "NotInPacs",
    "OrthancClient",
    "PacsError",
    "PacsRefused",
    "PacsUnreachable",
    "Series",
    "orthanc_id",
    "viewer_link",
]
