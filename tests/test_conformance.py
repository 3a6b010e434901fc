"""The conformance page names tests that exist, every row that reads, and cannot fall behind."""

import ast
from pathlib import Path

import pytest

from dose import extract
from dose.extract import images
from dose.extract.quirks import QUIRKS
from dose.extract.template import Table
from tools import conformance
from tools.conformance_facts import TOLERATED

ROOT = Path(__file__).parents[1]


def functions_in(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("deviation", "test"), [(row[0], row[2]) for row in TOLERATED], ids=lambda text: text[:40])
def test_a_tolerated_deviation_is_pinned_by_a_test_that_exists(deviation, test):
    file, _, name = test.partition("::")
    assert name in functions_in(file), deviation


def test_the_page_names_every_class_template_and_quirk():
    page = conformance.page()
    for one in (*images.READERS, *(reader.template for readers in extract.READERS.values() for reader in readers)):
        assert one in page
    assert all(f"`{row.name}`" in page for row in QUIRKS)


def test_every_reader_of_reports_has_its_section():
    modules = {reader.read.__module__ for readers in extract.READERS.values() for reader in readers}
    assert modules <= {module.__name__ for module in conformance.REPORTS.values()}


def test_every_field_of_a_table_stands_on_the_page_with_its_codes():
    page = conformance.page()
    for module in conformance.REPORTS.values():
        for table in (value for value in vars(module).values() if isinstance(value, Table)):
            for column, row in table.rows.items():
                assert f"| `{column}` | " in page
                assert f"({row.path[-1][1]}, {row.path[-1][0]})" in page


def test_the_attributes_of_a_header_row_are_found_without_a_header():
    page = conformance.page()
    for said in ("(0018,115E) ImageAndFluoroscopyAreaDoseProduct in dGy.cm2", "(0018,9345) CTDIvol in mGy",
                 "(0040,0316) OrganDose in dGy", "(0018,1074) RadionuclideTotalDose in Bq"):  # fmt: skip
        assert said in page
