"""What Orthanc loads: `"PythonScript": ".../orthanc_plugin/plugin.py"`, or `import orthanc_plugin.plugin` in a
site's own script. Only this module imports `orthanc`; importing it twice registers once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import orthanc

_HERE = Path(__file__).resolve().parent
if str(_HERE) in sys.path:  # loaded by path: our log.py and rest.py must not answer for a site's own modules
    sys.path.remove(str(_HERE))
if str(_HERE.parent) not in sys.path:
    sys.path.append(str(_HERE.parent))

from orthanc_plugin import chain, options  # noqa: E402 - only now importable when Orthanc loaded us by path
from orthanc_plugin.hooks import Changes, Hooks  # noqa: E402
from orthanc_plugin.log import Log  # noqa: E402
from orthanc_plugin.pipe import Pipe  # noqa: E402
from orthanc_plugin.rest import Rest, button  # noqa: E402
from orthanc_plugin.supervisor import SENDS, Supervisor  # noqa: E402

MARK = "_dacs"  # on the module `orthanc`, which all scripts of this process share


class Plugin:
    """Everything of ours inside Orthanc."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - `orthanc`, or the fake of the tests
        self._orthanc = module
        self.log = Log(module)
        self.options = options.load(module.GetConfiguration(), os.environ)
        self.pipe = Pipe()
        self.hooks = Hooks(self.pipe)
        self.supervisor = Supervisor(self.options, self.pipe, self._token, self.log)
        # A pipe of its own: what wakes the reading is no news here, and its end is the end of Orthanc
        sends = self.options.sends_notices
        self.sender = Supervisor(self.options, Pipe(), lambda: "", self.log, SENDS, wanted=sends)
        self._shared: dict[str, bool] = {}

    def register(self) -> None:
        """Register all callbacks, then load the site's own script when it asked us to."""
        if self.options.problem:
            self.log.error(self.options.problem)
        changes = Changes(self._orthanc, self.pipe, self._start, self._stop)
        self._share("RegisterOnStoredInstanceCallback", self.hooks.on_stored_instance)
        if not self._share("RegisterOnChangeCallback", changes.on_change):
            self._start()  # nobody will tell us that Orthanc has started
        self._register_rest()
        if self.options.chain_script:
            chain.load_script(self.options.chain_script)

    def _start(self) -> None:
        self.supervisor.start()
        self.sender.start()

    def _stop(self) -> None:
        self.supervisor.stop()
        self.sender.stop()

    def _share(self, name: str, callback: chain.Callback) -> bool:
        self._shared[name] = chain.share(self._orthanc, name, callback)
        if not self._shared[name]:
            self.log.warning(f"another script called {name} before us; import orthanc_plugin.plugin on its first line")
        return self._shared[name]

    def _register_rest(self) -> None:
        rest = Rest(self.status, self.pipe, self.options.web_url)
        self._orthanc.RegisterRestCallback("/dacs/status", rest.status)
        self._orthanc.RegisterRestCallback("/dacs/reextract/([^/]*)", rest.reextract)
        self._orthanc.RegisterRestCallback("/dacs/study/([^/]*)", rest.study)
        chain.share_explorer(self._orthanc, button(self.options.web_url))

    def status(self) -> dict[str, Any]:
        """What GET /dacs/status answers."""
        return {
            "worker": self.supervisor.status,
            "notices": self.sender.status,
            "hook": self.hooks.counts | {"registered": self._shared.get("RegisterOnStoredInstanceCallback", False)},
            "web_url": self.options.web_url,
            "versions": {"python": sys.version.split()[0], "orthanc": self._orthanc_version()},
        }

    def _orthanc_version(self) -> str:
        return str(json.loads(self._orthanc.RestApiGet("/system"))["Version"])

    def _token(self) -> str:
        # Without it (Python plugin before 3.1) the worker uses DACS_ORTHANC_USER and DACS_ORTHANC_PASSWORD.
        generate = getattr(self._orthanc, "GenerateRestApiAuthorizationToken", None)
        return str(generate()) if generate else ""


if not hasattr(orthanc, MARK):
    setattr(orthanc, MARK, Plugin(orthanc))
    getattr(orthanc, MARK).register()
