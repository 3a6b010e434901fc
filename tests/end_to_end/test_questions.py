"""What a physicist asks, on the demonstration hospital in a browser: answered within two clicks of the first page.

Every number is held against one computed here from the raw rows, with pandas and without our code.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Download, Locator, Page, expect

from tests.end_to_end import raw
from tests.end_to_end.test_first_day import SHOWN
from tests.installation import Installation
from tests.orthanc.live import until

pytestmark = [pytest.mark.integration, pytest.mark.browser]
expect.set_options(timeout=90_000)  # the worker still reads images while pages are asked for
ROLLED_UP = 0.006  # what the roll-up may differ by, and the rounding to four digits
EXACT = 0.0006
MEASURE = "/statistics?measure=CT/dlp_mgy_cm-study-32&by=procedure"
CHEST, TRUNK = "RPID16", "RPID249"


class Walk:
    """A person who begins at the first page and counts the clicks."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.clicks = page, 0
        page.goto(f"{url}/today")
        expect(page.locator(".attention-then").first).to_be_visible()

    def click(self, target: Locator) -> None:
        """One of two clicks."""
        self.clicks += 1
        assert self.clicks <= 2
        target.click()

    def rail(self, name: str) -> None:
        """A click on a page of the rail."""
        self.click(self.page.locator(".rail").get_by_role("link", name=name, exact=True))

    def opened(self, target: Locator) -> Page:
        """What a click opens beside."""
        with self.page.context.expect_page() as found:
            self.click(target)
        return found.value

    def taken(self, target: Locator) -> bytes:
        """What a click saves as a file."""
        with self.page.expect_download() as found:
            self.click(target)
        download: Download = found.value
        return Path(download.path()).read_bytes()


@pytest.fixture
def walk(page: Page, installation: Installation, demo: Path) -> Iterator[Walk]:
    """At the first page of the demonstration hospital."""
    yield Walk(page, installation.url)
    for other in page.context.pages[1:]:
        other.close()


def numbers(text: str) -> list[float]:
    """The numbers of a text, as a reader sees them: thousands are parted by narrow spaces."""
    plain = re.sub(r"(?<=\d)[\u202f\u00a0,](?=\d{3})", "", text)
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?", plain)]


def table(page: Page) -> dict[str, list[float]]:
    """The lines of the table of statistics: name, then n, median and further numbers."""
    rows = page.locator("section table tbody tr")
    expect(rows.last).to_contain_text("All together")
    lines = rows.evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.innerText))")
    return {line[0]: numbers(" ".join(line[1:3])) for line in lines}


def test_are_we_within_reference_levels(walk: Walk, demo: Path) -> None:
    walk.rail("Reference levels")
    walk.click(walk.page.get_by_role("link", name="Compliance", exact=True))
    cell = walk.page.locator(".stand.above")
    expect(cell).to_have_count(1)
    percent, median, level, n = numbers(cell.inner_text())[:4]
    first, last = numbers(walk.page.locator(".page-head").inner_text().replace("-", ""))[:2]
    ours = raw.adults(raw.examinations(demo), TRUNK)
    days = ours.day.dt.strftime("%Y%m%d").astype(int)
    expected = ours[(days >= first) & (days <= last)].dlp
    assert level == 660  # United Kingdom, 2024
    assert n == len(expected)
    assert median == pytest.approx(expected.median(), rel=ROLLED_UP)
    assert percent == pytest.approx(100 * expected.median() / 660, rel=2 * ROLLED_UP)


def test_who_is_not_and_since_when(walk: Walk, demo: Path) -> None:
    over = walk.page.locator("li", has_text="CT chest abdomen pelvis with contrast")
    walk.click(over.get_by_role("link", name="by device over time"))
    shown = table(walk.page)
    ours = raw.adults(raw.examinations(demo), TRUNK)
    for (month, device), group in ours.groupby(["month", "device"]):
        n, median = shown.pop(f"{month} · {device}")
        assert n == len(group)
        assert median == pytest.approx(group.dlp.median(), rel=EXACT)
    assert list(shown) == ["All together"]
    expect(walk.page.locator(".chart")).to_contain_text("660")


