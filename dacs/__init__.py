"""The processes; `dacs` is the command."""
