"""`dacs notify run` with waits of seconds instead of minutes: a run that kills it again and again ends the same day.

What is sent, asked and written down, and in which order, is not changed.
"""

from __future__ import annotations

from datetime import timedelta

from dacs import cli, notify_lane
from dose.notify import retry, sms
from dose.store import outbox

notify_lane.LEASE = timedelta(seconds=5)
notify_lane.LONGEST_CALL = timedelta(seconds=3)
notify_lane.PACE = retry.Pace(first_s=0.5, longest_s=2.0, ask_for_s=60.0)
notify_lane.IDLE_S = 0.2
outbox.GRACE = timedelta(seconds=1)
sms.SETTLED_S = 1
retry.REST_S, retry.LONGEST_REST_S = 0.5, 1.0

if __name__ == "__main__":
    cli.app(["notify", "run"])
