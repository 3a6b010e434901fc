"""What was done and what was asked for: code and words of the procedure, and the intent of an intervention.

Reasons for a request are not read: they are free text about a patient, and no name of a procedure.

References: DICOM PS3.3 C.7.2.1 (Procedure Code Sequence), C.17.2 (Performed Procedure Code Sequence, Referenced Request
Sequence of reports), C.7.3.1 (Request Attributes Sequence of images), C.4.13 (steps); PS3.16 TID 10001 row 3 (intent).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dose import codes as c
from dose.extract import texts
from dose.extract.document import CODE, Document, as_code
from dose.extract.header_narrow import Item
from dose.extract.header_tags import LEAVES, SEQUENCES
from dose.model import Code

_PERFORMED = tuple(SEQUENCES[f"{kind}ProcedureCodeSequence"] for kind in ("Performed", ""))
_REQUESTED = SEQUENCES["RequestedProcedureCodeSequence"]
_REQUESTS = tuple(
    SEQUENCES[name]
    for name in ("ReferencedRequestSequence", "RequestAttributesSequence", "ScheduledStepAttributesSequence")
)
_WORDS = LEAVES["RequestedProcedureDescription"][0]
_INTENTS = frozenset(c.spellings(c.HAS_INTENT))
INTERVENTIONAL = frozenset({"XA", "RF"})


def said(document: Document, modality: str) -> Mapping[str, Any]:
    """Return `procedure`, `requested_procedure` and `clinical_task` of a report, None where nothing is stated."""
    return {
        "procedure": next(_codes(document), None),
        "requested_procedure": next(_words(document), None),
        "clinical_task": _intent(document) if modality in INTERVENTIONAL else None,
    }


def _requests(document: Document) -> Iterator[Item]:
    for tag in _REQUESTS:
        yield from document.asked.get(tag, ())


def _codes(document: Document) -> Iterator[Code]:
    asked = document.asked
    requested = (item for request in _requests(document) for item in request.items.get(_REQUESTED, ()))
    performed = (item for tag in (*_PERFORMED, _REQUESTED) for item in asked.get(tag, ()))
    for items in (performed, requested):
        yield from _read(items, document.charset)


def _read(items: Iterable[Item], charset: str) -> Iterator[Code]:
    for item in items:
        (scheme, value), meaning = as_code(item.values)
        if value:
            yield Code(value, scheme, texts.decode(meaning, charset) or None)


def _words(document: Document) -> Iterator[str]:
    for values in (document.header, *(request.values for request in _requests(document))):
        text = texts.decode(values.get(_WORDS, b""), document.charset)
        if text:
            yield text


def _intent(document: Document) -> str | None:
    for node in document.content or ():
        if node[0][0] == c.PROCEDURE_REPORTED:
            for child in node[3]:
                if child[0][0] in _INTENTS and child[1] == CODE:
                    return texts.decode(child[2][1], document.charset) or child[2][0][1] or None
    return None
