"""One cell to one value, or a refusal's code; nothing is guessed and nothing is repaired."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta

from dose.legacy.table import Cell

X_RAYS_DISCOVERED = date(1895, 11, 8)
NOTHING = frozenset({"", "-", "–", "—", "n/a", "na", "none", "null", "nan", "#n/a"})
_DIGITS = str.maketrans(
    {ord("٠") + n: str(n) for n in range(10)} | {ord("۰") + n: str(n) for n in range(10)} | {"٫": ",", "−": "-"}
)  # Arabic-Indic digits and decimal mark, as people type them
_SPACES = "[ \u00a0\u202f\u2009'\u2019]"
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_SPACED = re.compile(rf"[+-]?\d{{1,3}}({_SPACES}\d{{3}})+(\.\d*)?", re.ASCII)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of a spreadsheet's serial dates, local by nature
_LAST_SERIAL = 2_958_465  # 9999-12-31
_SEPARATED = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})[:hH](\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?", re.ASCII)
_PACKED_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(?:\.(\d{1,6}))?", re.ASCII)
DATE_FORMS = ("iso", "dmy", "mdy")


class CellError(Exception):
    """A cell is refused; `code` is one of `dose.legacy.refusals.SENTENCES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def text(cell: Cell) -> str | None:
    """Return a cell as text, None when it says nothing; whole numbers without a fraction."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    said = " ".join(str(cell).split()) if cell is not None else ""
    return None if said.casefold() in NOTHING else said


def number(cell: Cell, decimal: str = ".") -> float | None:
    """Return the number of a cell, None when it is empty.

    Parameters
    ----------
    decimal : str
        The decimal mark of the column, `.` or `,`. The other one is read as thousands separator only where it can be
        nothing else (`1.234,5`, `1,234,567`); `1,234` under the mark `.` is refused.

    Raises
    ------
    CellError
        `not-a-number` or `decimal-mark`.
    """
    if isinstance(cell, int | float):
        value = float(cell)
    elif isinstance(cell, str) or cell is None:
        said = text(cell)
        if said is None:
            return None
        value = float(_plain(said.translate(_DIGITS), decimal))
    else:
        raise CellError("not-a-number")
    if not math.isfinite(value):
        raise CellError("not-a-number")
    return value


def _plain(said: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    if other in said:
        groups = rf"[+-]?\d{{1,3}}((\{other}\d{{3}})+\{decimal}\d+|(\{other}\d{{3}}){{2,}})"
        if not re.fullmatch(groups, said, re.ASCII):
            raise CellError("decimal-mark" if re.fullmatch(r"[+-]?[\d.,]+", said, re.ASCII) else "not-a-number")
        said = said.replace(other, "")
    said = said.replace(decimal, ".")
    if _SPACED.fullmatch(said):
        said = re.sub(_SPACES, "", said)
    if not _PLAIN.fullmatch(said):
        raise CellError("not-a-number")
    return said


def day(cell: Cell, form: str, today: date) -> date | None:
    """Return the date of a cell, None when it is empty; a time of day beside it is left to `clock`.

    Parameters
    ----------
    form : str
        `iso` (2019-03-04 or 20190304), `dmy` (04/03/2019) or `mdy` (03/04/2019); dates and serial numbers of a
        workbook need none.
    today : date
        No study was made after it.

    Raises
    ------
    CellError
        `bad-date`, `future-date` or `too-old`.
    """
    found = _day(cell, form)
    if found is None:
        return None
    if found > today:
        raise CellError("future-date")
    if found < X_RAYS_DISCOVERED:
        raise CellError("too-old")
    return found


def birthday(cell: Cell, form: str, today: date) -> date | None:
    """Return a date of birth, which may lie before 1895 but not more than 130 years before today."""
    found = _day(cell, form)
    if found is None:
        return None
    if found > today:
        raise CellError("future-date")
    if found.year < today.year - 130:
        raise CellError("too-old")
    return found


def _day(cell: Cell, form: str) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float):
        return _of_serial(float(cell)).date()
    said = text(cell) if not isinstance(cell, time) else None
    if said is None:
        if isinstance(cell, time):
            raise CellError("bad-date")
        return None
    said = said.translate(_DIGITS)
    head = re.split(r"[T ](?=\d{1,2}[:h])", said, maxsplit=1)[0]
    try:
        return _of_text(head, form)
    except ValueError:
        raise CellError("bad-date") from None


def _of_serial(serial: float) -> datetime:
    if not 1 <= serial <= _LAST_SERIAL:
        raise CellError("bad-date")
    return _EPOCH + timedelta(days=serial)


def _of_text(said: str, form: str) -> date:
    if form == "iso" and re.fullmatch(r"\d{8}", said, re.ASCII):
        return date(int(said[:4]), int(said[4:6]), int(said[6:]))
    match = _SEPARATED.fullmatch(said)
    if not match:
        raise ValueError
    first, second, third = match.groups()
    year, month, of_month = {"iso": (first, second, third), "dmy": (third, second, first)}.get(
        form, (third, first, second)
    )
    if len(year) != 4:
        raise ValueError  # two digits are no year
    return date(int(year), int(month), int(of_month))


def clock(cell: Cell) -> str | None:
    """Return the time of day of a cell as `hh:mm:ss[.ffffff]`; of a date and time its time; None when it is empty.

    Raises
    ------
    CellError
        `bad-time`.
    """
    if isinstance(cell, datetime):
        return cell.time().isoformat()
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, int | float):
        if not 0 <= cell < _LAST_SERIAL:
            raise CellError("bad-time")
        return (_EPOCH + timedelta(seconds=round(cell % 1 * 86400))).time().isoformat()
    if isinstance(cell, date):
        return None
    said = text(cell)
    if said is None:
        return None
    said = re.split(r"(?<=\d{4})[T ]|(?<=[-/]\d{2})[T ]", said.translate(_DIGITS), maxsplit=1)[-1]
    match = _TIME.fullmatch(said) or _PACKED_TIME.fullmatch(said)
    try:
        hour, minute, second, fraction = match.groups() if match else ("x", "", "", "")
        return time(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0"))).isoformat()
    except ValueError:
        raise CellError("bad-time") from None
