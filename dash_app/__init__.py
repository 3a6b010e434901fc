"""The way to look: a Dash application over `dose.queries`."""
