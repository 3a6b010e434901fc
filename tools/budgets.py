"""Print the size budgets and fail when one is broken: function median and p95, module length, test length.

The figures are those of the best-kept codebases of the field: small functions are what keeps a dose system readable
by the next physicist who must trust it.
"""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("dose", "dacs", "dash_app", "orthanc_plugin")
LIMITS = {"function median": 10, "function p95": 45, "longest module": 400, "test median": 20, "test p95": 24}


def functions(path: Path) -> list[int]:
    """Body lengths of the functions of a file, docstrings not counted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [_length(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    has_docstring = ast.get_docstring(node, clean=False) is not None
    docstring = (node.body[0].end_lineno or 0) - node.body[0].lineno + 1 if has_docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def p95(values: list[int]) -> int:
    """The 95th percentile, nearest rank."""
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def code_lines(path: Path) -> int:
    """Lines of a module."""
    return len(path.read_text(encoding="utf-8").splitlines())


def main() -> int:
    """Print a line a budget; 1 when one is broken."""
    modules = [p for folder in PRODUCT for p in (ROOT / folder).rglob("*.py")]
    product = [n for p in modules for n in functions(p)]
    tests = [n for p in (ROOT / "tests").rglob("test_*.py") for n in functions(p)] or [0]
    longest = max(modules, key=code_lines)
    measured = {
        "function median": round(statistics.median(product)),
        "function p95": p95(product),
        "longest module": code_lines(longest),
        "test median": round(statistics.median(tests)),
        "test p95": p95(tests),
    }
    broken = [name for name, value in measured.items() if value > LIMITS[name]]
    line = ", ".join(f"{name} {value}/{LIMITS[name]}" for name, value in measured.items())
    print(f"budgets: {line} ({longest.relative_to(ROOT)})")
    for name in broken:
        print(f"budget broken: {name} is {measured[name]}, at most {LIMITS[name]}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
