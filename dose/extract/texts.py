"""Texts, dates and ages as DICOM writes them; reading one never fails, at worst it gives None or a replaced letter.

References: DICOM PS3.5 section 6.1 (character repertoires), 6.2 (value representations).
"""

from __future__ import annotations

import re
from datetime import date, datetime

_UNDECLARED = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6", "ISO_IR 192"})
_LATIN_1 = frozenset({"ISO_IR 100", "ISO 2022 IR 100"})
_MOMENT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?)?)?\s*([+-]\d{4})?", re.ASCII
)
_START = re.compile(r"(\d{14})", re.ASCII)
_BLANK = " \0\t\r\n"
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(?:\.\d*)?", re.ASCII)
_AGE = re.compile(r"(\d{1,4})([DWMY])", re.ASCII)
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def decode(raw: bytes, charset: str) -> str:
    """Return the text of raw bytes under the declared (0008,0005) Specific Character Set.

    Undeclared texts are tried as UTF-8, then taken as Latin-1, which makers send undeclared.
    """
    raw = raw.strip(b" \0\t\r\n")
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if charset in _LATIN_1:
        return raw.decode("latin-1")
    if charset not in _UNDECLARED:
        try:
            return _decode_declared(raw, charset)
        except Exception:  # noqa: S110 — a text nobody can decode is no reason to lose a dose
            pass
    return _utf8(raw) or raw.decode("latin-1")


def decode_identity(raw: bytes, charset: str) -> str:
    """Return a header text; UTF-8 that is declared as Latin-1 is read as UTF-8.

    Names are matched with other systems, and Latin-1 that is valid UTF-8 by chance is next to impossible.
    Texts of the content tree stay as declared (`decode`) and are flagged: what the report says is not rewritten.
    """
    return (_utf8(raw.strip(b" \0")) if is_doubtful(raw, charset) else None) or decode(raw, charset)


def is_doubtful(raw: bytes, charset: str) -> bool:
    """Tell whether bytes declared as Latin-1 are valid multi-byte UTF-8."""
    return charset in _LATIN_1 and not raw.isascii() and _utf8(raw) is not None


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_declared(raw: bytes, charset: str) -> str:
    import warnings

    from pydicom.charset import convert_encodings, decode_bytes

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings(charset.split("\\"))
        return str(decode_bytes(raw, encodings, {ord(letter) for letter in "\\^="}))


def moment(text: str) -> tuple[str | None, str | None]:
    """Return a DICOM DT as ISO 8601 local time, to the precision sent, and its UTC offset (`+0100`).

    Both are None when the text is no date and time. Fractions of a second are kept, to the microsecond;
    what follows a whole second and is no DT (a fraction without its point, letters) is left out.
    """
    text = text.strip(_BLANK)
    match = _MOMENT.fullmatch(text) or _MOMENT.fullmatch(text[:14] if _START.match(text) else "")
    if not match:
        return None, None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    text = f"{year}-{month}-{day}"
    if hour:
        text += f"T{hour}:{minute or '00'}" + (f":{second}" if second else "") + (f".{fraction}" if fraction else "")
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None, None
    return text, offset


def offset(text: str | None) -> str | None:
    """Return a UTC offset as `+0100`; also of the spelling `UTC+01:00`, or None."""
    match = re.fullmatch(r"(?:UTC)?([+-]\d\d):?(\d\d)", (text or "").strip())
    return match[1] + match[2] if match else None


def day(text: str | None) -> str | None:
    """Return a DICOM DA (also the retired YYYY.MM.DD) as YYYY-MM-DD, or None."""
    digits = (text or "").replace(".", "").replace("-", "").strip()[:8]
    return moment(digits)[0] if len(digits) == 8 else None


def clock(text: str | None) -> str | None:
    """Return a DICOM TM as HH:MM:SS without fraction, or None; parts not sent are zero."""
    match = _TIME.fullmatch(re.sub(r"[^0-9:.]", "", text or ""))
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    return f"{hour:02d}:{minute:02d}:{second:02d}" if hour < 24 and minute < 60 and second < 61 else None


def age_years(stated: str | None, born: str | None, on: str | None) -> float | None:
    """Return the age in years with decimals.

    Parameters
    ----------
    stated : str or None
        (0010,1010) Patient's Age: 035Y, 009M, 006W, 010D.
    born, on : str or None
        ISO dates of birth and study; used where no age is stated, and to refine an age of 0 years.

    Returns
    -------
    float or None
        None when neither gives an age between 0 and 150 years.
    """
    match = _AGE.fullmatch((stated or "").strip(" \0").upper())
    years = int(match[1]) * _DAYS[match[2]] / 365.25 if match else None
    if years is None or years == 0:
        by_dates = _between(born, on)
        years = by_dates if by_dates is not None else years
    return round(years, 4) if years is not None and years <= 150 else None


def _between(born: str | None, on: str | None) -> float | None:
    if not born or not on:
        return None
    days = (date.fromisoformat(on) - date.fromisoformat(born)).days
    return days / 365.25 if 0 <= days <= 150 * 365.25 else None
