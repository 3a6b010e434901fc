"""A site's own rows: read from TOML, refused with one sentence, named in the report."""

from pathlib import Path

import pytest

from dacs.synthetic.content import coded
from dose.errors import ConfigError
from dose.extract import extract, quirk_files, quirks
from dose.extract.trace import trace
from tests.build import Device, XRayFilter, find, fluoroscopy, projection_rdsr, study, to_bytes, walk

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "quirks.toml"
ORION = Device(manufacturer="Orion Imaging", model="Mobile 3", software=("2.1",))
ROW = '[[quirk]]\nname = "x"\nwhy = "y"\n'


@pytest.fixture(autouse=True)
def _no_rows_are_left():
    yield
    quirk_files.use(None)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "quirks.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def orion(device=ORION):
    ds = projection_rdsr(study=study(), device=device, events=[fluoroscopy(pka_gy_cm2=1.5)])
    for item in find(ds, "122130"):
        item.ConceptNameCodeSequence = [coded("DAP-1", "99ORION", "DAP")]
    for item in find(ds, "113721"):
        item.ConceptCodeSequence = [coded("FL", "99ORION", "Fluoro")]
    return to_bytes(ds)


def test_the_example_of_the_documentation_makes_a_private_report_readable():
    assert extract(orion()).events[0].pka_gy_cm2 is None
    quirk_files.use(EXAMPLE)
    report = extract(orion())
    assert (report.events[0].pka_gy_cm2, report.events[0].event_type) == (1.5, "fluoroscopy")
    assert report.quirks == ("orion-dap-under-a-private-code",)


def test_the_example_puts_a_thickness_back_into_its_filter():
    ds = projection_rdsr(study=study(), device=ORION, events=[fluoroscopy(filters=(XRayFilter(material="Cu"),))])
    (event,) = find(ds, "113706")
    for box in find(ds, "113771"):
        event.ContentSequence += [item for item in walk(box) if item in find(box, "113758") + find(box, "113773")]
        box.ContentSequence = [item for item in box.ContentSequence if item.ValueType == "CODE"]
    quirk_files.use(EXAMPLE)
    (found,) = extract(to_bytes(ds)).events[0].filters
    assert (found.material, found.thickness_min_mm) == ("Cu", 0.1)


def test_a_row_concerns_only_its_devices():
    quirk_files.use(EXAMPLE)
    assert extract(orion(Device(manufacturer="Other", model="Mobile 3", software=("2.1",)))).quirks == ()
    assert extract(orion(Device(manufacturer="Orion", model="Mobile 3", software=("3.0",)))).quirks == ()


def test_provenance_sees_what_the_row_repaired():
    quirk_files.use(EXAMPLE)
    (line,) = [one for one in trace(orion()) if (one.subject, one.field) == ("event", "pka_gy_cm2")]
    assert "(122130,DCM)" in line.path


def test_without_a_file_there_are_no_rows(written):
    quirk_files.use(EXAMPLE)
    assert len(quirks.SITE.rows) == 2
    assert quirk_files.use(None) == quirks.SITE.rows == ()
    assert quirk_files.use(written("")) == ()


WRONG = {
    "not TOML": ("[[quirk", "is not TOML"),
    "other tables": ("[other]\na = 1", "something else"),
    "unknown key": (ROW + 'factor = 10\nrename = []', "key factor: is unknown"),
    "no reason": ('[[quirk]]\nname = "x"', "row 1 (x), key why: is missing"),
    "no name": ('[[quirk]]\nwhy = "x"', "row 1, key name: is missing"),
    "nothing to do": (ROW, "must say what to do"),
    "no code": (ROW + 'rename = { from = "113824", to = "(1, DCM)" }', "key rename: '113824' is not a code"),
    "half a step": (ROW + 'rename = { from = "(1, DCM)" }', "key rename: must have from, to; it has from"),
    "no step": (ROW + "rename = [1]", "key rename: must be tables"),
    "no list": (ROW + 'move = { items = "(1, DCM)", into = "(2, DCM)" }', "key move: items must be a list"),
    "into itself": (ROW + 'move = { items = ["(2, DCM)"], into = "(2, DCM)" }', "key move: a container"),
    "no text": ('[[quirk]]\nname = 3', "key name: must be a text"),
    "a name of ours": ('[[quirk]]\nname = "number-as-text"\nwhy = "y"\nrename = { from = "(1, DCM)", to = "(2, DCM)" }',
                       "key name: is taken already"),
    "no table": ("quirk = [1]", "row 1, key quirk: is not a table"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_with_the_row_and_the_key(written, text, said):
    path = written(text)
    with pytest.raises(ConfigError) as refusal:
        quirk_files.use(path)
    assert said in refusal.value.args[0]
    assert str(path) in refusal.value.args[0]
    assert "\n" not in refusal.value.args[0].partition("TOML:")[0]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        quirk_files.use(tmp_path / "missing.toml")


def test_another_wording_is_another_version(written):
    step = 'rename = { from = "(1, DCM)", to = "(2, DCM)" }'
    versions = {quirk_files.use(written(ROW + more + step))[0].version for more in ("", 'model = "a"\n', "")}
    assert len(versions) == 2
