"""Words that notices to patients must not hold, in the forms in which people write them, and words that they may."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify import lint as module
from dose.notify.lint import Rules, lint
from dose.notify.templates import Template, default

LISTS = tomllib.loads((Path(module.__file__).parent / "words.toml").read_text(encoding="utf-8"))
ARABIC = [(kind, word.removesuffix("!")) for kind in LISTS for word in LISTS[kind]["ar"]]
LATIN = [(kind, word.removesuffix("!")) for kind in LISTS for code in ("en", "fr") for word in LISTS[kind][code]
         if " " not in word]  # fmt: skip


def codes(language: str, words: str, **rules: bool) -> set[str]:
    """What is found in a shipped text with some words more."""
    text = Template(language, "sms", f"{default(language, 'sms').text} {words}")
    found = lint(text, Rules(most_parts=10, **rules))
    return {one.code for one in found if one.code in ("medical-word", "risk-word", "risk-number")}


@pytest.mark.parametrize(
    "word",
    ["أشعة", "الأشعة", "بالأشعة", "وبالأشعة", "للأشعة", "أشعتكم", "أشعّة", "أشـعة", "اشعه", "إشعاعية",
     "خزعتك", "رئتيك", "الرئة",
     "رئوي", "أمراض", "مرضى", "المريض", "مرضكم", "صدرك", "والصدر", "الرحم", "حمل", "الحمل", "حوامل",
     "ثدييها", "القلب", "ﺃﺷﻌﺔ", "أشعۃ"],
)  # fmt: skip
def test_medical_words_are_found_in_every_arabic_form(word: str) -> None:
    assert "medical-word" in codes("ar", word)
    assert codes("ar", word, medical_words=True) == set()


@pytest.mark.parametrize(
    "word",
    ["خطر", "الخطر", "مخاطر", "خطورة", "بخطورته", "سرطان", "السّرطان", "سـرطان", "مسرطنة", "ورم", "أورام",
     "والورم", "وفاته", "الوفاة",
     "وفيات", "احتمال", "باحتمال", "آمن", "آمنة", "ضارة", "مضر", "طفرات", "طفرتها", "ﺳﺮﻃﺎن", "سرطانی"],
)  # fmt: skip
def test_words_of_risk_are_found_in_every_arabic_form_and_never_allowed(word: str) -> None:
    assert "risk-word" in codes("ar", word, medical_words=True)


@pytest.mark.parametrize(
    "words",
    ["السلام عليكم ورحمة الله وبركاته", "ورمز الدخول", "ورمزكم", "حمّلوا الوثيقة", "تحميل", "صدرت الوثيقة",
     "شكرا لزيارتكم",
     "مستشفى الأمل", "الوثيقة جاهزة", "للاستفسار", "قلبوا الصفحة", "نرحب بكم", "بكم", "والسلام"],
)  # fmt: skip
def test_greetings_and_ways_to_the_document_are_allowed_in_arabic(words: str) -> None:
    assert codes("ar", words) == set()


@pytest.mark.parametrize(
    "words",
    ["l'irradiation", "d’angiographies", "qu'un scanner", "RADIOGRAPHIE", "Échographie", "échographies",
     "cœurs", "CŒUR",
     "les poumons", "pulmonaire", "mammaire", "seins", "l’IRM", "IRM", "TDM", "décérébré-cérébral",
     "maladies", "post-biopsie", "non-x-ray", "X rays",
     "rayons X", "hépatique", "fœtus", "ｓｃａｎｎｅｒ", "patientes"],
)  # fmt: skip
def test_medical_words_are_found_with_accents_elisions_ligatures_and_plurals(words: str) -> None:
    assert "medical-word" in codes("fr", words)
    assert codes("fr", words, medical_words=True) == set()


@pytest.mark.parametrize(
    "words",
    ["risques", "le RISQUE", "à risque", "cancéreux", "l'excès", "décès", "décédé", "décede\u0301",
     "leucémies", "métastase", "mortelle",
     "dépassé", "surdosage", "génétiques", "stérilité", "brûlures", "inoffensive", "qu’un danger", "carcinogène"],
)  # fmt: skip
def test_words_of_risk_are_found_in_every_french_form(words: str) -> None:
    assert "risk-word" in codes("fr", words, medical_words=True)


@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", "Hôpital Seine-et-Marne"), ("fr", "Merci de patienter"), ("fr", "rue du Mortier"), ("fr",
     "un document est prêt"),
     ("en", "harmony"), ("en", "cardigan street"), ("en", "thank you for your patience"), ("en", "chestnut road"),
     ("en", "please open it"), ("fr", "réponse"), ("fr", "sidérurgie"), ("en", "hippodrome")],
)  # fmt: skip
def test_words_that_only_begin_alike_are_allowed(language: str, words: str) -> None:
    assert codes(language, words) == set()


@pytest.mark.parametrize(
    "words",
    ["5%", "٥٪", "5 %", "2‰", "1/1000", "1 in 2000", "one in a thousand", "un sur mille", "1 sur 1 000",
     "une sur cent",
     "١ من ١٠٠٠", "١/٢٠٠٠", "واحد من كل ألف", "واحدة في المليون", "5 per cent", "cinq pour cent", "خمسة في المئة",
     "5 في المائة", "۱ من ۱۰۰", "one out of 10"],
)  # fmt: skip
def test_shares_are_found_in_figures_of_every_script_and_in_words(words: str) -> None:
    assert codes("en", words, medical_words=True) & {"risk-number", "risk-word"}


@given(
    st.sampled_from(ARABIC), st.sampled_from(["", "و", "ف"]), st.sampled_from(["", "ال", "بال", "كال", "ب", "ل"]),
    st.lists(st.sampled_from("ًٌٍَُِّْـ"), max_size=3), st.sampled_from(["NFC", "NFD", "NFKD"]),
)  # fmt: skip
def test_prefixes_vowel_signs_and_tatweel_hide_no_arabic_word(
    listed: tuple[str, str], first: str, then: str, signs: list[str], form: str
) -> None:
    kind, word = listed
    written = first + then + word[:1] + "".join(signs) + word[1:]
    assert f"{kind}-word" in codes("ar", unicodedata.normalize(form, written))  # type: ignore[arg-type]


@given(
    st.sampled_from(LATIN), st.sampled_from([str, str.upper, str.title]), st.sampled_from(["", "l'", "d’",
    "qu'", "non-"]),
    st.sampled_from([".", ",", "s.", " !", "»"]),
)  # fmt: skip
def test_case_elision_and_what_follows_hide_no_latin_word(
    listed: tuple[str, str], case: object, before: str, after: str
) -> None:
    kind, word = listed
    whole = f"{word}!" in (*LISTS[kind]["en"], *LISTS[kind]["fr"])
    written = before + case(word) + (after.lstrip("s") if whole else after)  # type: ignore[operator]
    assert f"{kind}-word" in codes("fr", written)


def test_no_word_is_listed_twice_or_written_in_another_form() -> None:
    for kind, by_language in LISTS.items():
        for language, words in by_language.items():
            assert len(words) == len(set(words)), (kind, language)
            assert all(word == word.strip() and word.lower() == word for word in words), (kind, language)
