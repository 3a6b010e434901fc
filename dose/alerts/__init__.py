"""Alerts: rules, and what an examination says against them. Pure: no database, no page, no clock."""
