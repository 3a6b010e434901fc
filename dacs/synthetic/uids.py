"""Unique identifiers that are the same in every run: names hashed into UUIDs under 2.25.

References: DICOM PS3.5 B.2 (UUID derived UIDs); ITU-T X.667 (name-based UUIDs).
"""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("4f8b6c0e-9a57-5d3e-8a1f-6d0f2f7c9b21")


def uid(*name: object) -> str:
    """Return the UID of this name: equal names give equal UIDs, on every machine."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(map(str, name))).int}"
