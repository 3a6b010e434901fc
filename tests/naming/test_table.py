"""Rules as a table: out, edited, in again."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from sqlalchemy import func, select

from dose.database import writing
from dose.naming import written
from dose.naming.rules import RuleRefused, conditions_of
from dose.store import naming_csv, naming_rules
from dose.tables import ProcedureRule
from tests.naming.world import CHEST, HEAD, OTHER, PHYSICIST, draft, of_site, place, procedure

THORAX = ("description", "contains", 'thorax "routine"')


@pytest.fixture
def session(named):
    with writing(named) as session:
        place(session)
        yield session


def a_table(*rows, head="conditions,procedure"):
    return "\n".join([head, *rows]).encode()


@pytest.mark.parametrize(
    "said",
    [
        [("protocol", "contains", 'a "b" AND c'), ("contrast", "missing", None)],
        [("description", "one_of", ["a, b", "c"]), ("age_years", "between", [None, 15])],
        [("scan_length_mm", "between", [100.5, 300]), ("sex", "is", "F")],
    ],
)
def test_conditions_written_are_read_back(said):
    found = conditions_of([{"field": field, "op": op, "value": value} for field, op, value in said], "study")
    assert written.read(written.write(found), "study") == found


UNREADABLE = ("protocol", "protocol is", "protocol is x", 'protocol is "x" AND', 'protocol is "x" "y"')


@pytest.mark.parametrize("line", [*UNREADABLE, 'protocol is "a", "b"', "age_years between 1-2"])
def test_a_line_that_cannot_be_read_is_refused(line):
    with pytest.raises(RuleRefused):
        written.read(line, "study")


def test_a_table_written_is_read_without_a_change(session):
    naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX, site_id=2, note="=1+1"))
    naming_rules.make_rule(
        session, PHYSICIST, draft(session, HEAD, ("age_years", "between", [1, 5]), device_id=1, priority=-3)
    )
    text = naming_csv.export_rules(session, PHYSICIST)
    assert "'=1+1" in text
    assert naming_csv.import_rules(session, PHYSICIST, text.encode()) == naming_csv.Taken(0, 0, 2, ())


def test_a_row_with_a_number_changes_that_rule_and_one_without_makes_one(session):
    first = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    rows = list(csv.DictReader(StringIO(naming_csv.export_rules(session, PHYSICIST).lstrip("\ufeff"))))
    rows[0]["procedure"] = HEAD
    head = ";".join(rows[0])
    lines = [";".join(f'"{value.replace(chr(34), chr(34) * 2)}"' for value in rows[0].values())]
    lines.append(';study;CT;;;"protocol is ""abc""";RPID16;;;;')
    taken = naming_csv.import_rules(session, PHYSICIST, a_table(*lines, head=head))
    assert (taken.made, taken.changed, taken.refused) == (1, 1, ())
    new = session.scalars(select(ProcedureRule).where(ProcedureRule.replaces_id == first)).one()
    assert (new.procedure_id, new.origin) == (procedure(session, HEAD), "csv")


def test_each_refused_row_is_said_with_its_number_and_the_others_are_kept(session):
    quoted = '"protocol is ""{}"""'
    taken = naming_csv.import_rules(session, PHYSICIST, a_table(
        f"{quoted.format('good')},RPID16", "", f"{quoted.format('x')},RPID0", "shoe is big,RPID16",
        '"shoe is ""big""",RPID16', f"{quoted.format('good')},RPID22", ",RPID16",
    ))  # fmt: skip
    assert taken.made == 1
    said = [(one.row, one.code) for one in taken.refused]
    assert said == [(4, "procedure"), (5, "syntax"), (6, "field"), (7, "contradicts"), (8, "no-condition")]
    assert session.scalar(select(func.count(ProcedureRule.id))) == 1


def test_a_rule_that_somebody_changed_since_is_refused_and_nothing_is_lost(session):
    first = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    text = naming_csv.export_rules(session, PHYSICIST).replace("RPID16", "RPID22")
    naming_rules.change_rule(session, OTHER, first, draft(session, "RPID18", THORAX))
    taken = naming_csv.import_rules(session, PHYSICIST, text.encode())
    assert [(one.row, one.code) for one in taken.refused] == [(2, "gone")]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"a,b\n1,2", "column"), (b"\0", "encoding"), (b"", "blank"), (b" " * 1_400_001, "large")],
)
def test_what_is_no_table_of_rules_is_refused_as_a_whole(session, content, code):
    assert {one.code for one in naming_csv.import_rules(session, PHYSICIST, content).refused} == {code}


def test_an_account_of_one_site_sees_no_rules_of_others(session):
    naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX, site_id=2))
    assert naming_csv.export_rules(session, of_site(1)).count("\r\n") == 1


@pytest.mark.parametrize(
    ("row", "code"),
    [(f"{'9' * 30},CT,RPID16", "number"), (",DX,RPID16", "modality"), (",no modality at all,RPID16", "modality")],
)
def test_a_cell_that_no_database_could_hold_is_refused(session, row, code):
    table = a_table(f'"protocol is ""x""",{row}', head="conditions,rule,modality,procedure")
    assert [(one.row, one.code) for one in naming_csv.import_rules(session, PHYSICIST, table).refused] == [(2, code)]
