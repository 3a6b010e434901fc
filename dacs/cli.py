"""`dacs`: one command for everything a site does with the system."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from dacs.site_files import complete
from dose import log
from dose.errors import ConfigError
from dose.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
db = typer.Typer(no_args_is_help=True, help="Create, upgrade and check the database.")
user = typer.Typer(no_args_is_help=True, help="Accounts of people who sign in.")
app.add_typer(db, name="db")
app.add_typer(user, name="user")
quality = typer.Typer(no_args_is_help=True, help="Samples of transferred data, and what is no patient.")
app.add_typer(quality, name="quality")
notify = typer.Typer(no_args_is_help=True, help="Notices of alerts: send them, test the channels, see how they are.")
app.add_typer(notify, name="notify")
legacy = typer.Typer(no_args_is_help=True, help="Former doses from CSV and XLSX tables: check, import, undo.")
app.add_typer(legacy, name="legacy")

P = ParamSpec("P")
R = TypeVar("R")
Paths = Annotated[list[Path], typer.Argument(help="Files or folders.")]


def _say(text: str) -> None:
    typer.echo(text.encode("utf-8", "backslashreplace").decode())  # a file's name may be no text


def _clear(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a wrong setting into one sentence and exit 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ConfigError as error:
            typer.echo(f"dacs: {error.args[0]}", err=True)
            raise typer.Exit(1) from None

    return run


def _settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any setting
    settings = load_settings(**overrides)
    log.configure(settings.log_level, settings.log_format)
    return complete(settings)


@app.command()
@_clear
def run() -> None:
    """Start Orthanc with the plugin, the ingest worker and the web app; stop them with Ctrl-C."""
    from dacs.run import run as run_all

    raise typer.Exit(run_all(_settings()))


@app.command()
@_clear
def setup() -> None:
    """Make keys, database, first administrator and Orthanc's configuration; start nothing."""
    from dacs.run import set_up

    settings, password = set_up(_settings())
    _say(f"Orthanc's configuration: {settings.var}/orthanc/orthanc.json")
    if password:
        _say(f"First sign-in, shown once: {password}")


@app.command()
@_clear
def web() -> None:
    """The web app alone, for an Orthanc that runs already."""
    from dacs.run import run_web

    run_web(_settings())


@app.command()
@_clear
def ingest() -> None:
    """The ingest worker: reads Orthanc's change log into the dose database."""
    from dacs.ingest_worker import run_worker

    raise typer.Exit(run_worker(_settings(), sys.stdin.buffer))


@app.command(name="import")
@_clear
def import_(
    paths: Paths,
    to_orthanc: Annotated[bool, typer.Option(help="Send the files to Orthanc instead of the database.")] = False,
    keep_going: Annotated[bool, typer.Option(help="Exit 0 even when files could not be read.")] = False,
    jobs: Annotated[int, typer.Option("-j", min=1, max=16, help="Processes that read.")] = 1,
) -> None:
    """Read dose objects from files and folders; what cannot be read is listed at the end and left alone."""
    from dacs.importer import run_import

    raise typer.Exit(run_import(_settings(), paths, to_orthanc=to_orthanc, keep_going=keep_going, jobs=jobs))


