"""Every text can be read in French and Arabic, and right to left."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from dash_app import i18n
from dash_app.components.values import age_text, amount, local_time, person_name, symbol, told
from dash_app.vocabulary import NAMES, NOTES
from dose.quantities import QUANTITIES
from dose.queries import Note
from dose.scope import Role
from tests.web.conftest import Site
from tests.web.test_gate import LIST

PACKAGE = Path(i18n.__file__).parent
PLACE = re.compile(r"%\(\w+\)s")
# Props whose text people read; a literal there has not been through gettext.
READ = {"title", "label", "placeholder", "alt", "description"}
SAME_EVERYWHERE = re.compile(r"^[^A-Za-z]*$|^(DACS|Orthanc|#|/|OK)$")


def messages() -> set[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    keywords = {"_": None, "N_": None, "ngettext": (1, 2)}
    return {found[2] for found in extract_from_dir(str(PACKAGE), method_map=methods, keywords=keywords)}


def catalogue(language: str) -> Catalog:
    with (PACKAGE / "locales" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_message_has_a_translation_with_its_places(language: str) -> None:
    known = catalogue(language)
    for message in messages():
        found = known.get(message if isinstance(message, str) else message[0])
        assert found is not None, message
        texts = found.string if isinstance(found.string, tuple) else (found.string,)
        assert all(texts), message
        if isinstance(message, str):
            assert set(PLACE.findall(message)) == set(PLACE.findall(texts[0])), message
    assert not any(message.fuzzy for message in known)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_catalogue_holds_nothing_that_nobody_says(language: str) -> None:
    said = {message if isinstance(message, str) else message[0] for message in messages()}
    assert {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue(language) if m.id} <= said


def literals(tree: ast.AST) -> list[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    html = [
        c for c in calls if isinstance(c.func, ast.Attribute) and getattr(c.func.value, "id", "") in {"html", "dmc"}
    ]
    found = [keyword.value for call in html for keyword in call.keywords if keyword.arg in READ | {"children"}]
    found += [argument for call in html for argument in call.args]
    found += [part for node in found if isinstance(node, ast.List) for part in node.elts]
    return [node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_no_text_that_people_read_bypasses_gettext() -> None:
    for path in PACKAGE.rglob("*.py"):
        loose = [
            text for text in literals(ast.parse(path.read_text(encoding="utf-8"))) if not SAME_EVERYWHERE.match(text)
        ]
        assert not loose, (path.name, loose)


def test_templates_hold_no_loose_text() -> None:
    for path in (PACKAGE / "templates").rglob("*.html"):
        bare = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{2,}", bare)) <= {"DACS", "wide", "next"}, path.name  # a class name and a macro


def test_arabic_counts_in_its_six_ways() -> None:
    texts = {n: i18n.translations("ar").ngettext("%(n)s study", "%(n)s studies", n) for n in (0, 1, 2, 5, 11, 100)}
    assert len(set(texts.values())) == 6


def test_every_quantity_that_is_shown_has_a_name_to_translate() -> None:
    from dash_app.components.event_table import DOSES, TECHNIQUE
    from dash_app.components.study_parts import CARDS

    shown = {*DOSES, *TECHNIQUE, *(quantity for _column, quantity in CARDS)}
    assert shown <= NAMES.keys()
    assert set(NAMES) - {"ctdi_phantom", "view", "event_count"} == QUANTITIES.keys() - {"event_count"}


def test_the_reasons_of_other_parts_are_among_the_texts_to_translate() -> None:
    from dash_app.components.not_patient_words import WHY
    from dash_app.components.quality_parts import CLAUSE_WORDS
    from dash_app.pages.provenance import ABSENT
    from dash_app.vocabulary import SOURCE_REASONS
    from dose.extract.trace import _WHY
    from dose.queries.expected import EXPECTED
    from dose.store.not_patient import shipped
    from dose.store.states import COPY_CODE, OUTDONE

    assert {one.why for one in shipped()} == WHY
    assert set(_WHY.values()) == set(ABSENT)
    assert {*OUTDONE, COPY_CODE} == SOURCE_REASONS.keys()
    clauses = {one.source for rows in EXPECTED.values() for one in rows}
    assert all(any(words in source for source in clauses) for words in CLAUSE_WORDS)


def test_ids_and_dates_in_a_sentence_are_never_broken_and_names_keep_their_direction() -> None:
    sentence = told(f"\u2068فاطمة\u2069 · {i18n.isolated('PID-0000-1111')} · {i18n.isolated('1' * 64)}")
    name, short, long = sentence.children[1::2]
    assert (name.children, name.dir, name.className) == ("فاطمة", "auto", None)
    assert (short.children, short.dir, short.className) == ("PID-0000-1111", "ltr", "unbroken")
    assert long.className is None
    assert sentence.children[::2] == ["", " · ", " · ", ""]


def test_symbols_in_a_sentence_have_their_index_below() -> None:
    before, symbol, after = told("Trigger: K_a,r 6 Gy").children[0].children
    assert (before, after) == ("Trigger: ", " 6 Gy")
    assert (symbol.children[0], symbol.children[1].children) == ("K", "a,r")


def test_every_note_that_a_total_raises_has_its_words() -> None:
    assert {"dlp-total-differs", "pka-total-differs", "ka-r-total-differs", "agd-total-differs"} <= NOTES.keys()
    assert Note("x", "as written").text == "as written"


@pytest.mark.parametrize(
    ("language", "direction", "word"), [("fr", "ltr", "Examens"), ("ar", "rtl", "الفحوص"), ("en", "ltr", "Studies")]
)
def test_pages_speak_the_language_asked_for(site: Site, language: str, direction: str, word: str) -> None:
    client = site.client()
    client.set_cookie(i18n.COOKIE, language)
    page = client.get("/login").get_data(as_text=True)
    assert f'<html lang="{language}" dir="{direction}"' in page
    signed = site.as_(Role.PHYSICIST)
    signed.set_cookie(i18n.COOKIE, language)
    try:
        assert i18n.translations(language).gettext("Patient") in str(LIST.send(signed).get_json())
        with site.app.server.test_request_context(headers={"Cookie": f"{i18n.COOKIE}={language}"}):
            assert i18n._("Studies") == word
    finally:
        signed.delete_cookie(i18n.COOKIE)


def test_numbers_dates_and_ids_are_isolated_from_the_text_around_them() -> None:
    shown = amount("dlp_mgy_cm", 1545.2, "CT").to_plotly_json()
    assert shown["type"] == "Bdi"
    assert shown["props"]["dir"] == "ltr"
    assert shown["props"]["children"][0].children == "1\u202f545"
    assert i18n.isolated("3") == "\u20663\u2069"


def test_symbols_have_their_index_below() -> None:
    assert [str(symbol(c).children[0]) for c in ("ctdi_vol_mgy", "pka_gy_cm2", "ka_r_mgy", "agd_mgy")] == [
        "CTDI",
        "P",
        "K",
        "D",
    ]
    assert symbol("dlp_mgy_cm").children == "DLP"


def test_what_is_not_stated_is_a_dash_and_never_zero() -> None:
    assert amount("dlp_mgy_cm", None).children == "–"
    assert amount("dlp_mgy_cm", 0.0).children[0].children == "0"


def test_names_and_times_are_said_as_people_say_them() -> None:
    assert person_name("Doe^Jane^^Dr") == "Doe, Jane Dr"
    assert person_name("العلوي^محمد") == "العلوي، محمد"
    assert person_name("") is None
    assert local_time("2026-11-21T11:40:14.123") == ("2026-11-21", "11:40:14")
    assert local_time(None) == ("", "")


def test_small_children_have_an_age_in_days_or_months() -> None:
    assert [i18n.isolated(n) in age_text(years) for n, years in (("9", 0.025), ("6", 0.5), ("45", 45.9))] == [True] * 3
