"""Writes. Every function works in the caller's transaction; the same objects in any order give the same rows."""

from dose.store.copies import Saved
from dose.store.demo import remove_demo
from dose.store.objects import Arrival, reject
from dose.store.parties import DEMO_ISSUER, device_key, site_id
from dose.store.rank import rank_of, report_hash
from dose.store.rebuild import Change, rebuild_outdated, rebuild_study, save_whole
from dose.store.save import save

__all__ = [
    "DEMO_ISSUER",
    "Arrival",
    "Change",
    "Saved",
    "device_key",
    "rank_of",
    "rebuild_outdated",
    "rebuild_study",
    "reject",
    "remove_demo",
    "report_hash",
    "save",
    "save_whole",
    "site_id",
]
