"""What may be noted about a study has words for people: every code that readers and the store can write."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dash_app.vocabulary import NOTES, SOURCE_REASONS
from dose.store.totals import SUMS
from tests.conftest import ROOT

CODE = re.compile(r"[a-z]+(-[a-z]+)+|implausible|extravasation")
FOLDERS = ("extract", "store")


def constants(node: ast.AST) -> list[str]:
    """The codes in a call of `note`, in a table of notes, or where a variable `code` becomes one."""
    parts: list[ast.expr | None] = []
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("note", "_note"):
        parts = [*node.args[:1]]
    elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("_NOTES", "_REMARKS"):
        parts = node.value.keys if isinstance(node.value, ast.Dict) else []
    elif (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and "id='code'" in ast.dump(node.targets[0])
    ):
        parts = [*node.value.elts[:1]]
    return [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def codes() -> Iterator[str]:
    """Every code, from the source."""
    for folder in FOLDERS:
        for path in (ROOT / "dose" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield from filter(CODE.fullmatch, constants(node))
    yield from (code for _sum, _reported, code in SUMS.values())


def test_every_code_of_a_note_has_words() -> None:
    found = set(codes())
    assert len(found) > 40
    assert found - NOTES.keys() == set()


def test_words_are_for_codes_that_occur() -> None:
    assert NOTES.keys() - set(codes()) <= SOURCE_REASONS.keys()
