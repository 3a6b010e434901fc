"""A site's own quirks: rows of a TOML file, checked when the process starts, without Python.

    [[quirk]]
    name = "orion-dap-under-a-private-code"
    why = "Orion C-arms state the kerma-area product of an event under a private code."
    manufacturer = "orion*"                     # globs; left out: any
    model = "*"
    software = "2.*"
    template = "10001"                          # 10001 projection, 10011 CT, 10021 radiopharmaceutical …
    rename = [{ from = "(DAP-1, 99ORION)", to = "(122130, DCM)" }]
    recode = [{ item = "(113721, DCM)", from = "(FL, 99ORION)", to = "(44491008, SCT)" }]
    move = [{ items = ["(113758, DCM)"], into = "(113771, DCM)", inside = "(113706, DCM)" }]

`rename` reads items under another name, `recode` a coded value as another, `move` puts items that lie beside a
container (in the root, or in every `inside`) into it, and makes it where it is missing. No row can change a number or
its unit.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dose.codes import Concept
from dose.errors import ConfigError
from dose.extract.quirks import ANY, QUIRKS, SITE, Quirk, in_turn, named
from dose.extract.repairs import Repair, Tree, everywhere, move, recode, rename, within

VARIABLE = "DACS_QUIRKS_FILE"
_CODE = re.compile(r"\(\s*([^\s,()]{1,64})\s*,\s*([^\s,()]{1,16})\s*\)")
_TEXTS = ("name", "why", "manufacturer", "model", "software", "template")
_STEPS: dict[str, frozenset[str]] = {
    "rename": frozenset({"from", "to"}),
    "recode": frozenset({"item", "from", "to"}),
    "move": frozenset({"items", "into", "inside"}),
}
_LONGEST = 200


class _Wrong(Exception):
    """What is wrong with one key of a row."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def use(path: Path | None) -> tuple[Quirk, ...]:
    """Make this process read with the rows of a site's file, none without one; they are returned.

    Raises
    ------
    ConfigError
        One sentence naming the file, the row and the key.
    """
    SITE.rows = load(path) if path else ()
    return SITE.rows


def load(path: Path) -> tuple[Quirk, ...]:
    """Return the rows of a file.

    Raises
    ------
    ConfigError
        One sentence naming the file, the row and the key.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{VARIABLE} {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{VARIABLE} {path} is not TOML: {error}") from None
    rows = said.get("quirk", [])
    if set(said) - {"quirk"} or not isinstance(rows, list):
        raise ConfigError(f"{VARIABLE} {path} holds something else than [[quirk]] rows")
    taken = {quirk.name for quirk in QUIRKS}
    return tuple(_row(path, number, row, taken) for number, row in enumerate(rows, 1))


def _row(path: Path, number: int, row: Any, taken: set[str]) -> Quirk:  # noqa: ANN401 - any TOML
    try:
        quirk = _quirk(row)
        if quirk.name in taken:
            raise _Wrong("name", "is taken already")
    except _Wrong as error:
        called = row.get("name") if isinstance(row, dict) else None
        named_so = f" ({called})" if isinstance(called, str) else ""
        raise ConfigError(f"{VARIABLE} {path}, row {number}{named_so}, key {error.key}: {error}") from None
    taken.add(quirk.name)
    return quirk


def _quirk(row: Any) -> Quirk:  # noqa: ANN401 - any TOML
    if not isinstance(row, dict):
        raise _Wrong("quirk", "is not a table")
    for key in row:
        if key not in (*_TEXTS, *_STEPS):
            raise _Wrong(key, f"is unknown; known are {', '.join((*_TEXTS, *_STEPS))}")
    texts = {key: _text(row, key) for key in _TEXTS if key in row}
    for key in ("name", "why"):
        if not texts.get(key):
            raise _Wrong(key, "is missing")
    steps = [_STEP[key](step) for key in _STEPS for step in _steps(row, key)]
    if not steps:
        raise _Wrong("rename", f"or one of {', '.join(_STEPS)} must say what to do")
    return Quirk(
        repair=in_turn(*(repair for repair, _ in steps)),
        signs=named(*(concept for _, concepts in steps for concept in concepts)),
        source="the site's own file",
        test="",
        version=_fingerprint(row),
        **({"template": ANY} | texts),
    )


def _fingerprint(row: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:12]


def _text(row: dict[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise _Wrong(key, f"must be a text of at most {_LONGEST} letters")
    return value.strip()


def _steps(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    said = row.get(key, [])
    steps = said if isinstance(said, list) else [said]
    for step in steps:
        if not isinstance(step, dict):
            raise _Wrong(key, "must be tables such as { from = …, to = … }")
        needed = _STEPS[key] - {"inside"}
        if set(step) - _STEPS[key] or needed - set(step):
            raise _Wrong(
                key, f"must have {', '.join(sorted(_STEPS[key]))}; it has {', '.join(sorted(step)) or 'nothing'}"
            )
    return steps


Step = tuple[Repair, tuple[Concept, ...]]  # what it does, and the items it looks for


def _rename(step: dict[str, Any]) -> Step:
    wrong = _concept("rename", step["from"])
    return everywhere(rename(wrong, _concept("rename", step["to"]))), (wrong,)


def _recode(step: dict[str, Any]) -> Step:
    item, wrong, right = (_concept("recode", step[key]) for key in ("item", "from", "to"))
    return everywhere(recode(item, wrong, right)), (item,)


def _move(step: dict[str, Any]) -> Step:
    if not isinstance(step["items"], list) or not step["items"]:
        raise _Wrong("move", "items must be a list of codes")
    items = tuple(_concept("move", item) for item in step["items"])
    into = _concept("move", step["into"])
    if into in items:
        raise _Wrong("move", "a container cannot be put into itself")
    repair = move(items, into)
    return (_inside(_concept("move", step["inside"]), repair) if "inside" in step else repair), items


def _inside(container: Concept, change: Repair) -> Repair:
    one = within((container,), change)

    def repair(nodes: Tree) -> Tree:
        return everywhere(one)(nodes)

    return repair


_STEP: dict[str, Callable[[dict[str, Any]], Step]] = {"rename": _rename, "recode": _recode, "move": _move}


def _concept(key: str, said: Any) -> Concept:  # noqa: ANN401 - any TOML
    found = _CODE.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is None:
        raise _Wrong(key, f"{said!r} is not a code such as (113824, DCM)")
    return (found[2], found[1])
