"""What devices, modalities and people wrote stands in a report as text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from dose.database import writing
from dose.scope import Role
from dose.store.alert_work import comment
from dose.tables import Alert, AlertRule, Device, Study
from tests.alert_work.pages import alerts_of
from tests.alert_work.world import PHYSICIST
from tests.web.conftest import Site

EVIL = '<script>alert("K_a,r")</script>'
SHOWN = "&lt;script&gt;alert("


@pytest.fixture
def evil(site: Site) -> Iterator[int]:
    """An alert around which everything that can be written is a script."""
    with alerts_of(site) as made, writing(site.sessions) as session:
        row = session.get_one(Alert, made[0])
        study, device = session.get_one(Study, row.study_id), session.get_one(Device, row.device_id)
        before = study.description, device.display_name
        study.description = device.display_name = EVIL
        comment(session, PHYSICIST, row.id, f"{EVIL} {{{{ 7 * 7 }}}}")
        rule = session.scalars(select(AlertRule)).first()
        if rule is not None:
            row.rule_id = rule.id
        session.commit()
        yield made[0]
        session.execute(update(Study).where(Study.id == study.id).values(description=before[0]))
        session.execute(update(Device).where(Device.id == device.id).values(display_name=before[1]))


def test_a_report_shows_what_was_written_as_text(site: Site, evil: int) -> None:
    page = site.as_(Role.PHYSICIST).get(f"/alerts/{evil}/report?with=texts").get_data(as_text=True)
    assert page.count(SHOWN) == 3
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
