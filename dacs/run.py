"""`dacs run`: Orthanc with the plugin (which keeps the ingest worker and that of notices), and the web app, as one.

Everything that can be wrong is checked before anything is started; what was started is stopped in every case.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from dacs import orthanc_config
from dacs.maintenance import first_administrator, upgrade_database
from dacs.site_files import prepare
from dose.errors import ConfigError
from dose.pacs import OrthancClient, PacsError
from dose.settings import Settings

START_SECONDS = 60
STOP_SECONDS = 20
CHECKOUT = Path(__file__).resolve().parent.parent
PLUGINS = ("libOrthancPython.so", "libOrthancDicomWeb.so", "libOrthancWebViewer.so")
PR_SET_PDEATHSIG = 1
PEERS_SECRETS = ("mail_password", "sms_token", "sms_key_secret")


@dataclass
class Child:
    """One process we started, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """Ask it to end, wait, and only then end it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(settings: Settings) -> int:
    """Start everything, say where it is, wait for Ctrl-C or for a part to die, stop everything.

    Returns
    -------
    int
        0 after Ctrl-C, 1 when a part ended by itself.

    Raises
    ------
    ConfigError
        One sentence, when something that must hold does not; nothing is left running.
    """
    check_ground(settings)
    settings, password = set_up(settings)
    with _stop_signals() as stopped, _children() as children:
        children.append(_start_orthanc(settings))
        _wait("Orthanc", children, stopped, lambda: _orthanc_answers(settings))
        _wait("the ingest worker", children, stopped, lambda: _worker_runs(settings))
        children.append(_start_web(settings))
        _wait("the web app", children, stopped, lambda: _port_answers(settings.web_host, settings.web_port))
        if not stopped:
            _say_where(settings, password)
        return _watch(children, stopped)


def set_up(settings: Settings) -> tuple[Settings, str | None]:
    """Make what is missing: secrets, database, first administrator, Orthanc's configuration.

    Returns
    -------
    tuple
        The settings with their secrets, and the first administrator's `e-mail / password`, None when there was one.
    """
    settings = prepare(settings)
    settings = settings.model_copy(update={"orthanc_log": settings.orthanc_log or settings.var / "log" / "orthanc.log"})
    upgrade_database(settings)
    base = json.loads((CHECKOUT / "orthanc.json").read_text(encoding="utf-8"))
    configuration = orthanc_configuration(settings)
    configuration.touch(mode=0o600)
    configuration.write_text(json.dumps(orthanc_config.build(base, settings), indent=2), encoding="utf-8")
    return settings, first_administrator(settings)


def orthanc_configuration(settings: Settings) -> Path:
    """Where Orthanc's generated configuration stands."""
    return settings.var.absolute() / "orthanc" / "orthanc.json"


def check_ground(settings: Settings) -> None:
    """Raise `ConfigError` for a missing program, plugin or a port that is taken."""
    if not settings.orthanc_program.exists():
        raise ConfigError(f"{settings.orthanc_program} is missing; install the Debian package orthanc")
    for name in PLUGINS:
        if not (settings.orthanc_plugins / name).exists():
            raise ConfigError(f"{settings.orthanc_plugins / name} is missing; run make setup")
    for variable, what, host, port in _ports(settings):
        if not _port_is_free(host, port):
            raise ConfigError(f"port {port} for {what} is in use; stop the program that has it or set {variable}")


def _ports(settings: Settings) -> list[tuple[str, str, str, int]]:
    orthanc = urlsplit(settings.orthanc_url)
    return [
        ("DACS_ORTHANC_URL", "Orthanc's REST API", orthanc.hostname or "127.0.0.1", orthanc.port or 8042),
        ("DACS_DICOM_PORT", "DICOM", "127.0.0.1", settings.dicom_port),
        ("DACS_WEB_PORT", "the web app", settings.web_host, settings.web_port),
    ]


def _port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _port_answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _start_orthanc(settings: Settings) -> Child:
    log = Path(settings.orthanc_log or settings.var / "log" / "orthanc.log").absolute()
    command = [str(settings.orthanc_program), f"--logfile={log}", str(orthanc_configuration(settings))]
    return _start("Orthanc", command, log.with_suffix(".out"), environment(settings) | {"TCP_NODELAY": "1"})


def _start_web(settings: Settings) -> Child:
    log = settings.var.absolute() / "log" / "web.log"
    return _start("the web app", [sys.executable, "-m", "dash_app"], log, environment(settings))


def run_web(settings: Settings) -> NoReturn:
    """Become the web app; raises `ConfigError` when `dacs setup` has not been run or the port is taken."""
    if not settings.secret_key or not settings.identifier_key_file.exists():
        raise ConfigError(f"{settings.var} holds no keys yet; run dacs setup first, as the same user")
    if not _port_is_free(settings.web_host, settings.web_port):
        raise ConfigError(f"port {settings.web_port} for the web app is in use; set DACS_WEB_PORT")
    os.chdir(CHECKOUT)
    os.execve(sys.executable, [sys.executable, "-m", "dash_app"], environment(settings))  # noqa: S606 - ourselves


