"""Pieces of pages: functions of values to components; no data access."""
