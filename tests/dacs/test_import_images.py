"""Importing images: heads one by one, slices as series wherever they lie, and what is no image at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import select

from dacs import importer
from dacs.dose_sources import Kind
from dacs.import_files import BAD, FIRST_BYTES, IGNORED, head_of, what
from dacs.importer import run_import
from dacs.synthetic.heads import ct_slices, dose_screen, exposure, head, nuclear, performed_step
from dose.database import make_engine, session_factory
from dose.errors import TooExpensive
from dose.extract.series import bundle
from dose.ingest import content_hash
from dose.settings import Settings
from dose.tables import SourceObject
from tests import build
from tests.dacs.test_import import settings  # noqa: F401 - a fixture

PIXELS = bytes(200_000)


def image(ds) -> bytes:
    """The head with pixels behind it."""
    ds.Rows = ds.Columns = 1
    ds.BitsAllocated, ds.PixelData = 8, PIXELS
    return build.to_bytes(ds)


def sources(settings: Settings) -> list[SourceObject]:  # noqa: F811
    engine = make_engine(settings.database)
    with session_factory(engine)() as session:
        found = list(session.scalars(select(SourceObject).order_by(SourceObject.id)))
    engine.dispose()
    return found


def fill(folder: Path, *contents: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:03}").write_bytes(content)
    return folder


def test_images_are_read_without_their_pixels(settings, tmp_path, capsys):  # noqa: F811
    images = [head("DX"), head("MG"), dose_screen(exposure()), nuclear("NM")]
    folder = fill(tmp_path / "disk", *map(image, images), build.to_bytes(performed_step("DX", exposure())))
    assert run_import(settings, [folder]) == 0
    said = capsys.readouterr().err
    assert "5 files: 4 new, 1 of a series." in said
    assert "1 series: 1 new." in said
    assert all(row.size_bytes < 10_000 for row in sources(settings))


def test_an_image_without_dose_leaves_no_row(settings, tmp_path, capsys):  # noqa: F811
    folder = fill(tmp_path / "disk", image(dose_screen()))
    assert run_import(settings, [folder]) == 0
    assert "1 files: 1 without dose." in capsys.readouterr().err
    assert sources(settings) == []


def test_the_slices_of_a_series_are_one_object_wherever_they_lie(settings, tmp_path):  # noqa: F811
    slices = [image(ds) for ds in ct_slices(7, ctdi=(8.0, 9.0))]
    fill(tmp_path / "a", *slices[::2])
    fill(tmp_path / "b", *slices[1::2], slices[0])
    assert run_import(settings, [tmp_path / "a", tmp_path / "b"]) == 0
    (row,) = sources(settings)
    assert (row.kind, row.instance_count, row.status) == ("header", 7, "ok")
    assert row.content_sha256 == content_hash(bundle(slices))
    assert [path.name for path in settings.var.iterdir() if path.name.startswith("import-")] == []


def test_a_series_is_known_the_second_time(settings, tmp_path, capsys):  # noqa: F811
    folder = fill(tmp_path / "disk", *(image(ds) for ds in ct_slices(3)))
    for _ in range(2):
        assert run_import(settings, [folder]) == 0
    assert "1 series: 1 known." in capsys.readouterr().err
    assert len(sources(settings)) == 1


def test_cut_images_are_named_and_the_rest_of_their_series_comes_in(settings, tmp_path, capsys):  # noqa: F811
    slices = [image(ds) for ds in ct_slices(3)]
    folder = fill(tmp_path / "disk", slices[0], slices[1], slices[2][:900], image(head("DX"))[:700])
    assert run_import(settings, [folder]) == 1
    said = capsys.readouterr().err
    assert "002: The object cannot be read as DICOM: it is cut before its pixels" in said
    assert "003: The object cannot be read as DICOM: it is cut before its pixels" in said
    assert "4 files: 2 of a series, 2 bad." in said
    assert [row.instance_count for row in sources(settings)] == [2]


@pytest.mark.parametrize(
    ("start", "status", "reason"),
    [
        (b"", BAD, "empty"),
        (bytes(3000), BAD, "nothing but zeros"),
        (b"age-encryption.org/v1\n-> X25519 abc", BAD, "encrypted (age)"),
        (b"-----BEGIN PGP MESSAGE-----\n", BAD, "encrypted (OpenPGP)"),
        (b"Salted__12345678", BAD, "encrypted (OpenSSL)"),
        (bytes.fromhex("3080 0609 2a86 4886 f70d 0107 03 a080"), BAD, "encrypted (CMS)"),
        (b"PK\x03\x04\x14\x00\x01\x00", BAD, "encrypted (zip)"),
        (b"PK\x03\x04\x14\x00\x00\x00", IGNORED, "an archive: unpack it first"),
        (b"\x1f\x8b\x08", IGNORED, "an archive: unpack it first"),
        (b"hello", BAD, "no DICOM file"),
    ],
)
def test_what_is_no_dicom_is_named_as_what_it_is(start, status, reason):
    assert what(start) == (Kind.OTHER, status, reason)


def test_what_gpg_encrypts_is_named(tmp_path):
    command = ["gpg", "--batch", "--homedir", str(tmp_path), "--passphrase", "x", "--pinentry-mode", "loopback", "-c"]
    try:
        done = subprocess.run(command, input=b"DICM", capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("gpg is not installed")
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=False)  # the agent it started
    assert what(done.stdout[:2048])[2] == "encrypted (OpenPGP)"


def test_an_object_without_preamble_is_read_too(settings, tmp_path, capsys):  # noqa: F811
    bare = build.to_bytes(head("DX"))[132:]
    folder = fill(tmp_path / "disk", bare, bare[bare.index(b"\x08\x00\x05\x00CS") :])
    assert run_import(settings, [folder]) == 0
    assert "2 files: 1 new, 1 known." in capsys.readouterr().err


def test_no_more_of_a_file_is_looked_at_than_allowed(tmp_path):
    content = build.huge_private(build.ct_rdsr(), size=300_000)
    (tmp_path / "large").write_bytes(content)
    with (tmp_path / "large").open("rb", buffering=0) as file:
        start = file.read(FIRST_BYTES)
        assert head_of(file, start, 1 << 20) == content
        file.seek(FIRST_BYTES)
        with pytest.raises(TooExpensive):
            head_of(file, start, 1 << 17)


@pytest.mark.slow
def test_several_processes_gather_the_same_series(settings, tmp_path, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setattr(importer, "FILES_OF_A_PROCESS", 1)
    slices = [image(ds) for ds in ct_slices(60)]
    folder = fill(tmp_path / "disk", *slices, image(head("DX")), b"no")
    assert run_import(settings, [folder], jobs=2) == 1
    said = capsys.readouterr().err
    assert "62 files: 1 new, 60 of a series, 1 bad." in said
    assert sorted(row.instance_count for row in sources(settings)) == [1, 60]
