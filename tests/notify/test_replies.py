"""Which answers mean stop, in the ways people write them; and which texts promise that answers are heard."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.lint import Rules, lint
from dose.notify.replies import is_stop
from dose.notify.templates import DEFAULTS, Template, default

STOPS = [
    "stop",
    "arrêt",
    "arrêtez",
    "désabonner",
    "إيقاف",
    "أوقف",
    "توقف",
    "ايقاف",
    "stopall",
    "unsubscribe",
    "الإيقاف",
]


@pytest.mark.parametrize("word", [*STOPS, "STOP please", "please stop", "من فضلك توقف", "opt-out", "Cancel", "إلغاء",
                                  "ＳＴＯＰ", "s.t.o.p", "arrêtez svp merci", "إيقاف الرسائل"])  # fmt: skip
def test_stop_is_heard_as_people_write_it(word: str) -> None:
    assert is_stop(word)


@pytest.mark.parametrize("text", ["", " ", "start", "go", "merci", "cancel my appointment", "annuler mon rendez-vous",
                                  "don't", "لا", "نعم", "non stop", "bus stop", "stopwatch", "1", "👍"])  # fmt: skip
def test_what_does_not_mean_stop_is_not_taken_for_it(text: str) -> None:
    assert not is_stop(text)


@given(
    st.sampled_from(STOPS), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
    st.sampled_from([str, str.upper, str.title]),
    st.text("ـًَُِّْ", max_size=3), st.sampled_from(["", " ", "\u200f", "\u2067", "!", ".", "«", "\n"]),
)  # fmt: skip
def test_case_accents_tatweel_vowel_signs_and_marks_of_direction_change_nothing(
    word: str, form: str, case: object, signs: str, around: str
) -> None:
    written = unicodedata.normalize(form, case(word))  # type: ignore[arg-type, operator]
    arabic = any("ARABIC" in unicodedata.name(letter, "") for letter in word)
    written = written[:2] + signs + written[2:] if arabic else written
    assert is_stop(around + written + around)


@given(st.text(max_size=600))
def test_whatever_is_written_is_judged(text: str) -> None:
    assert is_stop(text) in (True, False)


PROMISES = [
    ("en", "Reply STOP to end."), ("en", "Text STOP to 12345"), ("en", "Stop to +15550001111"), ("en", "answer 'stop'"),
    ("fr", "Répondez STOP pour ne plus recevoir"), ("fr", "Envoyez ARRÊT"), ("fr", "STOP au 36111"),
    ("fr", "en répondant STOP"), ("ar", "أرسل إيقاف"), ("ar", "للإلغاء أرسلوا كلمة توقف"), ("ar", "الرد بكلمة إيقاف"),
    ("ar", "ردّوا بـ STOP"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "promise"), PROMISES)
def test_a_text_promises_an_answer_only_where_answers_are_heard(language: str, promise: str) -> None:
    shipped = default(language, "sms")
    text = Template(language, "sms", f"{shipped.text} {promise}")
    assert "reply" in {one.code for one in lint(text, Rules(most_parts=9))}
    assert "reply" not in {one.code for one in lint(text, Rules(most_parts=9, replies=True))}


def test_the_shipped_texts_promise_no_answer() -> None:
    assert not [one for text in DEFAULTS for one in lint(text) if one.code == "reply"]
