"""What a quirk may do to a content tree: rename, recode, reword, move; and three repairs of what cannot be data.

Every repair returns the very same tree when there is nothing to repair, so that the caller knows. None touches a
value: a number and its unit stay as sent, only where they stand, what they are called or how they are typed changes.

References: DICOM PS3.3 C.17.3 (content items), PS3.16 section 6 (templates).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dose.codes import Concept
from dose.extract.document import CODE, NOTHING, NUM, TEXT, Coded, Node

Tree = tuple[Node, ...]
Repair = Callable[[Tree], Tree]
Sign = tuple[Concept, int]
NAMELESS_UNIT: Sign = (("", "unit"), NUM)
_NUMBER_AND_UNIT = re.compile(rb"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\d\s.,][^\s]{0,15})\s*\0?")


def within(path: tuple[Concept, ...], change: Repair) -> Repair:
    """Return a repair that changes the items directly inside the containers that `path` leads to."""
    if not path:
        return change
    first, inner = path[0], within(path[1:], change)

    def repair(nodes: Tree) -> Tree:
        return _same(nodes, tuple(_filled(node, inner(node[3])) if node[0][0] == first else node for node in nodes))

    return repair


def everywhere(change: Repair) -> Repair:
    """Return a repair that changes the items of the root and of every container."""

    def repair(nodes: Tree) -> Tree:
        return change(_same(nodes, tuple(_filled(node, repair(node[3])) if node[3] else node for node in nodes)))

    return repair


def _filled(node: Node, children: Tree) -> Node:
    return node if children is node[3] else (node[0], node[1], node[2], children)


def _same(before: Tree, after: Tree) -> Tree:
    return after if any(new is not old for new, old in zip(after, before, strict=True)) else before


def rename(wrong: Concept, right: Concept) -> Repair:
    """Read items named `wrong` as `right`, unless `right` is there too."""

    def repair(nodes: Tree) -> Tree:
        names = [node[0][0] for node in nodes]
        if wrong not in names or right in names:
            return nodes
        return tuple(((right, node[0][1]), *node[1:]) if node[0][0] == wrong else node for node in nodes)

    return repair


def recode(concept: Concept, wrong: Concept, right: Concept) -> Repair:
    """Read the coded value `wrong` of items named `concept` as `right`."""

    def one(node: Node) -> Node:
        if node[0][0] == concept and node[1] == CODE and node[2][0] == wrong:
            return (node[0], CODE, (right, node[2][1]), node[3])
        return node

    return lambda nodes: _same(nodes, tuple(map(one, nodes)))


def reword(concept: Concept, meanings: Mapping[str, Concept]) -> Repair:
    """Read the text of items named `concept` as the code that it spells out; case and blanks do not matter."""
    known = {_letters(text.encode()): code for text, code in meanings.items()}

    def one(node: Node) -> Node:
        if node[0][0] != concept or not isinstance(node[2], bytes):
            return node
        code = known.get(_letters(node[2]))
        return (node[0], CODE, (code, node[2].strip(b" \0")), node[3]) if code else node

    return lambda nodes: _same(nodes, tuple(map(one, nodes)))


def _letters(text: bytes) -> bytes:
    return b"".join(text.strip(b" \0").lower().split())


def move(items: tuple[Concept, ...], into: Concept) -> Repair:
    """Put items that lie beside a container into it; where there is none, make one in their place.

    What stands twice, or beside several containers, could belong anywhere: then nothing is moved.
    """

    def repair(nodes: Tree) -> Tree:
        astray = tuple(node for node in nodes if node[0][0] in items)
        targets = sum(node[0][0] == into for node in nodes)
        if not astray or targets > 1 or len({node[0][0] for node in astray}) < len(astray):
            return nodes
        if targets:
            stay = (node for node in nodes if node[0][0] not in items)
            return tuple(_filled(node, (*node[3], *astray)) if node[0][0] == into else node for node in stay)
        made: Node = ((into, b""), NOTHING, None, astray)
        first = nodes.index(astray[0])
        return (*nodes[:first], made, *(node for node in nodes[first:] if node[0][0] not in items))

    return repair


def adopt(parents: Concept, modifier: Concept) -> Repair:
    """Give each of the `parents` the modifier that follows it as its sibling, where they come in pairs."""

    def repair(nodes: Tree) -> Tree:
        paired = [node for node in nodes if node[0][0] in (parents, modifier)]
        names = [node[0][0] for node in paired]
        if not names or names != [parents, modifier] * (len(names) // 2):
            return nodes
        adopted = {id(parent): child for parent, child in zip(paired[::2], paired[1::2], strict=True)}
        stay = (node for node in nodes if node[0][0] != modifier)
        return tuple(_filled(node, (*node[3], adopted[id(node)])) if id(node) in adopted else node for node in stay)

    return repair


def numbers_from_texts(concepts: frozenset[Concept]) -> Repair:
    """Read a text that is one number and one unit (`8.4 mGy`) as a number; without a unit it stays a text."""

    def one(node: Node) -> Node:
        said = _NUMBER_AND_UNIT.fullmatch(node[2]) if node[1] == TEXT and node[0][0] in concepts else None
        if said is None:
            return node
        unit: Coded = (("UCUM", said[2].decode("latin-1")), said[2])
        return (node[0], NUM, ((said[1], unit),), node[3])

    return lambda nodes: _same(nodes, tuple(map(one, nodes)))


def units_from_meanings(nodes: Tree) -> Tree:
    """Read the meaning of a unit whose code value is empty as its code; a unit without both stays unknown."""
    return _same(nodes, tuple(map(_with_units, nodes)))


def _with_units(node: Node) -> Node:
    if node[1] != NUM or not any(_nameless(unit) for _, unit in node[2]):
        return node
    return (node[0], NUM, tuple((said, _named(unit) if _nameless(unit) else unit) for said, unit in node[2]), node[3])


def _nameless(unit: Coded | None) -> bool:
    return unit is not None and not unit[0][1] and bool(unit[1])


def _named(unit: Coded) -> Coded:
    return ((unit[0][0], unit[1].decode("latin-1")), unit[1])


def signs_of(nodes: Tree) -> set[Sign]:
    """Look through a tree once: every (concept, kind of value) in it, and `NAMELESS_UNIT` where a unit has no code.

    With these a quirk that can find nothing is passed over without touching the tree.
    """
    signs: set[Sign] = set()
    _look(nodes, signs)
    return signs


def _look(nodes: Tree, signs: set[Sign]) -> None:
    for node in nodes:
        signs.add((node[0][0], node[1]))
        if node[3]:
            _look(node[3], signs)
        elif node[1] == NUM:
            for _, unit in node[2]:
                if unit is not None and not unit[0][1] and unit[1]:  # _nameless, without the call: 20,000 items
                    signs.add(NAMELESS_UNIT)
