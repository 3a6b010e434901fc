"""Axial CT sections drawn in Hounsfield units: head, chest, heart, abdomen, pelvis.

Schematic, after textbook anatomy at the usual window levels; the level within the region runs from 0 (top) to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dacs.synthetic.canvas import Canvas, Image, texture

AIR, FAT, MUSCLE, BONE, LUNG = -1000.0, -95.0, 55.0, 320.0, -840.0


@dataclass(frozen=True, slots=True)
class Section:
    """What to draw: the level (0 to 1), how stout the person is (1.0 is slim) and whether vessels are enhanced."""

    level: float
    girth: float = 1.0
    contrast: bool = False
    seed: int = 0

    @property
    def blood(self) -> float:
        """Hounsfield units of a large vessel."""
        return 230.0 if self.contrast else 42.0


@lru_cache(maxsize=128)
def draw(region: str, section: Section, size: int = 128) -> Image:
    """Return a section of `size` x `size` pixels in Hounsfield units, without noise; shared, not to be written to."""
    canvas = Canvas(size, value=AIR)
    rng = np.random.default_rng(section.seed)
    _REGIONS[region](canvas, section, rng)
    canvas.values.setflags(write=False)
    return canvas.values


def noisy(image: Image, ctdi_vol_mgy: float, rng: np.random.Generator) -> Image:
    """Return the section with the noise of its dose: 12 HU at 10 mGy, falling with its square root."""
    sigma = min(12.0 * (10.0 / max(ctdi_vol_mgy, 0.2)) ** 0.5, 60.0)
    inside = image > -990.0
    return np.where(inside, image + sigma * texture(image.shape, 0.8, rng), image)


def _head(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    grow = 0.80 + 0.20 * np.sin(np.pi * min(0.25 + 0.62 * s.level, 1.0))
    a, b = 0.62 * grow, 0.78 * grow
    c.ellipse((0, 0), a, b, 40.0)
    c.ellipse((0, 0), a - 0.03, b - 0.03, 950.0)
    c.ellipse((0, 0), a - 0.10, b - 0.10, 12.0)
    brain = 34.0 + 3.0 * texture(c.values.shape, 3.0, rng)
    c.ellipse((-0.24 * grow, 0), a * 0.42, b - 0.13, brain)
    c.ellipse((0.24 * grow, 0), a * 0.42, b - 0.13, brain)
    c.ellipse((0, 0), a - 0.13, b - 0.14, np.where(np.abs(c.x) < 0.015, 22.0, brain))
    if s.level < 0.35:
        _skull_base(c, grow)
        return
    for side in (-1, 1):
        c.ellipse((side * 0.09, -0.16), 0.035, 0.17, 6.0, angle=-side * 18.0, soft=2.5)
        c.ellipse((side * 0.12, 0.20), 0.032, 0.14, 6.0, angle=side * 22.0, soft=2.5)
        c.ellipse((side * 0.19, -0.02), 0.06, 0.10, 39.0, soft=3.0)


def _skull_base(c: Canvas, grow: float) -> None:
    for side in (-1, 1):
        c.stroke([(side * 0.08, 0.02), (side * 0.48 * grow, 0.14)], 0.055, 780.0, soft=3.0)
        c.ellipse((side * 0.42 * grow, 0.17), 0.07, 0.045, -500.0)
        c.ellipse((side * 0.20, -0.60 * grow), 0.10, 0.08, 30.0)
    c.ellipse((0, -0.58 * grow), 0.07, 0.10, -900.0)
    c.ellipse((0, 0.28), 0.20, 0.16, 36.0, soft=3.0)


def _trunk(c: Canvas, s: Section, a: float, b: float, fat: float) -> None:
    c.ellipse((0, 0), a * s.girth, b * s.girth, FAT)
    c.ellipse((0, 0.01), a - fat, b - fat, MUSCLE)
    c.ellipse((0, b * s.girth + 0.10), 1.6, 0.055, -870.0)  # the table top
    c.ellipse((0, b * s.girth + 0.105), 1.6, 0.035, -960.0)


def _vertebra(c: Canvas, y: float, size: float = 0.10) -> None:
    for side in (-1, 1):
        c.stroke([(side * 0.05, y + 0.10), (side * 0.17, y + 0.12)], 0.025, 260.0)
    c.stroke([(0, y + 0.13), (0, y + 0.24)], 0.022, 280.0)
    c.ellipse((0, y), size, size * 0.78, 420.0)
    c.ellipse((0, y), size - 0.022, size * 0.78 - 0.022, 190.0)
    c.ellipse((0, y + 0.115), 0.052, 0.042, 25.0)


def _ribs(c: Canvas, a: float, b: float, shift: float) -> None:
    for degrees in range(-64, 250, 26):
        if 70 < degrees + shift < 110:
            continue
        turn = np.deg2rad(degrees + shift)
        at = (a * np.cos(turn), b * np.sin(turn))
        c.ellipse(at, 0.055, 0.022, 430.0, angle=float(degrees + shift + 90))


def _chest(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    open_ = np.sin(np.pi * min(0.22 + 0.62 * s.level, 0.86))
    _trunk(c, s, 0.86, 0.60, 0.07)
    for side in (-1, 1):
        vessels = LUNG + 70.0 * np.clip(texture(c.values.shape, 1.6, rng), 0.4, 2.6) * (1.2 - 0.9 * np.abs(c.x))
        c.ellipse((side * 0.40, 0.01), 0.33 * (0.45 + 0.55 * open_), 0.47 * open_, vessels, angle=side * 8.0)
    _ribs(c, 0.76, 0.51, 20.0 * s.level)
    c.ellipse((0.02, -0.10), 0.15, 0.36, 30.0)
    c.ellipse((0, -0.50), 0.09, 0.025, 300.0)
    if s.level > 0.45:
        c.ellipse((0.12, -0.14), 0.30 * s.level + 0.06, 0.24, 45.0, angle=-28.0)
        c.ellipse((0.16, -0.12), 0.15, 0.11, s.blood, angle=-28.0, soft=3.0)
    else:
        c.ellipse((-0.05, -0.20), 0.075, 0.075, s.blood)
        c.ellipse((0.07, -0.16), 0.06, 0.13, s.blood, angle=60.0)
        c.ellipse((0.0, 0.02), 0.05, 0.045, -980.0)
    c.ellipse((0.12, 0.20), 0.058, 0.058, s.blood)
    _vertebra(c, 0.28)


def _heart(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    _chest(c, Section(0.72, s.girth, s.contrast, s.seed), rng)
    c.ellipse((0.10, -0.12), 0.34, 0.28, 48.0, angle=-30.0)
    c.ellipse((0.20, -0.08), 0.16, 0.12, s.blood * (1.2 if s.contrast else 1.0), angle=-30.0, soft=3.0)
    c.ellipse((-0.02, -0.20), 0.13, 0.11, s.blood * 0.8, angle=-30.0, soft=3.0)
    c.ellipse((0.0, 0.04), 0.14, 0.09, s.blood, soft=3.0)
    c.stroke([(-0.02, -0.05), (0.16, -0.24), (0.34, -0.16 + 0.1 * s.level)], 0.016, s.blood + 60.0)


def _abdomen(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    _trunk(c, s, 0.80, 0.58, 0.09 * s.girth)
    c.ellipse((0, 0.0), 0.62, 0.42, FAT - 10.0)
    liver = (105.0 if s.contrast else 58.0) + 4.0 * texture(c.values.shape, 2.0, rng)
    shrink = max(1.0 - 0.75 * s.level, 0.0)
    if shrink > 0.3:
        c.ellipse((-0.30, -0.06), 0.34 * shrink + 0.06, 0.36 * shrink + 0.04, liver, angle=-12.0)
        c.ellipse((-0.02, -0.24), 0.24 * shrink, 0.12 * shrink, liver, angle=14.0)
        c.ellipse((0.50, 0.12), 0.11 * shrink, 0.19 * shrink, liver + 5.0, angle=20.0)
        c.ellipse((0.26, -0.20), 0.19 * shrink, 0.12 * shrink, 22.0, angle=-20.0)
        c.ellipse((0.26, -0.27), 0.13 * shrink, 0.055, -900.0)
    if 0.15 < s.level < 0.85:
        for side in (-1, 1):
            c.ellipse((side * 0.34, 0.20), 0.095, 0.125, 175.0 if s.contrast else 32.0, angle=side * 25.0)
            c.ellipse((side * 0.31, 0.20), 0.035, 0.06, FAT, angle=side * 25.0)
    _bowel(c, s, rng)
    for side in (-1, 1):
        c.ellipse((side * 0.17, 0.30), 0.085, 0.10, MUSCLE)
    c.ellipse((0.07, 0.14), 0.055, 0.055, s.blood)
    c.ellipse((-0.10, 0.14), 0.06, 0.05, s.blood * 0.8)
    _ribs(c, 0.66, 0.48, 9.0) if s.level < 0.45 else None
    _vertebra(c, 0.28, 0.115)


def _bowel(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    for _ in range(int(3 + 9 * s.level)):
        at = (rng.uniform(-0.46, 0.46), rng.uniform(-0.32, 0.02))
        radius = rng.uniform(0.05, 0.09)
        c.ellipse(at, radius, radius * 0.85, 38.0, soft=2.5)
        if rng.uniform() < 0.35:
            c.ellipse((at[0], at[1] - 0.01), radius * 0.6, radius * 0.4, -850.0, soft=2.5)


def _pelvis(c: Canvas, s: Section, rng: np.random.Generator) -> None:
    _trunk(c, s, 0.84, 0.52, 0.11 * s.girth)
    c.ellipse((0, 0.0), 0.46, 0.34, FAT)
    _bowel(c, Section(0.2 * (1 - s.level), s.girth, s.contrast, s.seed), rng)
    if s.level > 0.5:
        c.ellipse((0, -0.12), 0.19, 0.15, 8.0)
        for side in (-1, 1):
            c.ellipse((side * 0.55, -0.02), 0.13, 0.13, 430.0)
            c.ellipse((side * 0.55, -0.02), 0.105, 0.105, 250.0)
            c.stroke([(side * 0.40, -0.16), (side * 0.38, 0.14)], 0.035, 380.0)
    else:
        for side in (-1, 1):
            c.stroke([(side * 0.22, 0.26), (side * 0.42, 0.10), (side * 0.58, -0.16)], 0.042, 400.0)
        c.ellipse((0, -0.10), 0.12, 0.10, 36.0)
    c.ellipse((0, 0.28), 0.16, 0.085, 380.0)
    c.ellipse((0, 0.28), 0.12, 0.055, 190.0)


def _phantom(c: Canvas, s: Section, _rng: np.random.Generator) -> None:
    c.ellipse((0, 0), 0.62, 0.62, 120.0)
    c.ellipse((0, 0), 0.60, 0.60, 0.0)
    if s.level < 0.5:
        for number, value in enumerate((-990.0, -100.0, 110.0, 340.0, 950.0)):
            turn = 2 * np.pi * number / 5
            c.ellipse((0.36 * np.cos(turn), 0.36 * np.sin(turn)), 0.075, 0.075, value)
    else:
        for number in range(8):
            c.ellipse((0.36 * np.cos(number * 0.785), 0.36 * np.sin(number * 0.785)), 0.02 + 0.01 * number, 0.05, 12.0)


_REGIONS: Mapping[str, Callable[[Canvas, Section, np.random.Generator], None]] = {
    "head": _head,
    "chest": _chest,
    "heart": _heart,
    "abdomen": _abdomen,
    "pelvis": _pelvis,
    "phantom": _phantom,
}
