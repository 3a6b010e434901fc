"""From a scanner's report to the physicist's mail: a real Orthanc, its two processes, and a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from benchmarks.bench_alert_latency import prepare, report, told_of
from dose.tables import Alert, Notification
from tests.notify.smtp_peers import Peer, mail_peer
from tests.orthanc.live import Site, until

pytestmark = pytest.mark.integration


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[Site, Peer]]:
    """A hospital with one rule, one physicist and a mail server."""
    with mail_peer() as (mail, port):
        site = Site(tmp_path, environment=told_of(port))
        prepare(site)
        site.start()
        until("the worker follows", site.worker_words)
        yield site, mail
        site.stop()


def text_of(mail: EmailMessage) -> str:
    """All that a mail says, its subject first."""
    return "\n".join([str(mail["Subject"]), *(part.get_content() for part in mail.walk() if not part.is_multipart())])


def test_a_dose_above_a_level_reaches_the_physicist_and_names_nobody(told: tuple[Site, Peer]) -> None:
    site, mail = told
    site.store(report())
    until("a mail", lambda: mail.taken)
    said = text_of(mail.taken[0])
    assert f"/alerts/{site.one(Alert.__table__.select().with_only_columns(Alert.id))}" in said
    assert "95" in said
    assert "80" in said
    assert not {"Somebody", "Real", "L-0002"} & set(said.replace("^", " ").split())
    until("it is sent", lambda: site.count(Notification, Notification.state == "sent") == 1)
    assert [to for _, to in mail.envelopes] == [["p@example.org"]]


def test_no_mail_is_lost_or_doubled_when_everything_dies_between(told: tuple[Site, Peer]) -> None:
    site, mail = told
    for _ in range(3):
        site.store(report())
        site.kill_worker()
    site.kill()
    site.start()
    until("all are sent", lambda: site.count(Notification, Notification.state == "sent") == 3, 120)
    assert len({str(one["Message-ID"]) for one in mail.taken}) == len(mail.taken) == 3
