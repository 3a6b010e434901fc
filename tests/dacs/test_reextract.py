"""Reading kept objects again from the command line: what is chosen, what is said, and going on after a kill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from dacs import doctor
from dacs import reextract as module
from dacs.synthetic.content import coded
from dose import extract
from dose.audit import Action
from dose.database import make_engine, session_factory
from dose.extract import quirk_files
from dose.settings import load_settings
from dose.tables import AuditEntry, Cursor, SourceObject, Study, StudyHistory
from tests.build import Device, ct_bytes, find, fluoroscopy, projection_rdsr, study, to_bytes, uid
from tests.dacs.test_cli import logs_as_before, said

__all__ = ["logs_as_before"]

ROW = """
[[quirk]]
name = "orion-dap"
why = "Orion states the kerma-area product under a private code."
manufacturer = "orion*"
template = "10001"
rename = {{ from = "(DAP-1, 99ORION)", to = "{to}" }}
"""
PKA = "(122130, DCM)"


def orion() -> bytes:
    device = Device(manufacturer="Orion", model="Mobile", station_name="OR2")
    ds = projection_rdsr(study=study(9), device=device, events=[fluoroscopy(pka_gy_cm2=1.5)])
    for item in find(ds, "122130"):
        item.ConceptNameCodeSequence = [coded("DAP-1", "99ORION", "DAP")]
    return to_bytes(ds)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with three CT studies and one of a device with a deviation of its own."""
    folder = tmp_path_factory.mktemp("imported")
    for number in (1, 2, 3):
        (folder / f"{number}.dcm").write_bytes(ct_bytes(number))
    (folder / "9.dcm").write_bytes(orion())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DACS_VAR", str(folder / "var"))
        said("setup")
        assert said("import", *map(str, sorted(folder.glob("*.dcm"))))[0] == 0
    return folder / "var"


@pytest.fixture
def var(imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A copy of that site."""
    shutil.copytree(imported, tmp_path / "var")
    monkeypatch.setenv("DACS_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DACS_LOG_LEVEL", "WARNING")
    monkeypatch.setattr(module, "_PLACE_EVERY_S", 0.0)
    yield tmp_path / "var"
    quirk_files.use(None)


def rows(var: Path, statement):
    engine = make_engine(f"sqlite:///{var}/dacs.sqlite3")
    with session_factory(engine)() as session:
        found = session.scalars(statement).all()
    engine.dispose()
    return found


@pytest.fixture
def quirks(var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(to: str | None) -> None:
        (tmp_path / "quirks.toml").write_text(ROW.format(to=to) if to else "")
        monkeypatch.setenv("DACS_QUIRKS_FILE", str(tmp_path / "quirks.toml"))

    return write


def pka(var: Path) -> float | None:
    (found,) = rows(var, select(Study.pka_sum_gy_cm2).where(Study.modality != "CT"))
    return found


def test_nothing_changed_reads_nothing(var: Path) -> None:
    assert said("reextract", "--changed") == (0, "0 studies read again, 0 changed.\n")


def test_a_new_row_of_the_site_reads_what_it_concerns(var: Path, quirks) -> None:
    quirks(PKA)
    code, text = said("reextract", "--changed")
    assert (code, text.splitlines()[-1]) == (0, "1 studies read again, 1 changed.")
    assert f"study {uid('test study', 9)}: study pka_sum_gy_cm2: nothing -> 1.5" in text
    assert pka(var) == 1.5
    assert ["orion-dap"] in rows(var, select(SourceObject.quirks))
    assert said("reextract") == (0, "0 studies read again, 0 changed.\n")


def test_a_row_that_was_taken_away_reads_it_once_more_and_keeps_what_was(var: Path, quirks) -> None:
    quirks(PKA)
    said("reextract")
    quirks(None)
    code, text = said("reextract", "--json")
    changes = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert code == 0
    former = [(one["field"], one["before"], one["after"]) for one in changes]
    assert ("pka_sum_gy_cm2", 1.5, None) in former
    assert pka(var) is None
    assert len(rows(var, select(StudyHistory))) == 2


def test_a_newer_reader_reads_everything_an_older_one_read(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "READER_VERSION", extract.READER_VERSION + 1)
    assert said("reextract") == (0, "4 studies read again, 0 changed.\n")
    assert said("reextract") == (0, "0 studies read again, 0 changed.\n")


def test_a_device_is_read_by_its_station_or_model(var: Path) -> None:
    assert said("reextract", "--device", "or2") == (0, "1 studies read again, 0 changed.\n")
    assert said("reextract", "--device", "CT One") == (0, "3 studies read again, 0 changed.\n")
    assert said("reextract", "--device", "nowhere") == (1, "There is no device of that name.\n")


def test_only_one_choice_is_taken(var: Path) -> None:
    code, text = said("reextract", "--all", "--changed")
    assert code == 1
    assert "choose one" in text


class Killed(Exception):
    """As sudden as a kill: nothing is tidied up."""


def test_a_killed_run_goes_on_where_it_stood(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = module._Run._tell

    def tell_and_die(run, done) -> None:
        told(run, done)
        if run._read == 2:
            raise Killed

    monkeypatch.setattr(module._Run, "_tell", tell_and_die)
    said("reextract", "--all")
    monkeypatch.setattr(module._Run, "_tell", told)
    assert [one.value for one in rows(var, select(Cursor).where(Cursor.name == "reextract"))] == [2]
    code, text = said("reextract", "--all")
    assert code == 0
    assert "Goes on after study 2" in text
    assert text.endswith("2 studies read again, 0 changed.\n")
    assert said("reextract", "--all")[1] == "4 studies read again, 0 changed.\n"


def test_a_refused_object_that_reads_well_now_is_told(var: Path, tmp_path: Path, monkeypatch) -> None:
    def no_reader(*_: object) -> None:
        raise extract.UnreadableObject("no reader yet")

    (tmp_path / "5.dcm").write_bytes(ct_bytes(5))
    with monkeypatch.context() as patch:
        patch.setattr(extract, "_report", no_reader)
        said("import", str(tmp_path / "5.dcm"))
    assert "1 refused objects are readable now" in said("reextract")[1]
    assert len(rows(var, select(Study))) == 5


def test_what_was_asked_is_on_record(var: Path) -> None:
    said("reextract", "--device", "OR2")
    (entry,) = rows(var, select(AuditEntry).where(AuditEntry.action == Action.REEXTRACT))
    assert entry.detail["studies"] == "device"


def test_the_doctor_names_the_rows_in_force_and_says_when_to_read_again(var: Path, quirks) -> None:
    quirks(PKA)
    said("reextract", "--device", "nowhere")
    found = list(doctor.quirks(load_settings()))
    assert [(one.level, one.mend) for one in found] == [("ok", None), ("look", "Run `dacs reextract --changed`.")]
    assert "orion-dap for orion*, template 10001" in found[0].text
    said("reextract")
    assert len(list(doctor.quirks(load_settings()))) == 1


def test_a_wrong_row_stops_every_command_with_one_sentence(var: Path, quirks) -> None:
    quirks("122130")
    for command in (["reextract"], ["extract", str(var)], ["ingest"]):
        code, text = said(*command)
        assert (code, text.count("\n")) == (1, 1)
        assert "row 1 (orion-dap), key rename: '122130' is not a code" in text
