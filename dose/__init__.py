"""Knows dose: reads it, keeps it, answers about it. Imports no shell."""

__version__ = "0.1.0"
