"""`dacs legacy`: former doses from CSV and XLSX tables, checked row by row, imported, taken back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from sqlalchemy.orm import Session, sessionmaker

from dose import store
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.legacy import batches
from dose.legacy.check import CheckReport, check
from dose.legacy.mapping import TableMapping, from_json
from dose.legacy.mappings import fitting, forget_mapping, save_mapping, saved_mappings, suggested
from dose.legacy.refusals import SENTENCES, TableError
from dose.legacy.table import Table, open_table
from dose.quantities import QUANTITIES, display
from dose.scope import system_scope
from dose.settings import Settings

SCOPE = system_scope("command line")
SHOWN_REFUSALS = 200
INTERRUPTED = 130


@contextmanager
def _database(settings: Settings) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(settings.database)
    try:
        yield session_factory(engine)
    finally:
        engine.dispose()


def run_check(settings: Settings, file: Path, mapping: str | None, *, keep_going: bool = False) -> int:
    """Say what an import of a table would do, without doing it; 1 when something is refused and not `keep_going`."""
    table = _table(settings, file)
    with _database(settings) as factory, factory() as session:
        site = store.site_id(session.connection(), settings.site)
        chosen = _mapping(session, site, table, mapping)
        report, taken = check(_sheet(table, chosen), chosen, site=settings.site, today=_today())
        batches.compare(session, site, report, taken)
        session.rollback()  # a look makes no site
    _show(Console(stderr=True, highlight=False), report)
    return int(bool(report.refusals) and not keep_going)


def run_import(settings: Settings, file: Path, mapping: str | None, *, keep_going: bool = False) -> int:
    """Import a table; 1 when something was refused and not `keep_going`. Run again, it goes on where it stood."""
    console = Console(stderr=True, highlight=False)
    table = _table(settings, file)
    with _database(settings) as factory:
        return _import(settings, console, factory, file, table, mapping, keep_going)


def _import(
    settings: Settings,
    console: Console,
    factory: sessionmaker[Session],
    file: Path,
    table: Table,
    mapping: str | None,
    keep_going: bool,
) -> int:
    with writing(factory) as session:
        site = store.site_id(session.connection(), settings.site)
        chosen = _mapping(session, site, table, mapping)
        held = batches.hold(session, SCOPE, table, os.fsencode(file.name).decode("utf-8", "replace"), site)
        started = batches.start(session, SCOPE, held.batch_id, chosen)
    if not started:
        console.print(
            f"This file was imported before, as import {held.batch_id}. Undo that one to import it otherwise."
        )
        return 0
    try:
        said = _run(console, factory, held.batch_id)
    except KeyboardInterrupt:
        console.print(f"Import {held.batch_id} was stopped. The same command goes on from here.")
        return INTERRUPTED
    _show(console, said.report)
    console.print(f"Import {held.batch_id}: {said.new} studies new, {said.known} known.")
    return int(bool(said.report.refusals) and not keep_going)


def run_undo(settings: Settings, batch_id: int) -> int:
    """Take an import back; 1 when there is none of that number."""
    try:
        with _database(settings) as factory:
            removed = batches.undo(factory, SCOPE, batch_id)
    except LookupError as error:
        Console(stderr=True).print(f"dacs legacy: {error}.")
        return 1
    Console(stderr=True, highlight=False).print(
        f"Import {batch_id} was taken back: {removed} studies or parts of them."
    )
    return 0


def list_imports(settings: Settings) -> str:
    """A line an import, newest first."""
    with _database(settings) as factory, factory() as session:
        rows = batches.batches(session, SCOPE, typed=False)
    lines = [
        f"{row.id}: {row.kind}, {row.made_at:%Y-%m-%d %H:%M} UTC by {row.made_by}, "
        f"{row.accepted_count} of {row.row_count} rows, {row.state}"
        for row in rows
    ]
    return "\n".join(lines) or "Nothing was imported."


def list_mappings(settings: Settings) -> str:
    """A line a saved mapping."""
    with _database(settings) as factory, writing(factory) as session:
        saved = saved_mappings(session, store.site_id(session.connection(), settings.site))
    lines = [f"{name}: {len(one.columns)} columns, a row a {one.level}" for name, one in saved.items()]
    return "\n".join([*lines, "Exports of OpenREM need none: they are recognised."])


def suggest_mapping(settings: Settings, file: Path) -> str:
    """What header names suggest, as JSON to be edited; a unit that no header states is null."""
    said: dict[str, Any] = suggested(_table(settings, file)).as_json()
    for column in said["columns"].values():
        if column["meaning"].partition(".")[2] in QUANTITIES:
            column.setdefault("unit", None)
    return json.dumps(said, indent=2, ensure_ascii=False)


def keep_mapping(settings: Settings, name: str, file: Path | None) -> str:
    """Save the mapping of a JSON file under a name; without a file, forget the one of that name."""
    with _database(settings) as factory, writing(factory) as session:
        site = store.site_id(session.connection(), settings.site)
        if file is not None:
            save_mapping(session, SCOPE, site, name, _from_file(file))
            return f"Mapping {name} saved."
        return (
            f"Mapping {name} removed." if forget_mapping(session, SCOPE, site, name) else f"There is no mapping {name}."
        )


def _run(console: Console, factory: sessionmaker[Session], batch_id: int) -> batches.Imported:
    with Progress(console=console) as progress:
        task = progress.add_task("Importing", total=None)
        return batches.run(
            factory, batch_id, _today(), lambda done, total: progress.update(task, completed=done, total=total)
        )


def _today() -> date:
    return date.today()  # noqa: DTZ011 - dates of tables are local


def _table(settings: Settings, file: Path) -> Table:
    try:
        if file.stat().st_size > settings.max_table_mb << 20:
            raise ConfigError(f"{file.name} is larger than DACS_MAX_TABLE_MB ({settings.max_table_mb})")
        return open_table(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except TableError as error:
        raise ConfigError(f"{file}: {error}") from None


def _sheet(table: Table, mapping: TableMapping) -> Table:
    return open_table(table.content, mapping.sheet) if mapping.sheet else table


def _mapping(session: Session, site_id: int, table: Table, name: str | None) -> TableMapping:
    if name is None:
        return fitting(session, site_id, table)
    saved = saved_mappings(session, site_id)
    return saved[name] if name in saved else _from_file(Path(name))


def _from_file(path: Path) -> TableMapping:
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError:
        raise ConfigError(f"{path} is neither the name of a saved mapping nor a file") from None
    except ValueError as error:
        raise ConfigError(f"{path} is no mapping: {error}") from None


def _show(console: Console, report: CheckReport) -> None:
    for one in report.refusals[:SHOWN_REFUSALS]:
        place = f"row {one.row}" if one.row else "file"
        column = f", column {one.column}" if one.column else ""
        console.print(f"  {place}{column}: {one.sentence}", soft_wrap=True, markup=False)
    _show_counts(console, report)
    for modality, totals in sorted(report.by_modality.items()):
        sums = "".join(
            f", {QUANTITIES[name].symbol} {' '.join(display(name, value))}" for name, value in totals.sums.items()
        )
        console.print(f"  {modality}: {totals.studies} studies, {totals.events} events{sums}")
    if report.blocked:
        console.print("Nothing can be imported until the mapping is set right.")


def _show_counts(console: Console, report: CheckReport) -> None:
    shown: Sequence[tuple[str, int]] = report.refused_by_code.most_common()
    for code, count in shown if sum(report.refused_by_code.values()) > SHOWN_REFUSALS else ():
        console.print(f"  {count} × {SENTENCES[code]}", soft_wrap=True, markup=False)
    console.print(
        f"{report.row_count} rows: {report.taken_rows} importable as {report.study_count} studies "
        f"({report.known_studies} known), {len(report.refused_rows)} refused."
    )
    if report.dicom_studies:
        console.print(f"{report.dicom_studies} are likely here from their devices as well: each counts once.")
