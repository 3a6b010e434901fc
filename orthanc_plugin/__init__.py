"""Runs inside Orthanc's embedded Python: standard library and `orthanc` only."""