def test_the_scanner_that_was_upgraded_is_above_since_that_month(walk: Walk, demo: Path) -> None:
    walk.page.goto(f"{walk.page.url.split('/today')[0]}/levels/compliance")
    row = walk.page.locator("tr", has_text="790")
    walk.click(row.get_by_role("link", name="by device over time"))
    shown = table(walk.page)
    ours = raw.adults(raw.examinations(demo), "RPID22", "head_16")
    retuned = ours[ours.device.str.contains("DEMOCT2")].groupby("month").dlp.median()
    above = [month for month in retuned.index if shown[f"{month} · Vega Imaging Duo Force (DEMOCT2)"][1] > 790]
    assert above == [month for month, dose in retuned.items() if dose > 790]
    assert 4 <= len(above) <= 9


def test_an_outlier_is_explained_and_shows_its_images(walk: Walk, demo: Path) -> None:
    walk.rail("Outliers")
    first = walk.page.locator(".outliers-page details", has_text="mostly by acquisitions").first
    expect(first).to_be_visible()
    said = first.inner_text()
    number = int((first.locator("a[href^='/studies/']").first.get_attribute("href") or "").split("/")[2])
    ours = raw.examinations(demo).set_index("id")
    study = ours.loc[number]
    like = ours[
        (ours.dominant == study.dominant) & (ours.device_id == study.device_id) & ours.weight_kg.between(60, 89.9)
    ]
    ratio, n = re.search(r"([\d.]+)\D+times the median of \D*(\d+)", said).groups()
    assert int(n) == len(like)
    assert float(ratio) == pytest.approx(study.dlp / like.dlp.median(), abs=0.051)
    assert re.search(rf"{int(study.scans)}\D+instead of \D*{int(like.scans.median())}\b", said)
    viewer = walk.opened(first.locator("a[href$='/images']").first)
    until("the viewer shows the image", lambda: viewer.evaluate(SHOWN))
    assert "/images/web-viewer/" in viewer.url


def test_which_procedures_give_most_dose(walk: Walk, demo: Path) -> None:
    walk.click(walk.page.get_by_role("link", name="by procedure", exact=True))
    shown = table(walk.page)
    first, last = re.findall(r"(?:from|to)=([\d-]+)", walk.page.url)
    ours = raw.examinations(demo)
    ours = ours[ours.study_date.between(first, last)]
    body = ours[(ours.phantoms == 1) & (ours.phantom == "body_32") & (ours.modality == "CT")]
    listed = {name: value[1] for name, value in shown.items()}
    for code, name in ((CHEST, "CT chest without contrast"), (TRUNK, "CT chest abdomen pelvis with contrast")):
        assert listed[name] == pytest.approx(body[body.procedure_code == code].dlp.median(), rel=ROLLED_UP)
    assert shown["All together"][0] == len(body)


def test_what_needs_attention_today(walk: Walk, demo: Path) -> None:
    attention = walk.page.locator("section", has=walk.page.get_by_role("heading", name="Needs attention"))
    refused = raw.read(demo, "SELECT count(*) AS n FROM source_object WHERE status = 'rejected'").n[0]
    expect(attention.locator("li", has_text="could not be read")).to_contain_text(str(refused))
    today = walk.page.locator(".page-head").inner_text().split()[-1]
    ours = raw.read(demo, raw.STUDIES)
    arriving = walk.page.locator("section", has=walk.page.get_by_role("heading", name="Arriving now"))
    shown = {line.split()[0]: int(line.split()[1]) for line in arriving.locator(".tally").all_inner_texts()}
    assert shown == ours[ours.study_date == today].modality.value_counts().to_dict()


