"""Both databases, a ward of patients in each, and the running app."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.browser.conftest import base, site, visit
from tests.patient_notices.ward import Ward

__all__ = ["base", "site", "visit"]


@pytest.fixture
def ward(factory: sessionmaker[Session]) -> Ward:
    """A site that writes to its patients."""
    return Ward(factory).switch_on()
