"""Files and folders for `dacs import`: finding them, telling what each is, reading no more of it than is needed.

References: DICOM PS3.10 section 7.1 (file meta information); RFC 9580 section 4.2 (OpenPGP packets);
RFC 5652 section 6.1 (enveloped data); the age file format, age-encryption.org/v1.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from dacs.dose_sources import Kind, kind_of, sop_class_of
from dose.errors import TooExpensive
from dose.extract import part10

FIRST_BYTES, GROWTH = 1 << 16, 4  # a file is read in steps until its pixels begin
DIRECTORY_CLASS = "1.2.840.10008.1.3.10"

NEW, KNOWN, SENT, OTHER, SLICE = "new", "known", "sent", "without dose", "of a series"
IGNORED, BAD = "ignored", "bad"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file or series: new | known | sent | without dose | of a series | ignored | bad, and why."""

    name: str
    status: str
    reason: str | None = None


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files in sorted order, folders walked; a folder reached twice (by links) is walked once.

    What does not exist, a folder that cannot be opened and a link back to a folder above it are yielded too: reading
    them gives the reason.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path.is_dir():
            yield from _walk(path, seen)
        else:
            yield path


def _walk(top: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    waiting: list[tuple[Path, frozenset[tuple[int, int]]]] = [(top, frozenset())]
    while waiting:
        folder, above = waiting.pop()
        try:
            status, entries = folder.stat(), sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder
            continue
        here = (status.st_dev, status.st_ino)
        if here in above:
            yield folder
        if here in seen:
            continue
        seen.add(here)
        folders = {entry.name for entry in entries if _is_folder(entry)}
        yield from (folder / entry.name for entry in entries if entry.name not in folders)
        waiting += [(folder / name, above | {here}) for name in sorted(folders, reverse=True)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def open_reason(path: Path) -> str | None:
    """Why a path is not to be opened, None for a file.

    Raises
    ------
    OSError
        It does not exist, or its links lead in a circle.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        return "a pipe or a device, which may never end"
    if path.is_symlink() and os.access(path, os.R_OK | os.X_OK):
        return "a link back to a folder above it"
    return "a folder that cannot be opened"


def what(start: bytes) -> tuple[Kind, str, str]:
    """Tell by its first bytes how a file comes in; of what is not to be read, the status and reason too."""
    if start[128:132] == b"DICM":
        sop_class = sop_class_of(start)
        if sop_class == DIRECTORY_CLASS:
            return Kind.OTHER, IGNORED, "a DICOMDIR only lists other files"
        return (kind_of(sop_class) if sop_class else Kind.IMAGE), "", ""
    if _begins_data_set(start):
        return Kind.IMAGE, "", ""
    return Kind.OTHER, *_no_dicom(start)


def _begins_data_set(start: bytes) -> bool:
    # Without preamble: the meta group, or group 0008 with a short first element as old archives wrote it.
    return start[:4] == b"\x02\x00\x00\x00" or (start[:2] == b"\x08\x00" and start[3:4] == b"\0" and len(start) > 64)


_ENCRYPTED = {
    b"age-encryption.org/v1": "age",
    b"-----BEGIN AGE ENCRYPTED FILE": "age",
    b"-----BEGIN PGP MESSAGE": "OpenPGP",
    b"\x8c\x0d\x04": "OpenPGP",  # symmetric-key packet of an old-format header
    b"\xc3\x0d\x04": "OpenPGP",
    b"\x85\x01\x0c\x03": "OpenPGP",  # public-key packets of 2048, 3072 and 4096 bit
    b"\x85\x01\x8c\x03": "OpenPGP",
    b"\x85\x02\x0c\x03": "OpenPGP",
    b"\x84\x5e\x03": "OpenPGP",
    b"Salted__": "OpenSSL",
    b"-----BEGIN PKCS7": "CMS",
    b"-----BEGIN CMS": "CMS",
}
_ENVELOPED = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"  # 1.2.840.113549.1.7.3, also of DICOM secure media
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
_ZIP, _ZIP_ENCRYPTED = b"PK\x03\x04", 1


def _no_dicom(start: bytes) -> tuple[str, str]:
    if not start:
        return BAD, "empty"
    for magic, name in _ENCRYPTED.items():
        if start.startswith(magic):
            return BAD, f"encrypted ({name})"
    if start[:1] == b"\x30" and _ENVELOPED in start[:32]:
        return BAD, "encrypted (CMS)"
    if start.startswith(_ZIP) and start[6:7] and start[6] & _ZIP_ENCRYPTED:
        return BAD, "encrypted (zip)"
    if start.startswith((_ZIP, *_ARCHIVES)):
        return IGNORED, "an archive: unpack it first"
    if not start.strip(b"\0"):
        return BAD, "nothing but zeros"
    return BAD, "no DICOM file"


def head_of(file: FileIO, start: bytes, max_bytes: int) -> bytes:
    """The object in a file without its pixels; no more of the file is read than that.

    Parameters
    ----------
    start
        The first FIRST_BYTES of the file, or all of it, which were read.

    Raises
    ------
    BadObject
        It cannot be read up to its pixels, or what comes before them is larger than `max_bytes`.
    """
    content, size = start, FIRST_BYTES
    while len(content) == size:
        if (head := part10.head_of_prefix(content)) is not None:
            return head
        if size >= max_bytes:
            raise TooExpensive(f"what comes before its pixels is larger than {max_bytes:,} bytes")
        size = min(GROWTH * size, max_bytes)
        content += file.read(size - len(content))
    return part10.head(content)
