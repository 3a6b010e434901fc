"""docs/conformance.md, made from the tables that read: SOP classes, templates, items, tags, units, quirks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from pydicom.uid import UID

from dose import extract
from dose.codes import Concept
from dose.extract import (
    dose_screen,
    image_ct,
    image_nuclear,
    image_projection,
    images,
    mpps,
    radsum,
    rdsr_ct,
    rdsr_enhanced,
    rdsr_projection,
    rdsr_radiopharm,
    study,
)
from dose.extract.header import Image
from dose.extract.header_table import Looked
from dose.extract.header_tags import path_of
from dose.extract.quirks import QUIRKS
from dose.extract.reading import Reading
from dose.extract.template import Table
from dose.quantities import QUANTITIES
from tools.conformance_facts import BESIDE, FUZZED, MAKERS, NOT_READ, TOLERATED

REPORTS: Mapping[str, ModuleType] = {
    "CT dose report (TID 10011)": rdsr_ct,
    "Projection and mammography dose report (TID 10001)": rdsr_projection,
    "Radiopharmaceutical dose report (TID 10021)": rdsr_radiopharm,
    "Enhanced X-ray dose report (TID 10040)": rdsr_enhanced,
    "Private summary of Siemens mobile C-arms": radsum,
    "Patient, study and device of every report": study,
}
HEADERS: Mapping[str, ModuleType] = {
    "Radiographs, mammograms, C-arms, dental (one object, one exposure)": image_projection,
    "CT (one series, its acquisitions)": image_ct,
    "PET and NM (one series, its administrations)": image_nuclear,
    "Dose screens by their header": dose_screen,
    "Performed procedure steps (MPPS)": mpps,
}
_PARTS = {"EVENT": "event", "TOTAL": "total", "ROOT": "document", "CONTEXT": "study and device"}


def page() -> str:
    """The whole page."""
    sections = (_classes, _reports, _headers, _units, _makers, _quirks, _tolerated, _not_read, _again, _spoilt)
    lines = [
        "# Conformance",
        "",
        "What is read, from which objects, in which units, and what is done about deviations. Made by `tools/docs.py`",
        "from the very tables that read (`dose/extract/`), so that it cannot say anything else than they do.",
    ]
    for section in sections:
        lines += ["", *section()]
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _classes() -> Iterator[str]:
    yield from (
        "## Objects",
        "",
        "Structured reports are recognised by the code of their title, whatever their class:",
        "",
    )
    titles = {title: [reader.template for reader in readers] for title, readers in extract.READERS.items()}
    rows = [(_code(title), ", ".join(found)) for title, found in titles.items()]
    yield from _table(("title", "templates read"), rows)
    yield from ("", "Images and steps by their SOP class; those of other classes by their modality:", "")
    classes = [(f"{UID(one).name} `{one}`", reader.source, modality or "as stated")
               for one, (reader, modality) in images.READERS.items()]  # fmt: skip
    yield from _table(("SOP class", "source", "modality"), classes)


def _reports() -> Iterator[str]:
    yield from (
        "## Items read in reports",
        "",
        "A field is read from the items that its codes lead to, wherever makers",
    )
    yield from ("put them; *or* names a second place. Every spelling of a code counts (SRT, SNM3, 99SDM, SCT).",)
    for title, module in REPORTS.items():
        yield from ("", f"### {title}", "")
        rows = [
            (f"`{column}`", part, _places(table, column)) for part, table in _tables(module) for column in table.rows
        ]
        yield from _table(("field", "of", "codes"), rows)
        yield from _beside(module)


def _beside(module: ModuleType) -> Iterator[str]:
    said = BESIDE.get(module.__name__.rpartition(".")[2], ())
    yield from ("", *said) if said else ()


def _tables(module: ModuleType) -> Iterator[tuple[str, Table]]:
    for name, value in vars(module).items():
        if isinstance(value, Table):
            yield _PARTS.get(name, name.strip("_").lower()), value


def _places(table: Table, column: str) -> str:
    row = table.rows[column]
    paths = [
        " > ".join(map(_code, path)) for path in (row.path, *row.also, *([row.otherwise] if row.otherwise else []))
    ]
    return " or ".join(paths)


def _code(concept: Concept) -> str:
    return f"({concept[1]}, {concept[0]})"


def _headers() -> Iterator[str]:
    yield from (
        "## Attributes read in headers",
        "",
        "In the unit that PS3.3 gives each attribute; the first one stated",
    )
    yield "counts, one that is not zero before a zero."
    for title, module in HEADERS.items():
        found: dict[tuple[str, str], list[str]] = {}
        for name, table in _header_tables(module):
            for column, row in table.items():
                found.setdefault((column, _asked(row, column)), []).append(name)
        yield from ("", f"### {title}", "")
        rows = [(f"`{column}`", ", ".join(dict.fromkeys(names)), said) for (column, said), names in found.items()]
        yield from _table(("field", "of", "attributes"), rows)
        yield from _beside(module)


def _header_tables(module: ModuleType) -> Iterator[tuple[str, Mapping[str, Callable[..., Any]]]]:
    for name, value in vars(module).items():
        if not isinstance(value, dict) or not value:
            continue
        if all(callable(row) for row in value.values()):
            yield _PARTS.get(name, name.strip("_").lower().replace("_", " ")), value
        elif name == "TABLES" and module is image_nuclear:
            yield from value.items()


class _Asked(dict[int, Any]):
    """An empty header that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[int, None] = {}

    def get(self, tag: int, default: object = None) -> Any:  # noqa: ANN401 - as of any dictionary
        self.tags[tag] = None
        return default

    def __contains__(self, tag: object) -> bool:
        self.tags[int(str(tag))] = None
        return False


