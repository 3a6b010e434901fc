"""What the database holds as devices sent it, read without any of our code: what pages say is held against this."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

STUDIES = "SELECT * FROM study WHERE is_patient AND covered_by_id IS NULL"
DEVICES = "SELECT id AS device_id, manufacturer || ' ' || model || ' (' || station_name || ')' AS device FROM device"
NO_SCAN = ("constant_angle", "stationary")  # localizers and bolus tracking


def read(database: Path, query: str) -> pd.DataFrame:
    """The rows of a query."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return pd.read_sql(query, connection)


def examinations(database: Path) -> pd.DataFrame:
    """Studies of patients with their device, each with the sum of its DLPs, how many scans, and of which protocol.

    Columns beside those of `study`: device, dlp (mGy.cm), scans, phantoms, dominant (the protocol with most dose).
    """
    studies = read(database, STUDIES).merge(read(database, DEVICES), on="device_id")
    events = read(database, "SELECT * FROM irradiation_event WHERE counted")
    ct = events[events.dlp_mgy_cm.notna()].sort_values(["study_id", "position"])
    scans = ct[~ct.event_type.isin(NO_SCAN)]
    first = scans.loc[scans.groupby("study_id").dlp_mgy_cm.idxmax()].set_index("study_id")
    by_study = ct.groupby("study_id")
    made = pd.DataFrame(
        {
            "dlp": by_study.dlp_mgy_cm.sum(),
            "phantoms": by_study.ctdi_phantom.nunique(),
            "phantom": by_study.ctdi_phantom.first(),
            "scans": scans.groupby("study_id").size(),
            "dominant": first.protocol,
        }
    )
    found = studies.merge(made, left_on="id", right_index=True, how="left")
    found["day"] = pd.to_datetime(found.study_date)
    found["month"] = found.day.dt.strftime("%Y-%m")
    return found


def adults(found: pd.DataFrame, code: str, phantom: str = "body_32") -> pd.DataFrame:
    """Examinations of adults with this procedure code and one phantom."""
    return found[(found.procedure_code == code) & (found.age_years >= 18) & (found.phantom == phantom)]