def environment(settings: Settings) -> dict[str, str]:
    """The environment of our children: every setting, secrets by file, so that they agree with us."""
    var = settings.var.absolute()
    values = {k: v for k, v in os.environ.items() if not k.startswith("DACS_")}
    hidden = {"secret_key", "orthanc_password", "key_file", "var", "database_url", *PEERS_SECRETS}
    stated = settings.model_dump(exclude=hidden, exclude_none=True)
    values |= {f"DACS_{k.upper()}": str(v) for k, v in stated.items()}
    values |= {
        "DACS_VAR": str(var),
        "DACS_DATABASE_URL": settings.database,
        "DACS_KEY_FILE": str(settings.identifier_key_file.absolute()),
        "DACS_PYTHON": sys.executable,
        "PYTHONPATH": str(CHECKOUT),
    }
    return (
        values
        | _secret("SECRET_KEY", settings.secret_key, var / "keys" / "web-secret")
        | _secret("ORTHANC_PASSWORD", settings.orthanc_password, var / "keys" / "orthanc-password")
        | _of_peers(settings)
    )


def _of_peers(settings: Settings) -> dict[str, str]:
    """Secrets of mail server and Twilio, by file where they came to us by file."""
    found = {}
    for name in PEERS_SECRETS:
        variable = f"DACS_{name.upper()}"
        file = os.environ.get(f"{variable}_FILE")
        if file and variable not in os.environ:
            found[f"{variable}_FILE"] = str(Path(file).absolute())
        elif getattr(settings, name):
            found[variable] = getattr(settings, name)
    return found


def _secret(name: str, value: str, file: Path) -> dict[str, str]:
    # By file where we made it; a secret that came to us by a variable goes on the same way.
    ours = file.exists() and file.read_text(encoding="ascii").strip() == value
    return {f"DACS_{name}_FILE": str(file)} if ours else {f"DACS_{name}": value}


def _start(name: str, command: list[str], log: Path, env: dict[str, str]) -> Child:
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - programs named by our own settings
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=CHECKOUT,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - we have no threads
        )
    return Child(name, process, log)


def _die_with_parent() -> None:
    # A `dacs run` that was killed hard must not leave an Orthanc behind that keeps the ports.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    orthanc_config.deep_stack()


def _client(settings: Settings) -> OrthancClient:
    return OrthancClient(
        settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password, timeout=3
    )


def _orthanc_answers(settings: Settings) -> bool:
    try:
        return bool(_client(settings).system())
    except (PacsError, OSError):
        return False


def _worker_runs(settings: Settings) -> bool:
    try:
        status = _client(settings).get_json("/dacs/status")
    except (PacsError, OSError):
        return False
    return bool(isinstance(status, dict) and status.get("worker", {}).get("state") == "running")


@contextmanager
def _children() -> Iterator[list[Child]]:
    children: list[Child] = []
    try:
        yield children
    finally:
        for child in reversed(children):
            child.stop()


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        received.append(number)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(what: str, children: list[Child], stopped: list[int], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not stopped and not ready():
        for child in children:
            if child.process.poll() is not None:
                raise ConfigError(f"{child.name} ended at its start: {_last_line(child.log)} (see {child.log})")
        if time.monotonic() > deadline:
            raise ConfigError(f"{what} did not answer within {START_SECONDS} s; see {children[-1].log.parent}")
        time.sleep(0.1)


def _last_line(log: Path) -> str:
    own = log.with_suffix(".log")
    for path in (log, own):
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
        if lines:
            return lines[-1][-300:]
    return "it wrote nothing"


def _say_where(settings: Settings, password: str | None) -> None:
    print(f"""
  Web app      {settings.public_url}
  Orthanc      {settings.orthanc_url}   (user {settings.orthanc_user}, password in {settings.var}/keys/orthanc-password)
  DICOM        {settings.dicom_aet} on port {settings.dicom_port}, for known devices only
  Notices      {_notices(settings)}
  Logs         {settings.var}/log""")
    if password:
        print(f"\n  First sign-in: {password}\n  This password is shown once; change it after signing in.")
    print("\n  Ctrl-C stops everything.", flush=True)


def _notices(settings: Settings) -> str:
    named = {"e-mail": settings.mail_host, "text messages": settings.sms_account}
    ways = ["on the pages", *(name for name, wanted in named.items() if wanted)]
    return ", ".join(ways) if settings.notices else "off (DACS_NOTICES); they wait in the outbox"


def _watch(children: list[Child], stopped: list[int]) -> int:
    while not stopped:
        for child in children:
            if child.process.poll() is not None:
                print(f"dacs: {child.name} ended: {_last_line(child.log)}; stopping the rest", file=sys.stderr)
                return 1
        time.sleep(0.3)
    print("\ndacs: stopping", flush=True)
    return 0