def _asked(row: Callable[..., Any], column: str) -> str:
    """The attributes that a row looks for in an image that states nothing."""
    values, items = _Asked(), _Asked()
    row(Looked(Reading(), Image(values, items)), column)
    units = dict(getattr(row, "places", ()))
    tags = [f"{path_of(tag)}{f' in {units[tag]}' if tag in units else ''}" for tag in (*values.tags, *items.tags)]
    return ", ".join(tags)


def _units() -> Iterator[str]:
    yield from (
        "## Units accepted",
        "",
        "Spellings in print (µ, ·, ²) and with a caret, an asterisk or no dot count as",
    )
    yield from ("the unit. A unit that is not in the row never becomes a number.", "")
    rows = [(f"`{quantity.column}`", quantity.unit, _plain(quantity.factors)) for quantity in QUANTITIES.values()]
    yield from _table(("field", "stored in", "accepted"), rows)


def _plain(factors: Mapping[str, float]) -> str:
    return ", ".join(f"`{unit or 'none'}`" for unit in factors if unit.isascii() and not set("^*") & set(unit))


def _makers() -> Iterator[str]:
    yield from (
        "## Makers seen",
        "",
        "Published files of these devices were read, and the numbers compared with what an",
    )
    yield "independent reader (DCMTK) finds in them. The files are not part of this repository; each behaviour is"
    yield from ("pinned by a synthetic twin.", "")
    yield from _table(("maker and model", "objects"), MAKERS)


def _quirks() -> Iterator[str]:
    yield from (
        "## Deviations repaired",
        "",
        "Rows of `dose/extract/quirks.py`: only what an item is called, how it is",
    )
    yield "typed or where it stands is repaired, never a value. Each is named on the study page where it acted, and its"
    yield from ("test fails when it is not needed any more.", "")
    rows = [(f"`{row.name}`", row.template, row.manufacturer, row.why, row.source) for row in QUIRKS]
    yield from _table(("name", "template", "maker", "what and why", "source"), rows)
    yield from (
        "",
        "A site adds rows of its own by the TOML file that `DACS_QUIRKS_FILE` names, without Python: see",
        "[examples/quirks.toml](examples/quirks.toml). A wrong row refuses to start and names file, row and key; `dacs",
        "doctor` shows the rows in force; after a change `dacs reextract --changed` reads what they concern again.",
        "Rows concern structured reports; what headers deviate in is tolerated by their tables.",
    )


def _tolerated() -> Iterator[str]:
    yield from (
        "## Deviations tolerated",
        "",
        "What the readers take as it comes, without a row, and the test of each.",
        "",
    )
    rows = [(what, done, f"`{test.removeprefix('tests/')}`") for what, done, test in TOLERATED]
    yield from _table(("deviation", "what is done", "test"), rows)


def _not_read() -> Iterator[str]:
    yield from ("## Deliberately not read", "")
    yield from _table(("what", "why"), NOT_READ)


def _again() -> Iterator[str]:
    yield from (
        "## When a reader improves",
        "",
        "Every object carries the version of the reader that read it "
        f"(now {extract.READER_VERSION}). A change that can alter a stored value raises `READER_VERSION` in",
        "`dose/extract/__init__.py`. `dacs reextract` then reads the kept objects again, each study in one",
        "transaction: what an older reader read (`--changed`, the default), one `--study`, one `--device`, or `--all`.",
        "It says every change (study, field, before, after; `--json`), keeps the former values on the study page,",
        "tries refused objects once more, and goes on where it stood when it was killed.",
    )


def _spoilt() -> Iterator[str]:
    yield from ("## Spoilt objects", "", *FUZZED)
