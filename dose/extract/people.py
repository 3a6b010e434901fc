"""Who took part: operators and physicians of the header, observers and participants of the content.

They leave the reader in `DoseReport.people` only; whether any is stored is the site's setting `keep_operators`.

References: DICOM PS3.16 TID 1003 (person observer), TID 1020 (person participant), CID 7453 (roles);
PS3.3 C.7.2.1, C.7.3.1 (physicians, operators).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dose import codes as c
from dose.extract import texts
from dose.extract.document import CODE, Document, Node
from dose.extract.reading import Reading
from dose.extract.template import NOWHERE, Table, worded
from dose.model import Person

_HEADER = {  # keyword -> role
    "ReferringPhysicianName": "referring physician",
    "PerformingPhysicianName": "performing physician",
    "OperatorsName": "operator",
}
ROLE = Table({"role": worded(c.PERSON_ROLES, c.PERSON_PROCEDURE_ROLE).or_else(c.PERSON_ORGANISATION_ROLE)})
_ROLES = c.by_code(c.PERSON_ROLES)


def participants(reading: Reading, _: str, nodes: list[Node]) -> tuple[Person, ...]:
    """Read the person participants of one event (TID 1020), and the physician that Philips names there."""
    return tuple(Person(_role(reading, node), name) for node in nodes if (name := _name(reading, node)))


def _role(reading: Reading, node: Node) -> str:
    if node[0][0] == c.PHILIPS_PHYSICIAN:
        return "performing physician"
    return ROLE.read(reading, node[3], NOWHERE).get("role") or "participant"


def taken_out(fields: dict[str, Any], people: list[Person]) -> dict[str, Any]:
    """Return an event's fields without its people, which go to the report's."""
    people.extend(fields.pop("people", ()))
    return fields


def observers(reading: Reading, content: Iterable[Node]) -> list[Person]:
    """Read the person observers (TID 1003), whose name and roles are siblings, and participants at the root."""
    found: list[Person] = []
    for node in content:
        concept = node[0][0]
        if concept == c.PERSON_NAME:
            found += participants(reading, "people", [node])
        elif concept == c.PERSON_OBSERVER_NAME and (name := _name(reading, node)):
            found.append(Person("observer", name))
        elif concept in (c.PERSON_OBSERVER_PROCEDURE_ROLE, c.PERSON_OBSERVER_ORGANISATION_ROLE) and node[1] == CODE:
            word = _ROLES.get(node[2][0])
            if word and found and found[-1].role in ("observer", "technologist", "physician"):
                found[-1] = Person(word, found[-1].name)
    return found


def of_header(document: Document) -> list[Person]:
    """Return the physicians and operators of the header; one element may name several."""
    return [
        Person(role, name.strip())
        for keyword, role in _HEADER.items()
        for name in (document.text(keyword) or "").split("\\")
        if name.strip(" ^=")
    ]


def once(people: Iterable[Person]) -> tuple[Person, ...]:
    """Return every person once a role, in the order of first mention."""
    return tuple(dict.fromkeys(people))


def _name(reading: Reading, node: Node) -> str | None:
    return texts.decode(node[2], reading.charset) or None if isinstance(node[2], bytes) else None
