"""Vendor deviations, as a table: whom they concern, how they are repaired, why, where they were seen.

A repair (`dose.extract.repairs`) is a function of the content tree. Values are never repaired, only where they stand,
what they are called and how they are typed: a wrong number in a right unit is flagged by plausibility and stays.
What the field tables tolerate by themselves (an item in another container, units spelt oddly, several spellings of one
code) needs no row here; docs/conformance.md lists those with the test of each.

A site adds rows of its own by a TOML file (`dose.extract.quirk_files`), without Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from dose import codes as c
from dose.extract.document import CODE, DATE, DATETIME, NOTHING, NUM, PNAME, TEXT, TIME, UIDREF, Document
from dose.extract.repairs import (
    NAMELESS_UNIT,
    Repair,
    Sign,
    adopt,
    everywhere,
    move,
    numbers_from_texts,
    recode,
    rename,
    reword,
    signs_of,
    units_from_meanings,
    within,
)

_KINDS = (NUM, CODE, TEXT, NOTHING, UIDREF, DATETIME, DATE, TIME, PNAME)
CT, PROJECTION, ANY = "10011", "10001", "*"


@dataclass(frozen=True, slots=True)
class Quirk:
    """One deviation. Globs match case-insensitively; `*` also matches a device that does not name itself.

    `signs` are the items of which at least one is there whenever the repair can find something; `source` is where the
    deviation was seen and the clause it breaks; `test` pins it, with a synthetic twin of the same name. `version`
    tells one wording of a site's row from another; ours change with the reader's version.
    """

    name: str
    template: str
    repair: Repair
    signs: frozenset[Sign]
    why: str
    source: str
    test: str = "tests/extract/test_quirks.py"
    manufacturer: str = "*"
    model: str = "*"
    software: str = "*"
    version: str = ""

    def concerns(self, template: str, manufacturer: str, model: str, software: str) -> bool:
        """Tell whether this row is for that device and kind of report."""
        return self.template in (ANY, template) and all(
            fnmatchcase(said.lower(), glob.lower())
            for said, glob in ((manufacturer, self.manufacturer), (model, self.model), (software, self.software))
        )


def named(*concepts: c.Concept) -> frozenset[Sign]:
    """Return the signs of items with one of these names, whatever value they hold."""
    return frozenset((concept, kind) for concept in concepts for kind in _KINDS)


def _as_text(*concepts: c.Concept) -> frozenset[Sign]:
    return frozenset((concept, TEXT) for concept in concepts)


def in_turn(*repairs: Repair) -> Repair:
    """Return the repair that does these one after the other."""

    def repair(nodes: Any) -> Any:  # noqa: ANN401 - a Tree
        for one in repairs:
            nodes = one(nodes)
        return nodes

    return repair


def _in_both(repair: Repair) -> Repair:
    return in_turn(within((c.PROJECTION_ACCUMULATED,), repair), within((c.PROJECTION_EVENT,), repair))


# The meanings that the context groups give to their codes, for makers who write the meaning as a text.
_MEANINGS: dict[c.Concept, dict[str, c.Concept]] = {
    c.EVENT_TYPE: {
        "Fluoroscopy": ("SCT", "44491008"),
        "Stationary Acquisition": ("DCM", "113611"),
        "Stepping Acquisition": ("DCM", "113612"),
        "Rotational Acquisition": ("DCM", "113613"),
    },
    c.CT_ACQUISITION_TYPE: {
        "Sequenced Acquisition": ("DCM", "113804"),
        "Spiral Acquisition": ("SCT", "116152004"),
        "Constant Angle Acquisition": ("DCM", "113805"),
        "Stationary Acquisition": ("DCM", "113806"),
        "Free Acquisition": ("DCM", "113807"),
        "Cone Beam Acquisition": ("SCT", "702569007"),
    },
    c.ACQUISITION_PLANE: {
        "Single Plane": ("DCM", "113622"),
        "Plane A": ("DCM", "113620"),
        "Plane B": ("DCM", "113621"),
    },
    c.CTDI_PHANTOM: {
        "IEC Head Dosimetry Phantom": ("DCM", "113690"),
        "IEC Body Dosimetry Phantom": ("DCM", "113691"),
    },
}
_REFERENCE_POINTS = {
    "15cm below BeamIsocenter": ("DCM", "113860"),  # Philips: the focus is below the isocentre
    "15cm from Isocenter toward Source": ("DCM", "113860"),
    "30cm in Front of Image Input Surface": ("DCM", "113861"),
    "1cm above Tabletop": ("DCM", "113862"),
    "30cm above Tabletop": ("DCM", "113863"),
    "15cm from Table Centerline": ("DCM", "113864"),
    "4.2cm above Breast Support Surface": ("DCM", "113865"),
    "In Detector Plane": ("DCM", "113941"),
    "At Surface of Patient": ("DCM", "113964"),
    "100cm from X-Ray Source": ("DCM", "113965"),
}
_CT_TOTALS = (c.DLP_TOTAL, c.CT_EVENT_COUNT)
_PROJECTION_TOTALS = (
    c.PKA_TOTAL, c.KA_R_TOTAL, c.FLUORO_PKA_TOTAL, c.FLUORO_KA_R_TOTAL, c.TOTAL_FLUORO_TIME,
    c.ACQUISITION_PKA_TOTAL, c.ACQUISITION_KA_R_TOTAL, c.TOTAL_ACQUISITION_TIME,
)  # fmt: skip
_FILTER = (c.FILTER_TYPE, c.FILTER_MATERIAL, c.FILTER_THICKNESS_MIN, c.FILTER_THICKNESS_MAX)
# Every number a report may state; each of them has a unit, without which a text stays a text.
_NUMBERS = frozenset({
    *_CT_TOTALS, *_PROJECTION_TOTALS, c.MEAN_CTDI_VOL, c.DLP, c.SSDE, c.EFFECTIVE_DOSE, c.CT_EXPOSURE_TIME,
    c.SCANNING_LENGTH, c.SINGLE_COLLIMATION, c.TOTAL_COLLIMATION, c.KVP, c.TUBE_CURRENT, c.MAX_TUBE_CURRENT,
    c.EXPOSURE_TIME_PER_ROTATION, c.PKA, c.KA_R, c.ENTRANCE_EXPOSURE, c.AGD, c.ACCUMULATED_AGD, c.EXPOSURE_TIME,
    c.EXPOSURE, c.IRRADIATION_DURATION, c.AVERAGE_TUBE_CURRENT, c.PULSE_WIDTH, c.SOURCE_TO_DETECTOR,
    c.SOURCE_TO_ISOCENTER, c.SOURCE_TO_REFERENCE_POINT,
})  # fmt: skip
_UNSEEN = "Not in a published file; "

QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        name="unit-without-code-value",
        template=ANY,
        signs=frozenset({NAMELESS_UNIT}),
        repair=everywhere(units_from_meanings),
        why="The code of a unit has an empty value and only a meaning (`mGy`): the meaning is read as the unit, and "
        "refused like any other when the quantity does not know it.",
        source=_UNSEEN + "codes without value occur (PS3.3 table 8.8-1 makes the value type 1).",
    ),
    Quirk(
        name="number-as-text",
        template=ANY,
        signs=_as_text(*_NUMBERS),
        repair=everywhere(numbers_from_texts(_NUMBERS)),
        why="A number stands in a TEXT item as `8.4 mGy`; it is read when it is one number with its unit, otherwise it "
        "stays a text and is flagged.",
        source=_UNSEEN + "wrong value types occur (TID 10003, 10013 ask for NUM).",
    ),
    Quirk(
        name="choice-as-text",
        template=ANY,
        signs=_as_text(*_MEANINGS),
        repair=everywhere(in_turn(*(reword(concept, texts) for concept, texts in _MEANINGS.items()))),
        why="The kind of event, the plane, the kind of scan or the phantom stands as TEXT in the words of its context "
        "group instead of as its code.",
        source=_UNSEEN + "wrong value types occur (CID 10002, 10003, 10013, 4052).",
    ),
    Quirk(
        name="reference-point-as-text",
        template=PROJECTION,
        signs=_as_text(c.REFERENCE_POINT),
        repair=_in_both(reword(c.REFERENCE_POINT, _REFERENCE_POINTS)),
        why="The reference point is a TEXT (`15cm below BeamIsocenter`) where its words name a point of CID 10025; "
        "other texts (`26.0 cm Chamber Patient Distance`) are kept as sent.",
        source="Philips Allura Xper, Allura Clarity (TID 10003A allows both, CID 10025 has the code).",
    ),
    Quirk(
        name="projection-exposure-time-by-ct-code",
        template=PROJECTION,
        signs=named(c.CT_EXPOSURE_TIME),
        repair=within((c.PROJECTION_EVENT,), rename(c.CT_EXPOSURE_TIME, c.EXPOSURE_TIME)),
        why="The exposure time of a projection event stands as (113824, DCM), which TID 10013 keeps for CT; TID 10003B "
        "asks for (113735, DCM).",
        source="GE Senographe Pristina, GE OEC, Hologic Selenia, Canon Ultimax-i, Carestream DRX-Evolution.",
    ),
    Quirk(
        name="hologic-strip-filter-code",
        template=PROJECTION,
        manufacturer="hologic*",
        signs=named(c.FILTERS),
        repair=within((c.PROJECTION_EVENT, c.FILTERS), recode(c.FILTER_TYPE, ("DCM", "111650"), c.STRIP_FILTER)),
        why="The strip filter stands as (111650, DCM), which is no filter; CID 10007 has (113650, DCM).",
        source="Hologic Selenia Dimensions AWS 1.8.",
    ),
    Quirk(
        name="filter-outside-its-container",
        template=PROJECTION,
        signs=named(c.FILTER_TYPE, c.FILTER_MATERIAL),
        repair=within((c.PROJECTION_EVENT,), move(_FILTER, c.FILTERS)),
        why="Type, material and thickness of the only filter stand in the event itself, without the container X-Ray "
        "Filters.",
        source=_UNSEEN + "missing container levels occur (TID 10003B row 13).",
    ),
    Quirk(
        name="glandular-dose-beside-its-breast",
        template=PROJECTION,
        signs=named(c.ACCUMULATED_AGD),
        repair=within(
            (c.PROJECTION_ACCUMULATED,),
            in_turn(*(adopt(c.ACCUMULATED_AGD, laterality) for laterality in c.spellings(c.LATERALITY))),
        ),
        why="The laterality of an accumulated glandular dose follows it as its sibling instead of being its modifier; "
        "without it the two breasts cannot be told apart.",
        source=_UNSEEN + "missing levels occur (TID 10005 row 2).",
    ),
    Quirk(
        name="projection-totals-outside-their-container",
        template=PROJECTION,
        signs=named(*_PROJECTION_TOTALS),
        repair=move(_PROJECTION_TOTALS, c.PROJECTION_ACCUMULATED),
        why="Totals stand at the root of the report, without the container Accumulated X-Ray Dose Data.",
        source=_UNSEEN + "missing container levels occur (TID 10002).",
    ),
    Quirk(
        name="ct-totals-outside-their-container",
        template=CT,
        signs=named(*_CT_TOTALS),
        repair=move(_CT_TOTALS, c.CT_ACCUMULATED),
        why="Totals stand at the root of the report, without the container CT Accumulated Dose Data.",
        source=_UNSEEN + "missing container levels occur (TID 10012).",
    ),
)


@dataclass(slots=True)
class _Site:
    """The rows that this process's site added; set once at its start (`quirk_files.use`)."""

    rows: tuple[Quirk, ...] = field(default=())


SITE = _Site()


def apply(document: Document, template: str, fields: dict[str, Any]) -> tuple[Document, tuple[str, ...]]:
    """Return the repaired document and the names of the quirks that changed it.

    The site's rows come first: what they call by its standard name, ours may go on to repair.
    """
    device = (fields.get("manufacturer") or "", fields.get("model") or "", document.text("SoftwareVersions") or "")
    content, names = document.content or (), list[str]()
    for rows in filter(None, (SITE.rows, QUIRKS)):
        signs = signs_of(content)
        for quirk in rows:
            if not quirk.signs.isdisjoint(signs) and quirk.concerns(template, *device):
                repaired = quirk.repair(content)
                names += [quirk.name] if repaired is not content else []
                content = repaired
    return (replace(document, content=content), tuple(names)) if names else (document, ())
