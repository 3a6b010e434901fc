"""Importing files: new, known, ignored and bad ones; nothing changed, nothing lost by an interruption."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dacs import importer
from dacs.import_files import find_files
from dacs.import_object import Importer
from dacs.importer import run_import
from dacs.site_files import prepare
from dose.database import make_engine, session_factory
from dose.settings import Settings
from dose.tables import SourceObject, Study
from tests import build


@pytest.fixture
def settings(tmp_path: Path, key_ring, migrated_sqlite: Path) -> Settings:
    made = prepare(Settings(var=tmp_path / "var"))
    shutil.copy(migrated_sqlite, tmp_path / "var" / "dacs.sqlite3")
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "disk"
    (made / "deep" / "er").mkdir(parents=True)
    for number, place in enumerate(("a.dcm", "deep/b", "deep/er/c.DCM"), start=1):
        (made / place).write_bytes(build.ct_bytes(number))
    return made


def count(settings: Settings, table=Study) -> int:
    engine = make_engine(settings.database)
    with session_factory(engine)() as session:
        found = session.scalar(select(func.count()).select_from(table))
    engine.dispose()
    return int(found or 0)


def image_bytes() -> bytes:
    report = build.ct_rdsr(study=build.study(77))
    report.SOPClassUID, report.Modality = "1.2.840.10008.5.1.4.1.1.2", "CT"
    return build.to_bytes(report)


def test_a_folder_is_imported_with_all_below_it(settings, folder, capsys):
    assert run_import(settings, [folder]) == 0
    assert count(settings) == 3
    assert "3 files: 3 new." in capsys.readouterr().err


def test_what_is_known_is_passed_over(settings, folder, capsys):
    run_import(settings, [folder])
    capsys.readouterr()
    assert run_import(settings, [folder, folder / "a.dcm"]) == 0
    assert "4 files: 4 known." in capsys.readouterr().err
    assert count(settings, SourceObject) == 3


def test_bad_files_are_listed_with_reasons_and_the_rest_goes_in(settings, folder, capsys):
    (folder / "notes.txt").write_text("not DICOM")
    (folder / "bomb.dcm").write_bytes(build.deep_nesting(build.ct_rdsr(study=build.study(50)), depth=2000))
    assert run_import(settings, [folder, folder / "absent"]) == 1
    said = capsys.readouterr().err
    assert "notes.txt: no DICOM file" in said
    assert "bomb.dcm: Reading the object would take more time" in said
    assert "absent: No such file or directory" in said
    assert count(settings) == 3


def test_keep_going_makes_bad_files_no_failure(settings, folder):
    (folder / "notes.txt").write_text("not DICOM")
    assert run_import(settings, [folder], keep_going=True) == 0


def test_files_are_never_changed(settings, folder):
    (folder / "notes.txt").write_text("not DICOM")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in find_files([folder])}
    run_import(settings, [folder])
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in find_files([folder])} == before


def test_archives_and_directories_of_disks_are_ignored_with_their_reason(settings, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "disk.zip", "w") as archive:
        archive.writestr("a.dcm", build.ct_bytes())
    listing = build.ct_rdsr()
    listing.SOPClassUID = "1.2.840.10008.1.3.10"
    (tmp_path / "DICOMDIR").write_bytes(build.to_bytes(listing))
    assert run_import(settings, [tmp_path / "disk.zip", tmp_path / "DICOMDIR"]) == 0
    said = capsys.readouterr().err
    assert "disk.zip: an archive: unpack it first" in said
    assert "DICOMDIR: a DICOMDIR only lists other files" in said


def test_images_and_other_reports_are_counted_and_left(settings, tmp_path, capsys):
    (tmp_path / "image.dcm").write_bytes(image_bytes())
    text = build.basic_text_sr(build.Patient(), build.Device(), build.study())
    (tmp_path / "text.dcm").write_bytes(build.to_bytes(text))
    assert run_import(settings, [tmp_path / "image.dcm", tmp_path / "text.dcm"]) == 0
    assert "2 files: 1 of a series, 1 without dose." in capsys.readouterr().err


def test_a_loop_of_links_is_walked_once(folder):
    (folder / "deep" / "back").symlink_to(folder)
    (folder / "deep" / "same").symlink_to(folder / "deep" / "er")
    assert [path.name for path in find_files([folder])] == ["a.dcm", "b", "back", "c.DCM"]


def test_a_loop_of_links_is_named(settings, folder, capsys):
    (folder / "deep" / "back").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert run_import(settings, [folder]) == 1
    said = capsys.readouterr().err
    assert "deep/back: a link back to a folder above it" in said
    assert "self: Too many levels of symbolic links" in said
    assert "5 files: 3 new, 2 bad." in said


def test_pipes_dead_links_and_odd_names_stop_nothing(settings, folder, capsys):
    os.mkfifo(folder / "a-pipe")
    (folder / "b-link").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(folder) + b"/c-\xff")).write_bytes(b"no DICOM")
    before = count(settings)
    assert run_import(settings, [folder]) == 1
    said = capsys.readouterr().err
    assert count(settings) > before
    assert all(name in said for name in ("a-pipe: a pipe", "b-link: No such file", "c-"))


def test_a_folder_that_cannot_be_opened_is_listed(settings, folder, capsys, monkeypatch):
    closed = folder / "closed"
    closed.mkdir()
    opened = os.scandir

    def scandir(path):
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert run_import(settings, [folder]) == 1
    assert "closed: a folder that cannot be opened" in capsys.readouterr().err


def test_files_are_found_in_sorted_order_whatever_the_disk_says(folder):
    for name in ("z", "m", "b"):
        os.link(folder / "a.dcm", folder / name)
    assert [path.name for path in find_files([folder])][:4] == ["a.dcm", "b", "m", "z"]


def test_a_report_larger_than_the_setting_is_not_read(settings, tmp_path, capsys):
    (tmp_path / "large.dcm").write_bytes(build.huge_private(build.ct_rdsr(), size=1_200_000))
    small = settings.model_copy(update={"max_object_mb": 1})
    assert run_import(small, [tmp_path / "large.dcm"]) == 1
    assert "larger than DACS_MAX_OBJECT_MB (1)" in capsys.readouterr().err


@pytest.mark.parametrize(("together", "done"), [(1, 2), (2, 2), (3, 0)])
def test_an_interrupted_import_goes_on_from_what_was_written(settings, folder, capsys, monkeypatch, together, done):
    monkeypatch.setattr("dacs.import_object.TOGETHER", together)
    take, taken = Importer.take, []

    def interrupted(self, path: Path) -> tuple[str, str | None]:
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(path)
        return take(self, path)

    monkeypatch.setattr(Importer, "take", interrupted)
    assert run_import(settings, [folder]) == 130
    assert f"Stopped after {done} of 3 files" in capsys.readouterr().err
    assert count(settings) == done
    monkeypatch.setattr(Importer, "take", take)
    assert run_import(settings, [folder]) == 0
    said = f"3 files: {3 - done} new" + (f", {done} known." if done else ".")
    assert said in capsys.readouterr().err.replace("\n", "")


def test_orthanc_out_of_reach_is_one_sentence(settings, folder, capsys):
    nowhere = settings.model_copy(update={"orthanc_url": "http://127.0.0.1:9"})
    assert run_import(nowhere, [folder], to_orthanc=True) == 1
    assert "Orthanc cannot be reached" in capsys.readouterr().err


@pytest.mark.slow
def test_several_processes_import_the_same(settings, tmp_path, capsys, monkeypatch):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(12):
        (many / f"{number}.dcm").write_bytes(build.ct_bytes(number))
    (many / "bad").write_text("no")
    monkeypatch.setattr(importer, "FILES_OF_A_PROCESS", 1)
    assert run_import(settings, [many], jobs=2) == 1
    assert "13 files: 12 new, 1 bad." in capsys.readouterr().err
    assert count(settings) == 12