@app.command()
@_clear
def extract(
    paths: Paths,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show what each object says about dose, without a database."""
    from dose.extract import contract, quirk_files

    quirk_files.use(load_settings().quirks_file)
    for answer in contract.walk(paths):
        _say(json.dumps(answer, allow_nan=False) if as_json else _summary(answer))


def _summary(answer: dict[str, Any]) -> str:
    report = answer.get("report")
    if not report:
        return f"{answer['file']}: {answer['status']} ({answer['reason']})"
    return f"{answer['file']}: {report['modality']} {len(report['events'])} events, {len(answer['warnings'])} warnings"


@app.command()
@_clear
def reextract(
    study: Annotated[str | None, typer.Option(help="One study, by its Study Instance UID.")] = None,
    device: Annotated[str | None, typer.Option(help="A device's studies, by its name, station or model.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="What older readers or quirks read (default).")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every kept object.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a change.")] = False,
) -> None:
    """Read kept objects again with the present readers; says what changed. A killed run goes on where it stood."""
    from dacs.reextract import Asked, run_reextract

    if sum(map(bool, (study, device, changed, everything))) > 1:
        raise ConfigError("choose one of --study, --device, --changed and --all")
    raise typer.Exit(run_reextract(_settings(), Asked(study, device, everything, as_json)))


@app.command()
@_clear
def reconcile() -> None:
    """Ask the worker to compare everything in Orthanc with the database now, not only at night."""
    from dacs.maintenance import sessions
    from dacs.worker_sweep import request

    asked = request(sessions(_settings()))
    _say("The worker compares; see the system page." if asked else "No worker has read this Orthanc yet.")
    raise typer.Exit(0 if asked else 1)


@app.command()
@_clear
def doctor() -> None:
    """Say in plain words what is wrong and how to mend it."""
    from dacs.doctor import run_doctor

    raise typer.Exit(run_doctor(_settings()))


@app.command()
@_clear
def demo(
    remove: Annotated[bool, typer.Option(help="Take the demo hospital away again.")] = False,
) -> None:
    """Send a small synthetic hospital to Orthanc, unmistakably marked and removable."""
    from dacs.demo import run_demo

    raise typer.Exit(run_demo(_settings(), remove=remove))


@db.command(name="upgrade")
@_clear
def db_upgrade() -> None:
    """Bring the database to the present version; makes it when there is none."""
    from dacs.maintenance import upgrade_database

    _say(upgrade_database(_settings()))


@db.command(name="downgrade")
@_clear
def db_downgrade(revision: Annotated[str, typer.Argument(help="Revision, or base.")]) -> None:
    """Take the database back to an earlier version."""
    from dacs.maintenance import downgrade_database

    _say(downgrade_database(_settings(), revision))


@db.command(name="check")
@_clear
def db_check() -> None:
    """Compare the database with what this version expects, and statistics with the doses; exit 1 when they differ."""
    from dacs.counting import check_statistics
    from dacs.maintenance import check_database

    settings = _settings()
    problems = check_database(settings) or check_statistics(settings)
    _say("\n".join(problems) or "The database is whole and has the present version.")
    raise typer.Exit(1 if problems else 0)


@db.command(name="repair")
@_clear
def db_repair() -> None:
    """Make what statistics count anew from the doses, while work goes on."""
    from dacs.counting import repair_statistics

    _say(repair_statistics(_settings()))


@user.command(name="add")
@_clear
def user_add(
    email: Annotated[str, typer.Argument(help="What the person signs in with.")],
    role: Annotated[list[str], typer.Option(help="A role; may be given several times.")],
) -> None:
    """Make an account; prints its first password once."""
    from dacs.maintenance import add_user

    _say(add_user(_settings(), email, role))


@user.command(name="password")
@_clear
def user_password(email: Annotated[str, typer.Argument(help="The account.")]) -> None:
    """Give an account a new random password, printed once; ends its lock-out."""
    from dacs.maintenance import reset_password

    _say(reset_password(_settings(), email))


@user.command(name="list")
@_clear
def user_list() -> None:
    """Accounts and their roles."""
    from dacs.maintenance import list_users

    _say(list_users(_settings()))


TableFile = Annotated[Path, typer.Argument(help="A CSV or XLSX file.")]
MappingOption = Annotated[
    str | None, typer.Option(help="A saved mapping or a JSON file; without, an OpenREM export or what names suggest.")
]
KeepGoing = Annotated[bool, typer.Option(help="Exit 0 even when rows were refused.")]


@legacy.command(name="check")
@_clear
def legacy_check(file: TableFile, mapping: MappingOption = None, keep_going: KeepGoing = False) -> None:
    """Say what an import would store and refuse, row by row; nothing is written."""
    from dacs.legacy import run_check

    raise typer.Exit(run_check(_settings(), file, mapping, keep_going=keep_going))


@legacy.command(name="import")
@_clear
def legacy_import(file: TableFile, mapping: MappingOption = None, keep_going: KeepGoing = False) -> None:
    """Import a table; what is refused is listed with row, column and reason, the rest is stored."""
    from dacs.legacy import run_import

    raise typer.Exit(run_import(_settings(), file, mapping, keep_going=keep_going))


@legacy.command(name="undo")
@_clear
def legacy_undo(number: Annotated[int, typer.Argument(help="The number of the import.")]) -> None:
    """Take an import back; its studies vanish, the import stays in the list."""
    from dacs.legacy import run_undo

    raise typer.Exit(run_undo(_settings(), number))


@legacy.command(name="list")
@_clear
def legacy_list() -> None:
    """Imports, newest first."""
    from dacs.legacy import list_imports

    _say(list_imports(_settings()))


@legacy.command(name="mappings")
@_clear
def legacy_mappings(
    suggest: Annotated[Path | None, typer.Option(help="Print the mapping suggested for a table.")] = None,
    save: Annotated[str | None, typer.Option(help="Save a mapping under this name (with --from).")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="The JSON file of the mapping.")] = None,
    remove: Annotated[str | None, typer.Option(help="Remove the mapping of this name.")] = None,
) -> None:
    """Mappings of columns: list them, suggest one for a table, save or remove one."""
    from dacs.legacy import keep_mapping, list_mappings, suggest_mapping

    settings = _settings()
    if suggest is not None:
        _say(suggest_mapping(settings, suggest))
    elif save is not None and from_ is None:
        raise ConfigError("--save needs --from, the JSON file of the mapping")
    elif save or remove:
        _say(keep_mapping(settings, save or remove or "", from_ if save else None))
    else:
        _say(list_mappings(settings))


@quality.command(name="draw")
@_clear
def quality_draw(
    month: Annotated[str | None, typer.Option(help="A month that is over, as 2026-10; else the last one.")] = None,
) -> None:
    """Draw the monthly random samples of all devices that have none yet; drawing again changes nothing."""
    from dacs.quality import run_draw

    _say(run_draw(_settings(), month))


@quality.command(name="judge")
@_clear
def quality_judge() -> None:
    """Judge all studies again by the patterns of what is no patient; goes on where it was interrupted."""
    from dacs.quality import run_judge

    _say(run_judge(_settings()))


@notify.command(name="run")
@_clear
def notify_run() -> None:
    """Send notices until stopped; one such process is enough, a second one waits."""
    from dacs.notify_worker import run_worker

    raise typer.Exit(run_worker(_settings(), sys.stdin.buffer))


@notify.command(name="test")
@_clear
def notify_test(
    to: Annotated[str, typer.Option(help="An e-mail address, or a number as +212600000000.")],
    channel: Annotated[str, typer.Option(help="email or sms.")] = "email",
    language: Annotated[str, typer.Option(help="en, fr or ar.")] = "en",
) -> None:
    """Send one test message now and say what became of it."""
    from dacs.notify_commands import send_test

    said, well = send_test(_settings(), to, channel, language)
    _say(said)
    raise typer.Exit(0 if well else 1)


@notify.command(name="status")
@_clear
def notify_status() -> None:
    """How the channels are, and what waits in the outbox; exit 1 when something waits for a person."""
    from dacs.notify_commands import status

    said, well = status(_settings())
    _say(said)
    raise typer.Exit(0 if well else 1)
