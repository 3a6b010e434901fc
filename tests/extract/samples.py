"""Reports that between them show every structure the reader knows, and ways to look at them."""

from __future__ import annotations

import functools
import random
from dataclasses import fields

from dacs.synthetic import concepts as c
from dacs.synthetic.content import Tabulated, position, table
from dose.extract import sr, sr_pydicom
from dose.extract.document import Document
from dose.extract.limits import DEFAULT, Budget
from dose.extract.reading import Traced
from dose.model import DoseReport
from dose.quantities import QUANTITIES
from tests.build import (
    EMPTY,
    CTSource,
    Detail,
    Repeated,
    cine,
    ct_event,
    ct_localizer,
    ct_rdsr,
    enhanced_event,
    enhanced_rdsr,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    rotational,
    study,
    to_bytes,
    tomosynthesis,
)

TIMES = ["20261121114500", "20261121114503.5"]
VOLTAGES = Tabulated(((c.STARTED, None, "DT"), (c.KVP, "kV", "FL")), list(zip(TIMES, (70.0, 72.5), strict=True)))
MATRIX = Tabulated([(c.TRANSFORMATION_MATRIX, None, "FD")] * 4, [[1.0, 0.0, 0.0, 5.25]] * 4, "row")
CELLS = Tabulated(
    ((c.STARTED, None, "DT"), (c.ROTATION_ANGLE, "deg", "FD")), [(TIMES[0], -90.0), (TIMES[1], 90.0)], "cell"
)
TABULATED = Detail(
    others={
        c.RADIATION_TECHNIQUE: [table(c.KVP, VOLTAGES)],
        c.SOURCE_COORDINATES: [table(c.TRANSFORMATION_MATRIX, MATRIX), table(c.ROTATION_ANGLE, CELLS)],
        c.BEAM_POSITION: [position(c.OUTPUT_POINT_POSITION, 0.0, -1.5, 600.0)],
    }
)

REPORTS = {
    "ct": lambda: ct_rdsr(
        study=study(), events=[ct_localizer(), ct_event(comment="é ü"), ct_event(ctdi_vol_mgy=EMPTY)]
    ),
    "dual source": lambda: ct_rdsr(
        study=study(), events=[ct_event(sources=(CTSource(), CTSource(id="B", kvp_kv=80.0)))]
    ),
    "biplane": lambda: projection_rdsr(study=study(), events=[fluoroscopy(plane="A"), cine(plane="B"), rotational()]),
    "radiography": lambda: projection_rdsr(study=study(), events=[radiograph(), radiograph(kvp_kv=(70.0, 71.0))]),
    "tabulated": lambda: enhanced_rdsr(study=study(), events=[enhanced_event()], details=[TABULATED]),
    "mammography": lambda: projection_rdsr(
        study=study(), events=[mammogram(), tomosynthesis(laterality="right", kvp_kv=Repeated([30.0, 31.0]))]
    ),
}


@functools.cache
def sample(name: str, transfer_syntax: str, lengths: str) -> bytes:
    """Return one report's bytes."""
    return to_bytes(REPORTS[name](), transfer_syntax, lengths=lengths)


def by_pydicom(data: bytes) -> Document:
    """Return what the general reader makes of these bytes."""
    return sr_pydicom.document(data, Budget(DEFAULT, len(data)))


def same(narrow: Document, general: Document) -> bool:
    """Tell whether two readers saw the same report."""
    return (narrow.content, narrow.title, narrow.template) == (general.content, general.title, general.template)


def read_narrow(data: bytes) -> Document:
    """Return what the narrow reader makes of these bytes."""
    return sr.read(data)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with a few of them changed, lost, added, cut off or copied elsewhere."""
    spoilt = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        if not spoilt:
            break
        at = chance.randrange(len(spoilt))
        kind = chance.randrange(6)
        if kind < 2:
            spoilt[at] = chance.randrange(256)
        elif kind == 2:
            del spoilt[at : at + chance.randrange(1, 40)]
        elif kind == 3:
            spoilt[at:at] = chance.randbytes(chance.randrange(1, 20))
        elif kind == 4:
            spoilt[at : at + 4] = b"\xff\xff\xff\xff"
        else:
            spoilt = spoilt[: at + 1]
    return bytes(spoilt)


def untraced(report: DoseReport, lines: list[Traced]) -> list[tuple[str, int, str]]:
    """Return the quantities of events and totals that have a value without its line, or neither value nor reason."""
    said = {(line.subject, line.index, line.field) for line in lines if line.reason is None}
    told = {(line.subject, line.index, line.field) for line in lines if line.reason is not None}
    rows = [("event", *row) for row in enumerate(report.events)]
    rows += [("accumulated", *row) for row in enumerate(report.accumulated)]
    found = []
    for subject, index, row in rows:
        for column in (field.name for field in fields(row) if field.name in QUANTITIES):
            place = (subject, index, column)
            if place not in (said if getattr(row, column) is not None else said | told):
                found.append(place)
    return found
