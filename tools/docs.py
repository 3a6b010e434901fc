"""Write the pages that are made from code: settings, quantities and conformance. `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from dose import quantities
from dose.settings import PREFIX, Settings
from tools import conformance

DOCS = Path(__file__).resolve().parent.parent / "docs"


def settings_page() -> str:
    """Every setting as a table, from its own description."""
    lines = [
        "# Settings",
        "",
        "Made from `dose/settings.py` by `tools/docs.py`.",
        "A setting `DACS_X` may also be given as a file that `DACS_X_FILE` names, or as `x = …` in the TOML file that",
        "`DACS_CONFIG` names; the variable wins. A wrong value refuses to start and names the variable.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ("", None) else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "settings.md": settings_page,
    "quantities.md": quantities.as_markdown,
    "conformance.md": conformance.page,
}


def main(check: bool) -> int:
    """Write or compare the pages; 1 when `check` found one that is out of date."""
    stale = [name for name, page in PAGES.items() if _read(DOCS / name) != page()]
    for name in stale:
        if check:
            print(f"docs/{name} is out of date: run .venv/bin/python tools/docs.py", file=sys.stderr)
        else:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    return 1 if check and stale else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
