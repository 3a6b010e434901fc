"""Knows dose: reads it, keeps it, answers about it. Imports no shell."""
