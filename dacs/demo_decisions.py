"""What the demonstration hospital has decided: which reference levels it is compared with, and what some names mean.

Decisions are made by the same functions as on the pages, stand in the same history and audit, and name `DECIDED_BY`.
A site that has decided something itself is left alone; what is taken back is what was put and nobody changed since.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dose.naming.fields import EVENT, STUDY
from dose.scope import system_scope
from dose.store.levels_sets import Decision, decide
from dose.store.naming_rules import ACCEPTED, Draft, accept_rules, retire_rule
from dose.tables import Procedure, ProcedureRule, ReferenceSet

DECIDED_BY = "demonstration"
WHO = system_scope(DECIDED_BY)
# In the order in which they apply: CT, radiography, CT of children, of the chest without contrast; interventions.
SETS = ("uk-2024", "france-2019", "tunisia-2022", "morocco-souss-massa-2024", "srdl")


def _where(level: str, modality: str, field: str, words: str, complexity: str | None = None) -> Draft:
    of_the_demo = {"field": "device", "op": "contains", "value": "demo*"}  # its stations: no other site's names
    said = {"field": field, "op": "contains", "value": words}
    return Draft(0, (said, of_the_demo), level, modality, complexity=complexity, origin=ACCEPTED)


# Names without a code that somebody has settled already, by the key of the procedure.
RULES = (
    ("RPID22", _where(STUDY, "CT", "description", "scanner crane enfant")),
    ("dacs:coronary-angiography", _where(STUDY, "XA", "description", "coronarographie")),
    ("dacs:pci", _where(STUDY, "XA", "description", "coronary angioplasty pci", "medium")),
    ("RPID979", _where(EVENT, "CT", "protocol", "cascore")),
)


def put(session: Session) -> tuple[int, int]:
    """Put levels and rules to use where the site has none of its own; how many sets and rules that were."""
    return _sets(session), _rules(session)


def take_back(session: Session) -> tuple[int, int]:
    """Take back the sets and rules of `put` that are still as they were put; how many."""
    mine = (ReferenceSet.active, ReferenceSet.changed_by == DECIDED_BY)
    sets = session.scalars(select(ReferenceSet).where(*mine).order_by(ReferenceSet.id)).all()
    for one in sets:
        decide(session, WHO, one.id, one.changed_at, Decision(active=False))
    in_force = (ProcedureRule.retired_at.is_(None), ProcedureRule.made_by == DECIDED_BY)
    rules = session.scalars(select(ProcedureRule.id).where(*in_force).order_by(ProcedureRule.id)).all()
    for rule_id in rules:
        retire_rule(session, WHO, rule_id)
    return len(sets), len(rules)


def _sets(session: Session) -> int:
    if session.scalar(select(exists().where(ReferenceSet.active))):
        return 0
    found = {one.key: one for one in session.scalars(select(ReferenceSet).where(ReferenceSet.key.in_(SETS)))}
    chosen = [found[key] for key in SETS if key in found]
    for one in chosen:
        decide(session, WHO, one.id, one.changed_at, Decision(active=True))
    return len(chosen)


def _rules(session: Session) -> int:
    if session.scalar(select(exists().where(ProcedureRule.retired_at.is_(None)))):
        return 0
    keys = [key for key, _ in RULES]
    known = {one.key: one.id for one in session.scalars(select(Procedure).where(Procedure.key.in_(keys)))}
    drafts = [replace(draft, procedure_id=known[key]) for key, draft in RULES if key in known]
    made, _refused = accept_rules(session, WHO, drafts)
    return len(made)
