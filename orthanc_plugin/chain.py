"""Living beside a site's own Python script.

Orthanc's Python module takes one callback for stored instances, one for changes and one piece of JavaScript, and
refuses or forgets the others. After `share`, a script that registers its own gets it called after ours.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orthanc_plugin.api import OrthancModule

Callback = Callable[..., Any]


class Chain:
    """Several callbacks in the place of one: all are called; the first exception is raised at the end."""

    def __init__(self, first: Callback) -> None:
        self._callbacks = [first]

    def add(self, callback: Callback) -> None:
        """Call this one too, after the others."""
        self._callbacks.append(callback)

    def call(self, *arguments: Any) -> None:  # noqa: ANN401 - whatever Orthanc passes
        """What Orthanc calls."""
        raised: BaseException | None = None
        for callback in self._callbacks:
            try:
                callback(*arguments)
            except Exception as error:  # one script's fault must not silence the next
                raised = raised or error
        if raised:
            raise raised


def share(orthanc: OrthancModule, register: str, first: Callback) -> bool:
    """Register `first` and let later registrations through the same name follow it.

    Returns
    -------
    bool
        False when another script had registered before us: Orthanc then keeps that one alone.
    """
    chain = Chain(first)
    try:
        getattr(orthanc, register)(chain.call)
    except RuntimeError:
        return False
    setattr(orthanc, register, chain.add)
    return True


def share_explorer(orthanc: OrthancModule, first: str) -> None:
    """Extend Orthanc Explorer; what other scripts add comes after ours instead of replacing it."""
    extend = orthanc.ExtendOrthancExplorer
    parts = [first]

    def add(javascript: str) -> None:
        parts.append(javascript)
        extend("\n".join(parts))

    extend(first)
    setattr(orthanc, "ExtendOrthancExplorer", add)  # noqa: B010 - a Protocol's method cannot be assigned to


def load_script(path: str) -> None:
    """Load a site's script as Orthanc does: by its stem, its folder first on the path. Its errors are Orthanc's."""
    script = Path(path)
    sys.path.insert(0, str(script.parent))
    importlib.import_module(script.stem)
