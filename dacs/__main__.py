"""`python -m dacs` is the command `dacs`."""

from dacs.cli import app

app()
