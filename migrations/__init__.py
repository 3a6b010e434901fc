"""Schema revisions, each with its way back; run by `dose.migrate`."""
