"""What a site tells us: DACS_* of the environment, and of one file.

The file is named by `"Dacs": {"EnvFile": …}` in Orthanc's configuration or by DACS_ENV_FILE. It holds KEY=VALUE
lines as systemd's EnvironmentFile= does. The environment wins over the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

PREFIX = "DACS_"
ROOT = Path(__file__).resolve().parent.parent
OFF = {"0", "no", "off", "false"}


class Options(NamedTuple):  # not a dataclass: that module alone would cost Orthanc 1.3 MB
    """All options; `problem` says what could not be read, None when all is well."""

    values: Mapping[str, str]
    orthanc_url: str
    problem: str | None = None

    @property
    def web_url(self) -> str:
        """Where people reach the web app, without a trailing slash."""
        host, port = self.values.get("DACS_WEB_HOST", "127.0.0.1"), self.values.get("DACS_WEB_PORT", "8050")
        return (self.values.get("DACS_WEB_URL") or f"http://{host}:{port}").rstrip("/")

    @property
    def python(self) -> str:
        """The interpreter of the worker; never `sys.executable`, which is Orthanc itself."""
        environment_of_package = ROOT.parents[2] if ROOT.name == "site-packages" else ROOT / ".venv"
        stated = self.values.get("DACS_PYTHON")
        own = environment_of_package / "bin" / "python"
        return stated or (str(own) if own.exists() else "/usr/bin/python3")

    @property
    def supervise(self) -> bool:
        """Whether the worker is ours to start."""
        return self.values.get("DACS_SUPERVISE", "yes").lower() not in OFF

    @property
    def sends_notices(self) -> bool:
        """Whether the process that sends notices is wanted."""
        return self.values.get("DACS_NOTICES", "yes").lower() not in OFF

    @property
    def chain_script(self) -> str | None:
        """The site's own Python script, to be loaded by us."""
        return self.values.get("DACS_CHAIN_SCRIPT") or None

    @property
    def for_worker(self) -> dict[str, str]:
        """What the worker is told: everything, and where this Orthanc answers."""
        return {"DACS_ORTHANC_URL": self.orthanc_url} | dict(self.values)


def load(configuration: str, environment: Mapping[str, str]) -> Options:
    """Read the options; `configuration` is Orthanc's, as JSON."""
    settings: dict[str, Any] = json.loads(configuration)
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    section = settings.get("Dacs")
    named = ours.get("DACS_ENV_FILE") or (section.get("EnvFile") if isinstance(section, dict) else None)
    scheme = "https" if settings.get("SslEnabled") else "http"
    url = f"{scheme}://127.0.0.1:{settings.get('HttpPort', 8042)}"
    if not named:
        return Options(ours, url)
    try:
        return Options(parse(Path(named).read_text(encoding="utf-8")) | ours, url)
    except OSError as error:
        return Options(ours, url, f"{named} cannot be read: {error.strerror}")


def parse(text: str) -> dict[str, str]:
    """DACS_* of an environment file: comments and other names are left out, one pair of quotes is removed."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.startswith(PREFIX):
            values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
