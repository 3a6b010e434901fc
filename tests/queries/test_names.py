"""Names that several rows share are told apart by their sites, in lists and in groups."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from dose.database import writing
from dose.queries.groups import By, labels
from dose.queries.names import choices_of
from dose.queries.studies import filter_choices, told_apart
from dose.scope import system_scope
from dose.tables import Device, Operator, Site
from tests.counting import statements
from tests.outliers.test_queries import NOW
from tests.statistics_page.facts import lay_down, study_fact

ALL = system_scope("test")
PEOPLE = {1: "A. Alami \N{MIDDLE DOT} North", 2: "A. Alami \N{MIDDLE DOT} South", 3: "B. Bennani"}
ROOMS = {1: "CT 1 \N{MIDDLE DOT} North", 2: "CT 1 \N{MIDDLE DOT} South", 3: "CT 2"}


@pytest.fixture
def two_sites(factory):
    """A name of a person and of a room at two sites, and one of each at one."""
    lay_down(factory, [study_fact(n, site_id=1 + n % 2, device_id=n, operator_id=n) for n in (1, 2, 3)])
    seen = {"first_seen_at": NOW, "last_seen_at": NOW, "modality": "CT"}
    of = [(1, 1, "CT 1", "A. Alami"), (2, 2, "CT 1", "A. Alami"), (3, 1, "CT 2", "B. Bennani")]
    with writing(factory) as session:
        session.execute(insert(Site), [{"id": 1, "name": "North"}, {"id": 2, "name": "South"}])
        session.execute(insert(Device), [{"id": n, "site_id": site, "device_key": str(n), "display_name": room, **seen}
                                         for n, site, room, _who in of])  # fmt: skip
        session.execute(insert(Operator), [{"id": n, "site_id": site, "name_index": bytes([n]), "name": who}
                                           for n, site, _room, who in of])  # fmt: skip
    return factory


@pytest.mark.parametrize(("by", "names"), [(By.DEVICE, ROOMS), (By.OPERATOR, PEOPLE)])
def test_groups_and_choices_of_one_name_carry_their_site(two_sites, engine, key_ring, by, names) -> None:
    with two_sites() as session:
        session.connection()
        with statements(engine) as sent:
            assert labels(session, ALL, (by,), [(key,) for key in names]) == [(name,) for name in names.values()]
        assert len(sent) == 1
        assert dict(choices_of(session, ALL, by.value)) == names
        assert dict(filter_choices(session, ALL).devices) == ROOMS
        assert labels(session, ALL, (by,), [(2,)]) == [(names[2].split(" \N{MIDDLE DOT}")[0],)]


def test_what_a_site_does_not_tell_apart_a_number_does() -> None:
    rows = [(1, "CT", "North"), (2, "CT", "North"), (3, "CT", None), (4, "CT", "South"), (5, "MG", "South")]
    told = told_apart(rows)
    assert told == {1: "CT \N{MIDDLE DOT} North \N{MIDDLE DOT} #1", 2: "CT \N{MIDDLE DOT} North \N{MIDDLE DOT} #2",
                    3: "CT", 4: "CT \N{MIDDLE DOT} South", 5: "MG"}  # fmt: skip
