"""Vendor deviations, as a table: whom they concern, how they are repaired, why, and the test that pins each.

A repair is a function of the content tree; it returns the same tree when there is nothing to repair,
and then the quirk is not named in the report. Values are never repaired, only where they stand:
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
from dose.extract.sr import Document, Node

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


def rename(container: c.Concept, wrong: c.Concept, right: c.Concept) -> Repair:
    """Return a repair that reads `wrong` as `right` directly inside `container`, unless `right` is there too."""

    def repair(content: Tree) -> Tree:
        return tuple(_renamed(node, wrong, right) if node[0][0] == container else node for node in content)

    return repair


def _renamed(node: Node, wrong: c.Concept, right: c.Concept) -> Node:
    concepts = [child[0][0] for child in node[3]]
    if wrong not in concepts or right in concepts:
        return node
    concept, kind, value, children = node
    return (concept, kind, value, tuple(_reconcept(child, wrong, right) for child in children))


def _reconcept(node: Node, wrong: c.Concept, right: c.Concept) -> Node:
    return ((right, node[0][1]), *node[1:]) if node[0][0] == wrong else node


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        name="projection-exposure-time-by-ct-code",
        template="10001",
        repair=rename(c.PROJECTION_EVENT, c.CT_EXPOSURE_TIME, c.EXPOSURE_TIME),
        why="GE, Carestream and others state the exposure time of a projection event as (113824, DCM), "
        "which TID 10013 keeps for CT; TID 10003B asks for (113735, DCM).",
        test="tests/extract/test_quirks.py",
    ),
)


def apply(
    document: Document, template: str, fields: dict[str, Any], table: tuple[Quirk, ...] = QUIRKS
) -> tuple[Document, tuple[str, ...]]:
    """Return the repaired document and the names of the quirks that changed it."""
    device = (fields.get("manufacturer") or "", fields.get("model") or "", document.text("SoftwareVersions") or "")
    content, names = document.content or (), []
    for quirk in table:
        if quirk.concerns(template, *device):
            repaired = quirk.repair(content)
            if repaired != content:
                content = repaired
                names.append(quirk.name)
    return (replace(document, content=content), tuple(names)) if names else (document, ())
