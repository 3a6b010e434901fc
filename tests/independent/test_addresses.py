"""Any address, edited by hand, gets a page: on the demonstration hospital, on an empty database, for every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import pytest

from dash_app.frame import PAGES
from dash_app.pages import register
from dose.model import Device, Patient
from dose.scope import Role
from dose.statistics.measures import MEASURES
from dose.store.facts import catch_up
from tests.conftest import ROOT
from tests.corrections.ward import of
from tests.independent.visitor import over_another, visit
from tests.store.pretend import event, put
from tests.web.conftest import Site, the_site
from tests.web.test_gate import concrete, example

pytestmark = pytest.mark.slow
SAID = r'(?:said|args|asked|wish|parameters\(search\))(?:\.get\(|\[)"(\w+)"|"(\w+)" in said'
LONG = "x" * 10_000
NASTY = [
    "0", "-1", "1", "7", "99999999999999999999", "2147483648", "1e300", "-1e999", "nan", "inf", "null", "true", "on",
    "' OR 1=1 --", "1; DROP TABLE study", '"', "\\", "%", "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd",
    "é\u202e\u0000ة\U0001f4a9", "\ud800", "٣", "²", "1_000", " ", LONG, "9" * 10_000, "(" * 3000, "~AAAA", "~" + LONG,
    "0001-01-01", "9999-12-31", "2026-02-30", "2026-01-01T00:00:00", "2026-W01-1", "20260101", "CT/", "/", ",", "1,2,x",
    "device is 99999999", "dlp_mgy_cm > 1e11", "not " * 15 + "device is 1", "age_years < -1e11 and hour > 99999999",
    f"study in ({','.join(map(str, range(1, 400)))})", 'protocol has "\u0000\ud800"', "event_count = 99999999999",
    "patient is 999999999999999999", "date > 0001-01-01 and event.kvp_kv > 0", "phase_count < -99999999999",
]  # fmt: skip
GOOD = [
    "device", "month", "age", "operator", "CT", "1", "2", "box", "time", "scatter", "histogram", "2026-01-15", "2020",
    "high", "low", "weight_kg", "all", "history", "rules", *(f"CT/{key}" for key in MEASURES),
]  # fmt: skip
register()
PATHS = ["/levels/comparison/change", *(one.href or example(one.pattern.pattern.split("(?:")[0]) for one in PAGES)]


def names() -> list[str]:
    """The parameters that any page asks for, from their source."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "dash_app").rglob("*.py")]
    return sorted({name for text in texts for pair in re.findall(SAID, text) for name in pair if name})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The app over the demonstration hospital, counted."""
    found = the_site(tmp_path_factory)
    catch_up(found.sessions)
    return found


@pytest.fixture(params=["empty", "absurd", "one", "missing"])
def other(site: Site, request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    """The same app over another database, with the same accounts."""
    with over_another(site, migrated_sqlite, tmp_path) as found:
        for report in REPORTS[request.param]:
            put(found.sessions, report)
        catch_up(found.sessions)
        yield found


ONE = event("1.9.1", 300.0, ctdi_vol_mgy=9.0, ctdi_phantom="body_32", scanning_length_mm=310.0)
NOTHING = replace(ONE, dlp_mgy_cm=None, ctdi_vol_mgy=None, ctdi_phantom=None, scanning_length_mm=None)
REPORTS = {
    "empty": [],
    "one": [of("a", 1, ONE)],
    "missing": [of("a", 1, replace(NOTHING, protocol=None, event_type=None, started_at=None), patient=Patient(),
                   device=Device(), study_description=None, study_date=None, study_time=None, accumulated=())],
    "absurd": [
        *(of(f"a{n}", 1, replace(ONE, irradiation_event_uid=f"1.9.{n}", dlp_mgy_cm=value, ctdi_vol_mgy=value,
                                 scanning_length_mm=value, exposure_mas=value), study_date="1899-01-01" if n else None,
             patient=Patient("1", None, "0001-01-01", "X", value, value, value))
          for n, value in enumerate((1e300, -1e300, 5e-324, 1e15, -1.0, 0.0))),
    ],
}  # fmt: skip


def test_pages_ask_for_the_parameters_that_are_tried() -> None:
    assert {"where", "from", "to", "measure", "by", "page", "device", "procedure", "find", "group"} <= set(names())


@pytest.mark.parametrize("path", PATHS)
def test_an_address_of_anything_gets_a_page(site: Site, path: str) -> None:
    visit(site.as_(Role.ADMINISTRATOR), path, anything(Random(path)))


@pytest.mark.long
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_every_page_bears_every_value_in_every_parameter(site: Site, value: str) -> None:
    client = site.as_(Role.ADMINISTRATOR)
    for path in PATHS:
        visit(client, path, dict.fromkeys(names(), value))


@pytest.mark.parametrize("place", range(len(NASTY)))
def test_every_value_is_borne_in_every_parameter_of_a_quarter_of_the_pages(site: Site, place: int) -> None:
    client = site.as_(Role.ADMINISTRATOR)
    for path in PATHS[place % 4 :: 4]:
        visit(client, path, dict.fromkeys(names(), NASTY[place]))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.RESEARCHER])
def test_every_page_bears_some_mixtures(site: Site, path: str, role: Role) -> None:
    for seed in range(3):
        visit(site.as_(role), path, anything(Random(f"{path}{seed}{role}")))


@pytest.mark.long
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.RESEARCHER])
def test_every_page_bears_many_mixtures(site: Site, path: str, role: Role) -> None:
    for seed in range(3, 40):
        visit(site.as_(role), path, anything(Random(f"{path}{seed}{role}")))


def anything(chance: Random) -> dict[str, str]:
    """Parameters, some of them what pages take."""
    found = {name: chance.choice(NASTY if chance.random() < 0.5 else GOOD) for name in names() if chance.random() < 0.6}
    if chance.random() < 0.6:
        found["measure"] = f"CT/{chance.choice(sorted(MEASURES))}"
    if chance.random() < 0.5:
        found.pop("where", None)
    return found


@pytest.mark.parametrize("path", [
    "/studies/0", "/studies/9999999999", "/patients/9999999999", "/patients/٣", "/levels/0", "/levels/9999999999",
    "/levels/records/9999999999", "/imports/9999999999", "/quality/samples/9999999999/0000-00",
    "/quality/samples/1/9999-12", "/quality/samples/1/2026-13", "/quality/samples/1/٢٠٢٦-٠١", "/nowhere", "//", "",
    "/statistics/../studies", "/statistics\x00", "/studies/1/1", "/" + LONG,
])  # fmt: skip
def test_rows_that_are_not_there_get_a_page_that_says_so(site: Site, path: str) -> None:
    assert visit(site.as_(Role.ADMINISTRATOR), path).calls


@pytest.mark.parametrize("seed", range(8))
def test_files_of_addresses_of_anything_are_files_or_refused(site: Site, seed: int) -> None:
    client, chance = site.as_(Role.ADMINISTRATOR), Random(seed)
    for rule in site.app.server.url_map.iter_rules():
        if rule.rule.endswith(("/export", ".csv")):
            said = anything(chance) | {"format": chance.choice(("csv", "xlsx", "pdf", LONG))}
            answer = client.get(f"{concrete(rule)}?{urlencode(said, errors='surrogatepass')}")
            assert answer.status_code in (200, 400, 404), (rule.rule, said)


def test_every_page_stands_over_little_and_over_nonsense(other: Site) -> None:
    client = other.as_(Role.ADMINISTRATOR)
    for path in PATHS:
        visit(client, path)
    for path in ("/today", "/statistics", "/outliers", "/levels/compliance", "/levels/benchmark", "/studies"):
        for said in ("?from=1999-01-01&to=2099-12-31&by=age&chart=time", "?measure=CT/dlp_mgy_cm-study&chart=scatter",
                     "?measure=CT/ctdi_vol_mgy-event-32&chart=histogram&by=operator&where=demo is no"):  # fmt: skip
            visit(client, path, said)
