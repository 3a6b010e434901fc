"""key=value or JSON log lines that carry UIDs and row ids, never a person."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

FORBIDDEN = frozenset({"patient", "patient_id", "patient_name", "name", "birth_date", "accession_number", "operator"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _LineFormatter(logging.Formatter):
    def __init__(self, style: Literal["text", "json"]) -> None:
        super().__init__()
        self._json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD and k.lower() not in FORBIDDEN}
        line |= extra
        if record.exc_info and record.exc_info[1] is not None:
            # The type and place only: exception texts of libraries quote the data they choked on.
            line["error"] = type(record.exc_info[1]).__name__
            line["where"] = _place(record.exc_info[1])
        if self._json:
            return json.dumps(line, default=str, ensure_ascii=False)
        return " ".join(f"{k}={_quoted(v)}" for k, v in line.items())


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "unknown"


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=\n\r') else text


def configure(level: str = "INFO", style: Literal["text", "json"] = "text") -> None:
    """Send every logger of this process to standard error in one format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LineFormatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # tells every step of everything


def logger(name: str) -> logging.Logger:
    """The logger of a module; fields go in `extra={…}`."""
    return logging.getLogger(name)
