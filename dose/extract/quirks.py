"""Vendor deviations, as a table: whom they concern, how they are repaired, why, and the test that pins each.

A repair is a function of the content tree; it returns the very same tree when there is nothing to
repair, and then the quirk is not named in the report. Values are never repaired, only where they stand:
a wrong number in a right unit is flagged by plausibility and stays.

A site's own rows will come from TOML with the same keys (`name`, `manufacturer`, `model`, `software`,
`template`, `rename`, `why`), which is why the commonest repair is data and not code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from dose import codes as c
from dose.extract.document import CODE, Document, Node

Tree = tuple[Node, ...]
Repair = Callable[[Tree], Tree]


@dataclass(frozen=True, slots=True)
class Quirk:
    """One deviation. Globs match case-insensitively; `*` also matches a device that does not name itself."""

    name: str
    template: str
    repair: Repair
    why: str
    test: str
    manufacturer: str = "*"
    model: str = "*"
    software: str = "*"

    def concerns(self, template: str, manufacturer: str, model: str, software: str) -> bool:
        """Tell whether this row is for that device and kind of report."""
        return (
            self.template == template
            and fnmatchcase(manufacturer.lower(), self.manufacturer.lower())
            and fnmatchcase(model.lower(), self.model.lower())
            and fnmatchcase(software.lower(), self.software.lower())
        )


def within(path: tuple[c.Concept, ...], change: Repair) -> Repair:
    """Return a repair that changes the items directly inside the containers that `path` leads to."""
    if not path:
        return change
    first, inner = path[0], within(path[1:], change)

    def repair(nodes: Tree) -> Tree:
        changed = tuple(_with_children(node, inner(node[3])) if node[0][0] == first else node for node in nodes)
        return changed if any(new is not old for new, old in zip(changed, nodes, strict=True)) else nodes

    return repair


def _with_children(node: Node, children: Tree) -> Node:
    return node if children is node[3] else (node[0], node[1], node[2], children)


def rename(wrong: c.Concept, right: c.Concept) -> Repair:
    """Return a repair that reads items named `wrong` as `right`, unless `right` is there too."""

    def repair(nodes: Tree) -> Tree:
        names = [node[0][0] for node in nodes]
        if wrong not in names or right in names:
            return nodes
        return tuple(((right, node[0][1]), *node[1:]) if node[0][0] == wrong else node for node in nodes)

    return repair


def recode(concept: c.Concept, wrong: c.Concept, right: c.Concept) -> Repair:
    """Return a repair that reads the coded value `wrong` of items named `concept` as `right`."""

    def is_wrong(node: Node) -> bool:
        return node[0][0] == concept and node[1] == CODE and node[2][0] == wrong

    def repair(nodes: Tree) -> Tree:
        if not any(is_wrong(node) for node in nodes):
            return nodes
        return tuple((node[0], CODE, (right, node[2][1]), node[3]) if is_wrong(node) else node for node in nodes)

    return repair


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        name="projection-exposure-time-by-ct-code",
        template="10001",
        repair=within((c.PROJECTION_EVENT,), rename(c.CT_EXPOSURE_TIME, c.EXPOSURE_TIME)),
        why="GE, Carestream and others state the exposure time of a projection event as (113824, DCM), "
        "which TID 10013 keeps for CT; TID 10003B asks for (113735, DCM).",
        test="tests/extract/test_quirks.py",
    ),
    Quirk(
        name="hologic-strip-filter-code",
        template="10001",
        manufacturer="hologic*",
        repair=within((c.PROJECTION_EVENT, c.FILTERS), recode(c.FILTER_TYPE, ("DCM", "111650"), c.STRIP_FILTER)),
        why="Hologic writes the strip filter as (111650, DCM), which is no filter; CID 10007 has (113650, DCM).",
        test="tests/extract/test_quirks.py",
    ),
)


def apply(document: Document, template: str, fields: dict[str, Any]) -> tuple[Document, tuple[str, ...]]:
    """Return the repaired document and the names of the quirks that changed it."""
    device = (fields.get("manufacturer") or "", fields.get("model") or "", document.text("SoftwareVersions") or "")
    content, names = document.content or (), []
    for quirk in QUIRKS:
        if quirk.concerns(template, *device):
            repaired = quirk.repair(content)
            if repaired is not content:
                content = repaired
                names.append(quirk.name)
    return (replace(document, content=content), tuple(names)) if names else (document, ())
