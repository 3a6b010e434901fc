"""What the demonstration decides, and what its studies then show; nothing of a site's own is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dacs.demo import load_directly
from dacs.demo_decisions import DECIDED_BY, RULES, SETS, put, take_back
from dacs.synthetic.hospital import ANCHOR, DemoStudy, demo_studies
from dose import migrate
from dose.database import make_engine, session_factory, writing
from dose.naming.fields import study_values
from dose.queries.outliers import Outlier, Wish, outliers
from dose.scope import Role, Scope, scope_for, system_scope
from dose.store import facts
from dose.store.levels_sets import Decision, decide
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary, rules_in_force
from dose.store.naming_rules import Draft, change_rule, draft_of, make_rule
from dose.tables import AuditEntry, Procedure, ProcedureRule, ReferenceLevel, ReferenceSet

PERSON: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
KINDS = ("CT CHEST", "SCANNER ABDOMEN PELVIS")


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    """A database with vocabulary and published levels, none of them in use."""
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    migrate.upgrade(url)
    engine = make_engine(url)
    with writing(session_factory(engine)) as session:
        load_vocabulary(session)
        load_levels(session)
    yield session_factory(engine)
    engine.dispose()


def in_use(session: Session) -> set[str]:
    return set(session.scalars(select(ReferenceSet.key).where(ReferenceSet.active)))


def in_force(session: Session) -> list[ProcedureRule]:
    return list(session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None))))


def a_set(session: Session, key: str) -> ReferenceSet:
    return session.scalars(select(ReferenceSet).where(ReferenceSet.key == key)).one()


def test_it_puts_levels_and_names_to_use_on_record_and_takes_them_back(factory):
    with writing(factory) as session:
        assert put(session) == (len(SETS), len(RULES))
        assert in_use(session) == set(SETS)
        assert {rule.made_by for rule in in_force(session)} == {DECIDED_BY}
    with writing(factory) as session:
        assert put(session) == (0, 0)
        assert take_back(session) == (len(SETS), len(RULES))
        assert (in_use(session), in_force(session)) == (set(), [])
        entries = session.scalars(select(AuditEntry).where(AuditEntry.user_name == DECIDED_BY)).all()
        assert len(entries) == 2 * (len(SETS) + len(RULES))


def test_unconfirmed_levels_stay_off(factory):
    with writing(factory) as session:
        put(session)
        ids = select(ReferenceSet.id).where(ReferenceSet.active)
        rows = session.scalars(select(ReferenceLevel).where(ReferenceLevel.set_id.in_(ids))).all()
    unconfirmed = [row for row in rows if row.verified.startswith("unconfirmed")]
    assert unconfirmed
    assert not any(row.active for row in unconfirmed)


def test_a_site_that_has_decided_is_left_alone(factory):
    with writing(factory) as session:
        own = a_set(session, "germany-2022")
        decide(session, PERSON, own.id, own.changed_at, Decision(active=True))
        procedure = session.scalars(select(Procedure).where(Procedure.key == "RPID22")).one()
        said = {"field": "description", "op": "contains", "value": "skull"}
        make_rule(session, PERSON, Draft(procedure.id, [said]))
        assert put(session) == (0, 0)
        assert take_back(session) == (0, 0)
        assert in_use(session) == {"germany-2022"}
        assert len(in_force(session)) == 1


def test_what_a_person_changed_since_stays(factory):
    with writing(factory) as session:
        put(session)
        kept = a_set(session, "uk-2024")
        decide(session, PERSON, kept.id, kept.changed_at, Decision(active=True, priority=50))
        rule = in_force(session)[0]
        changed = change_rule(session, PERSON, rule.id, replace(draft_of(rule), note="looked at"))
        assert take_back(session) == (len(SETS) - 1, len(RULES) - 1)
        assert in_use(session) == {"uk-2024"}
        assert [row.id for row in in_force(session)] == [changed]


def test_its_rules_name_its_own_studies_and_nobody_elses(factory):
    study = {"modality": "XA", "description": "CORONAROGRAPHIE", "protocols": ""}
    with writing(factory) as session:
        put(session)
        rules = rules_in_force(session.connection())
    named = [rules.classify(study_values(study, [], {"station_name": name})).state for name in ("DEMOXA1", "CATHLAB")]
    assert named == ["mapped", "none"]


@pytest.mark.slow
def test_every_unusual_dose_of_the_demonstration_stands_out_with_its_cause(factory):
    year = [study for study in demo_studies() if study.study.description in KINDS]
    load_directly(factory, year)
    facts.catch_up(factory)
    first, last = (int(f"{day:%Y%m%d}") for day in (ANCHOR - timedelta(days=89), ANCHOR))
    with factory() as session:
        found = outliers(session, system_scope("test"), Wish(first, last))
    causes = {twist_of(year, one): [part.name for part in one.parts.reasons] for one in found.rows if one.parts}
    assert causes == {
        "repeat": ["phases"],
        "extra phases": ["phases"],
        "long scan": ["length"],
        "high voltage": ["ctdi"],
    }
    assert all(one.standing.n >= 30 for one in found.rows)


def twist_of(year: list[DemoStudy], found: Outlier) -> str | None:
    return next(one.twist for one in year if one.study.accession_number == found.study.accession_number)
