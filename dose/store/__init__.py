"""Writes. Every function works in the caller's transaction; the same objects in any order give the same rows."""

from dose.store.copies import Saved
from dose.store.demo import remove_demo
from dose.store.objects import Arrival, reject
from dose.store.parties import DEMO_ISSUER, device_key, known_site_id, site_id
from dose.store.rank import rank_of, report_hash
from dose.store.rebuild import Change, rebuild_outdated, rebuild_study, save_whole
from dose.store.save import Telling, save, tell
from dose.store.together import save_together

__all__ = [
    "DEMO_ISSUER",
    "Arrival",
    "Change",
    "Saved",
    "Telling",
    "device_key",
    "known_site_id",
    "rank_of",
    "rebuild_outdated",
    "rebuild_study",
    "reject",
    "remove_demo",
    "report_hash",
    "save",
    "save_together",
    "save_whole",
    "site_id",
    "tell",
]