def test_what_a_patient_of_today_had_before(walk: Walk, demo: Path) -> None:
    ours = raw.read(demo, raw.STUDIES).sort_values("started_at")
    again = ours[ours.duplicated(["patient_id", "description"])].tail(20).id.astype(str)
    lines = walk.page.locator("section", has=walk.page.get_by_role("heading", name="Arriving now")).locator("li a")
    hrefs = lines.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    number = next(href.split("/")[2] for href in hrefs if href.split("/")[2] in set(again))
    walk.click(walk.page.locator(f"li a[href='/studies/{number}']"))
    walk.click(walk.page.locator("main a[href^='/patients/']"))
    study = ours[ours.id == int(number)].iloc[0]
    theirs = ours[ours.patient_id == study.patient_id]
    expect(walk.page.locator("section table tbody tr")).to_have_count(len(theirs))
    before = theirs[(theirs.description == study.description) & (theirs.id != study.id)].study_date
    shown = walk.page.locator(".similar > li .similar-head").all_inner_texts()
    assert {text.split()[0] for text in shown} >= set(before)


def test_an_unmapped_name_is_accepted_and_its_studies_have_a_procedure(walk: Walk, demo: Path) -> None:
    ours = raw.read(demo, raw.STUDIES)
    walk.rail("Names")
    row = walk.page.locator("tbody tr", has_text="RADIOGRAPHIE THORAX AU LIT")
    expect(row).to_be_visible()
    count = int((ours.description == "RADIOGRAPHIE THORAX AU LIT").sum())
    assert numbers(row.locator("td").nth(2).inner_text())[0] == count
    walk.click(row.get_by_role("button", name="Chest AP portable"))
    expect(row).to_have_count(0)
    named = ("SELECT count(*) AS n FROM study_fact JOIN procedure ON procedure.id = procedure_id "
             "WHERE procedure.name = 'Chest AP portable'")  # fmt: skip
    until("they are named", lambda: raw.read(demo, named).n[0] == count, seconds=180)


def test_a_saved_view_opens_by_its_address(page: Page, installation: Installation, demo: Path) -> None:
    page.goto(f"{installation.url}{MEASURE}&where=age_years+>=+18")
    before = table(page)
    page.get_by_text("Views", exact=True).click()
    page.fill("#views-name", "Adults by procedure")
    page.click("#views-save")
    link = page.locator(".view-row").get_by_role("link", name="Adults by procedure")
    other = page.context.new_page()
    other.goto(f"{installation.url}{link.get_attribute('href')}")
    assert table(other) == before
    other.close()
    ours = raw.adults(raw.examinations(demo), CHEST)
    assert before["CT chest without contrast"] == [len(ours), pytest.approx(ours.dlp.median(), rel=EXACT)]


@pytest.mark.parametrize("kind", ["CSV", "XLSX"])
def test_statistics_are_taken_away_as_a_table(page: Page, installation: Installation, demo: Path, kind: str) -> None:
    page.goto(f"{installation.url}{MEASURE}")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as found:
        page.get_by_role("link", name=kind, exact=True).click()
    content = Path(found.value.path()).read_bytes()
    rows = lines_of(content, kind)
    ours = raw.examinations(demo)
    expected = ours[(ours.procedure_code == CHEST) & (ours.phantom == "body_32")].dlp
    line = next(row for row in rows if "CT chest without contrast" in row)
    assert str(len(expected)) in [str(cell) for cell in line]
    assert any(close(cell, expected.median()) for cell in line)


def lines_of(content: bytes, kind: str) -> list[list[object]]:
    """The lines of a file of statistics."""
    if kind == "CSV":
        frame = pd.read_csv(io.StringIO(content.decode("utf-8-sig")), header=None, names=range(40), comment="#")
    else:
        frame = pd.read_excel(io.BytesIO(content), header=None)
    return frame.astype(object).to_numpy().tolist()


def close(cell: object, value: float) -> bool:
    """Whether a cell says this number."""
    try:
        return float(str(cell)) == pytest.approx(value, rel=ROLLED_UP)
    except ValueError:
        return False


def test_a_chart_is_taken_away_as_a_picture(page: Page, installation: Installation, demo: Path) -> None:
    page.goto(f"{installation.url}{MEASURE}")
    page.wait_for_selector(".js-plotly-plot .main-svg", state="attached")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as found:
        page.get_by_role("button", name="PNG").click()
    content = Path(found.value.path()).read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert min(width, height) > 200
