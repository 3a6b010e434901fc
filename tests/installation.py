"""One whole installation, started the way a site starts it: `dacs run`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from dose.pacs import OrthancClient
from tests.orthanc.live import ROOT
from tests.ports import free_ports

START_SECONDS = 90


class Installation:
    """`dacs run` in a folder of its own, on free ports."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.var = folder / "var"
        self.web_port, self.http_port, self.dicom_port = free_ports(3)
        self.settings = {
            "DACS_VAR": str(self.var),
            "DACS_WEB_PORT": str(self.web_port),
            "DACS_ORTHANC_URL": f"http://127.0.0.1:{self.http_port}",
            "DACS_DICOM_PORT": str(self.dicom_port),
        } | settings
        self.output = folder / "run.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the web app is."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What our commands see."""
        return {k: v for k, v in os.environ.items() if not k.startswith("DACS_")} | self.settings

    def dacs(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one `dacs` command to its end."""
        command = [sys.executable, "-m", "dacs", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment, cwd=ROOT, timeout=seconds, check=False
        )

    def start(self) -> Installation:
        """Start everything and wait until the addresses are printed."""
        command = [sys.executable, "-m", "dacs", "run"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=self.environment, cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return self

    def orthanc(self) -> OrthancClient:
        """Orthanc's REST API, with the password of this installation."""
        password = (self.var / "keys" / "orthanc-password").read_text(encoding="ascii").strip()
        return OrthancClient(self.settings["DACS_ORTHANC_URL"], user="dacs", password=password)

    def said(self) -> str:
        """What `dacs run` printed so far."""
        return self.output.read_text(encoding="utf-8")

    def first_sign_in(self) -> tuple[str, str] | None:
        """The address and password printed at the first start, None at a later one."""
        found = re.search(r"First sign-in: (\S+) / (\S+)", self.said())
        return (found[1], found[2]) if found else None

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)
