"""`python -m dash_app`: the web app as a process of its own."""

from __future__ import annotations

import sys

from dash_app.main import serve
from dose.errors import ConfigError
from dose.log import configure
from dose.settings import load_settings


def main() -> int:
    """Exit status 1 with one sentence when a setting is wrong."""
    try:
        settings = load_settings()
        configure(settings.log_level, settings.log_format)
        serve(settings)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The web app cannot listen: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
