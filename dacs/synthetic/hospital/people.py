"""Invented patients of the demonstration hospital: French, Arabic and English names, children and adults."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

from dacs.synthetic.subjects import Patient

ISSUER = "DACS-DEMO"
ID_PREFIX = "DEMO-"

# Each pool: the mark that stands in every family name, family names, women's and men's first names.
_POOLS = (
    (
        "Démo",
        ("Lefèvre", "Moreau", "Béranger", "Gauthier", "Chevalier", "Noël", "Rousseau", "Girard", "Lacroix", "Perrin"),
        ("Chloé", "Anaïs", "Hélène", "Camille", "Margaux", "Françoise", "Inès", "Océane"),
        ("Théo", "François", "Jérôme", "Loïc", "Étienne", "Rémi", "Gaël", "Benoît"),
    ),
    (
        "تجريبي",
        ("بنعلي", "العلوي", "الإدريسي", "برادة", "التازي", "الفاسي", "بناني", "الشرايبي", "المنصوري", "الزهراوي"),
        ("أمينة", "فاطمة الزهراء", "خديجة", "سلمى", "ياسمين", "نورة", "هند", "مريم"),
        ("يوسف", "محمد", "عمر", "حمزة", "إدريس", "سعيد", "عبد الرحمن", "كريم"),
    ),
    (
        "Demo",
        ("Whitfield", "O'Connor", "Ashworth", "Marlowe", "Pemberton", "Hughes", "Fairbanks", "Okafor", "Singh", "Reid"),
        ("Grace", "Eleanor", "Ruth", "Harriet", "Ivy", "Naomi", "Beatrice", "Maeve"),
        ("Oliver", "Arthur", "Samuel", "Edmund", "Callum", "Patrick", "Joseph", "Desmond"),
    ),
)


def dice(*name: object) -> random.Random:
    """Return a generator of its own for this name; the same name throws the same."""
    return random.Random("/".join(map(str, name)))  # noqa: S311 - invents patients, keeps no secret


@dataclass(frozen=True, slots=True)
class Person:
    """A patient with a fixed age in years and adult-like or childlike size."""

    patient: Patient
    age_years: float

    def at(self, day: date) -> Patient:
        """Return the patient as a modality writes them on that day."""
        born = day - timedelta(days=round(self.age_years * 365.25))
        return replace(self.patient, birth_date=f"{born:%Y%m%d}", age=_age_string(self.age_years))

    @property
    def weight_kg(self) -> float:
        """Weight in kg, always known to us even where the report leaves it out."""
        return self.patient.weight_kg or 70.0


def person(number: int, rng: random.Random, *, sex: str | None = None, age_years: float | None = None) -> Person:
    """Return patient `number`; the same number and generator state give the same person."""
    mark, families, women, men = _POOLS[number % 3]
    sex = sex or rng.choice("FM")
    age = rng.triangular(18, 92, 63) if age_years is None else age_years
    height, weight = _size(age, sex, rng)
    name = f"{rng.choice(families)} ({mark})^{rng.choice(women if sex == 'F' else men)}"
    patient = Patient(
        id=f"{ID_PREFIX}{number:04}",
        name=name,
        birth_date=None,
        sex=sex,
        height_m=round(height, 2),
        weight_kg=round(weight, 1),
        issuer=ISSUER,
        comments="DEMONSTRATION DATA - NOT A PERSON",
    )
    return Person(patient, age)


def _size(age: float, sex: str, rng: random.Random) -> tuple[float, float]:
    if age < 16:
        height = 0.55 + 0.085 * age - 0.0016 * age * age + rng.gauss(0, 0.03)
        return height, max(3.2, (3.4 + 2.4 * age + 0.06 * age * age) * rng.lognormvariate(0, 0.12))
    height = rng.gauss(1.64 if sex == "F" else 1.76, 0.07)
    return height, height * height * 25.5 * rng.lognormvariate(0, 0.17)


def _age_string(years: float) -> str:
    if years < 0.17:
        return f"{round(years * 365.25):03}D"
    return f"{round(years * 12):03}M" if years < 2 else f"{int(years):03}Y"
