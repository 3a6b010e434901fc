"""Radiopharmaceutical radiation dose reports: one event per administration.

References: DICOM PS3.16 TID 10021 (document), TID 10022 (administration), TID 10023 (organ dose),
CID 4020 (positron emitters), CID 10040 (reference authority).
"""

from __future__ import annotations

from typing import Any

from dose import codes as c
from dose.extract import people
from dose.extract.body import Body, Reader, each
from dose.extract.document import Node
from dose.extract.reading import Reading
from dose.extract.template import NOWHERE, Table, check, choice, coded, group, moment, number, numbers, text, worded
from dose.model import IrradiationEvent, OrganDose, Person

ORGAN = Table(
    {
        "organ_code": coded(c.FINDING_SITE),
        "laterality": choice(c.SIDES, c.LATERALITY),
        "method": worded({}, c.REFERENCE_AUTHORITY),
        "doses": group(lambda reading, _, nodes: numbers(reading, "organ_dose_mgy", nodes), c.ORGAN_DOSE),
    },
    anywhere=True,
)


def _organs(reading: Reading, _: str, nodes: list[Node]) -> tuple[OrganDose, ...]:
    """Read what each organ received; an organ without a dose in a known unit is left out."""
    found = []
    for node in nodes:
        fields = ORGAN.read(reading, node[3], NOWHERE)
        doses, code = fields.pop("doses", ()), fields.get("organ_code")
        organ = (code.meaning or code.code) if code else "not stated"
        for dose in doses:
            check(reading, "organ_dose_mgy", dose)
            found.append(OrganDose(organ, dose, **fields))
    return tuple(found)


EVENT = Table(
    {
        "irradiation_event_uid": text(c.ADMINISTRATION_UID),
        "started_at": moment(c.ADMINISTRATION_START),
        "activity_mbq": number(c.ACTIVITY),
        "radiopharmaceutical": coded(c.RADIOPHARMACEUTICAL),
        "radionuclide": coded(c.RADIOPHARMACEUTICAL, c.RADIONUCLIDE),
        "half_life_s": number(c.RADIOPHARMACEUTICAL, c.HALF_LIFE),
        "route": coded(c.ROUTE),
        "extravasation_percent": number(c.EXTRAVASATION),
        "effective_dose_msv": number(c.EFFECTIVE_DOSE),
        "organ_doses": group(_organs, c.ORGAN_DOSE_INFORMATION),
        "comment": text(c.COMMENT),
        "people": group(people.participants, c.PERSON_NAME),
    },
    anywhere=True,
)
_POSITRON_EMITTERS = c.by_code(c.POSITRON_EMITTERS)


def _event(reading: Reading, fields: dict[str, Any]) -> IrradiationEvent:
    lost = fields.pop("extravasation_percent", None)
    if lost:
        reading.note("extravasation", f"activity_mbq: {lost:g} % of it is stated to have stayed at the injection site")
    return IrradiationEvent(event_type="administration", **fields)


def _is_positron_emitter(event: IrradiationEvent) -> bool:
    nuclide = event.radionuclide
    return nuclide is not None and (nuclide.scheme, nuclide.code) in _POSITRON_EMITTERS


def read(reading: Reading, content: tuple[Node, ...]) -> Body:
    """Read every administration, in document order: PT when any radionuclide is a positron emitter, else NM."""
    took_part: list[Person] = []
    events = tuple(
        _event(reading, people.taken_out(fields, took_part))
        for fields in each(reading, content, c.ADMINISTRATION, EVENT, "event")
    )
    modality = "PT" if any(map(_is_positron_emitter, events)) else "NM"
    return Body(modality, events, (), tuple(took_part))


READER = Reader("10021", (c.ADMINISTRATION,), read, source="radiopharm_rdsr")
