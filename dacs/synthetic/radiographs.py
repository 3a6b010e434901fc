"""Projections drawn as attenuation: the trunk from the front and the side, limbs, breasts.

A value is the optical thickness that the beam met; `to_grey` turns it into a radiograph with bright bones.
In the trunk y runs from 0 (top of the head) to 1 (mid thigh).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from dacs.synthetic.canvas import Canvas, Image, texture

# What each view shows of the trunk: centre x, half-width, top and bottom in body coordinates.
FRAMES: Mapping[str, tuple[float, float]] = {
    "head": (-0.01, 0.20),
    "chest": (0.155, 0.50),
    "abdomen": (0.44, 0.84),
    "pelvis": (0.64, 0.97),
    "lumbar spine": (0.46, 0.78),
    "trunk": (0.12, 0.95),
    "heart": (0.20, 0.50),
}


@lru_cache(maxsize=32)
def frontal(region: str, columns: int, rows: int, *, girth: float = 1.0, seed: int = 0) -> Image:
    """Return the attenuation of the trunk from the front, cropped to a region; shared, not to be written to."""
    top, bottom = FRAMES[region]
    canvas = Canvas(columns, rows)
    scale = (bottom - top) / (2 * canvas.aspect)
    body = _Body(canvas, top, scale, girth)
    body.soft_tissue(np.random.default_rng(seed))
    body.lungs_and_heart()
    body.bones()
    canvas.values.setflags(write=False)
    return canvas.values


class _Body:
    """Draws in body coordinates: x and y in units of the body's height from head to mid thigh."""

    def __init__(self, canvas: Canvas, top: float, scale: float, girth: float) -> None:
        self.c = canvas
        self.girth = girth
        canvas.x = canvas.x * scale
        canvas.y = top + (canvas.y + canvas.aspect) * scale
        canvas.pixel *= scale

    def add(self, mask: Image, amount: float) -> None:
        self.c.values += mask * amount

    def soft_tissue(self, rng: np.random.Generator) -> None:
        half = np.interp(
            self.c.y, [0.0, 0.05, 0.10, 0.14, 0.155, 0.19, 0.24, 0.50, 0.60, 0.74, 0.84, 1.0],
            [0.055, 0.073, 0.066, 0.045, 0.06, 0.19, 0.165, 0.145, 0.142, 0.165, 0.165, 0.15],
        )  # fmt: skip
        half = half * np.where(self.c.y > 0.16, self.girth, 1.0)
        depth = np.sqrt(np.clip(1.0 - (self.c.x / half) ** 2, 0.0, None))
        self.c.values += depth * (1.0 + 0.03 * texture(self.c.values.shape, 6.0, rng)) * self.girth
        legs = self.c.inside(np.abs(self.c.x) - 0.012 - (self.c.y - 0.88) * 0.25, 3.0) * (self.c.y > 0.88)
        self.c.values *= np.where(self.c.y > 0.88, 0.35 + 0.65 * legs, 1.0)

    def lungs_and_heart(self) -> None:
        c = self.c
        for side, apex, base in ((-1, 0.185, 0.40), (1, 0.185, 0.415)):
            lung = c.ellipse_mask((side * 0.078, 0.335), 0.062, 0.155, angle=side * 4.0, soft=3.0)
            dome = base - 0.028 * np.cos(np.clip((c.x - side * 0.085) / 0.07, -1, 1) * np.pi / 2)
            self.add(lung * c.inside(dome - c.y, 2.0) * c.inside(c.y - apex, 2.0), -0.58)
        heart = c.ellipse_mask((0.026, 0.362), 0.068, 0.050, angle=32.0, soft=4.0)
        self.add(heart * c.inside(0.415 - c.y, 6.0), 0.34)
        self.add(c.ellipse_mask((0.020, 0.265), 0.020, 0.026, soft=4.0), 0.20)
        for side in (-1, 1):
            for degrees in (-50, -15, 20, 55):
                turn = np.deg2rad(degrees)
                tip = (side * (0.035 + 0.05 * np.cos(turn)), 0.315 + 0.06 * np.sin(turn))
                self.add(c.stroke_mask([(side * 0.030, 0.312), tip], 0.0045, 5.0), 0.10)

    def bones(self) -> None:
        self._spine()
        self._ribs()
        self._pelvis()
        self._head()

    def _spine(self) -> None:
        c = self.c
        width = np.interp(c.y, [0.10, 0.2, 0.45, 0.66, 0.70], [0.013, 0.015, 0.019, 0.024, 0.022])
        column = c.inside(width - np.abs(c.x), 2.0) * c.inside(c.y - 0.10, 2) * c.inside(0.675 - c.y, 2)
        pitch = np.interp(c.y, [0.10, 0.20, 0.66], [0.013, 0.020, 0.038])
        gaps = 0.5 + 0.5 * np.cos(2 * np.pi * np.cumsum(c.pixel / pitch, axis=0))
        self.add(column, 0.20)
        self.add(column * np.clip(gaps * 1.6 - 0.2, 0, 1), 0.20)
        self.add(column * c.inside(0.004 - np.abs(c.x), 2.0), 0.08)

    def _ribs(self) -> None:
        c = self.c
        for number in range(10):
            y = 0.186 + 0.0215 * number
            reach = 0.105 + 0.032 * np.sin(np.pi * min(number / 8, 1.0) * 0.6)
            for side in (-1, 1):
                turn = np.linspace(0.12, 1.0, 9)
                back = [(side * reach * np.sin(t * np.pi / 2), y + 0.038 * t**2) for t in turn]
                self.add(c.stroke_mask(back, 0.0042, 2.0), 0.16)
                front = [(side * reach * (1 - 0.62 * t), y + 0.038 + 0.046 * t) for t in turn[:7]]
                self.add(c.stroke_mask(front, 0.0048, 3.0), 0.07)
        for side in (-1, 1):
            self.add(c.stroke_mask([(side * 0.018, 0.197), (side * 0.075, 0.180), (side * 0.135, 0.178)], 0.0055), 0.24)
            self.add(c.stroke_mask([(side * 0.125, 0.19), (side * 0.118, 0.30)], 0.010, 4.0), 0.12)
            self.add(c.ellipse_mask((side * 0.165, 0.20), 0.022, 0.022), 0.30)
            self.add(c.stroke_mask([(side * 0.172, 0.21), (side * 0.180, 0.40)], 0.013), 0.30)

    def _pelvis(self) -> None:
        c = self.c
        for side in (-1, 1):
            wing = c.ellipse_mask((side * 0.078, 0.705), 0.062, 0.036, angle=side * 52.0, soft=2.0)
            self.add(wing, 0.30)
            self.add(c.ellipse_mask((side * 0.072, 0.700), 0.040, 0.020, angle=side * 52.0, soft=5.0), -0.13)
            self.add(c.stroke_mask([(side * 0.09, 0.765), (side * 0.03, 0.79), (side * 0.006, 0.80)], 0.011), 0.26)
            self.add(c.stroke_mask([(side * 0.085, 0.785), (side * 0.055, 0.835), (side * 0.02, 0.815)], 0.010), 0.24)
            self.add(c.ellipse_mask((side * 0.112, 0.772), 0.023, 0.023), 0.34)
            self.add(c.stroke_mask([(side * 0.115, 0.775), (side * 0.142, 0.80)], 0.015), 0.26)
            self.add(c.stroke_mask([(side * 0.143, 0.80), (side * 0.128, 1.05)], 0.016), 0.34)
            self.add(c.stroke_mask([(side * 0.143, 0.82), (side * 0.128, 1.05)], 0.007), -0.12)
        self.add(c.ellipse_mask((0.0, 0.715), 0.032, 0.045), 0.26)

    def _head(self) -> None:
        c = self.c
        self.add(c.ellipse_mask((0, 0.065), 0.066, 0.075), 0.45)
        self.add(c.ellipse_mask((0, 0.065), 0.060, 0.068), -0.22)
        for side in (-1, 1):
            self.add(c.ellipse_mask((side * 0.028, 0.082), 0.016, 0.013), -0.20)
        self.add(c.ellipse_mask((0, 0.105), 0.012, 0.014), -0.16)
        self.add(c.ellipse_mask((0, 0.130), 0.034, 0.020), 0.30)


def limb(part: str, columns: int, rows: int, *, seed: int = 0) -> Image:
    """Return the attenuation of a hand or a knee from the front."""
    canvas = Canvas(columns, rows)
    _LIMBS[part](canvas)
    rng = np.random.default_rng(seed)
    canvas.values *= 1.0 + 0.03 * texture(canvas.values.shape, 2.0, rng)
    return canvas.values


def _bone(c: Canvas, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
    c.values += 0.55 * c.stroke_mask([start, end], width)
    c.values -= 0.18 * c.stroke_mask([start, end], width * 0.5, 3.0)
    for at in (start, end):
        c.values += 0.10 * c.ellipse_mask(at, width * 1.45, width * 1.3, soft=3.0)


def _hand(c: Canvas) -> None:
    lengths = (0.62, 0.86, 0.94, 0.86, 0.68)
    flesh = c.ellipse_mask((0.02, 0.28), 0.42, 0.46, soft=2.0)
    rays = []
    for number, length in enumerate(lengths):
        lean = (-0.62, -0.22, -0.02, 0.17, 0.38)[number]
        base = (-0.30 + 0.15 * number, 0.10 if number else 0.36)
        direction = np.array([np.sin(lean), -np.cos(lean)])
        joints = [np.array(base) + direction * length * share for share in (-0.42, 0.02, 0.40, 0.66, 0.86)]
        rays.append([(float(x), float(y)) for x, y in joints])
        flesh = np.maximum(flesh, c.stroke_mask(rays[-1], 0.105, 2.0))
    flesh = np.maximum(flesh, c.stroke_mask([(0.02, 0.5), (0.02, 1.6)], 0.30, 2.0))
    c.values += 0.42 * flesh
    for ray in rays:
        for start, end in itertools.pairwise(ray):
            gap = 0.06
            a = (start[0] + gap * (end[0] - start[0]), start[1] + gap * (end[1] - start[1]))
            b = (end[0] - gap * (end[0] - start[0]), end[1] - gap * (end[1] - start[1]))
            _bone(c, a, b, 0.038)
    for at in ((-0.16, 0.62), (-0.02, 0.60), (0.12, 0.60), (0.24, 0.58), (-0.10, 0.74), (0.04, 0.74), (0.17, 0.72)):
        c.values += 0.45 * c.ellipse_mask(at, 0.075, 0.065)
    _bone(c, (-0.08, 0.90), (-0.06, 1.7), 0.095)
    _bone(c, (0.17, 0.90), (0.17, 1.7), 0.065)


def _knee(c: Canvas) -> None:
    c.values += 0.75 * np.sqrt(np.clip(1 - (c.x / (0.62 - 0.06 * c.y)) ** 2, 0, None))
    _bone(c, (0.02, -1.6), (0.0, -0.30), 0.17)
    for side in (-1, 1):
        c.values += 0.40 * c.ellipse_mask((side * 0.16, -0.22), 0.20, 0.20, soft=3.0)
    c.values += 0.45 * c.ellipse_mask((0.0, 0.14), 0.36, 0.12, soft=2.0)
    _bone(c, (0.0, 0.22), (-0.02, 1.6), 0.18)
    _bone(c, (0.33, 0.34), (0.30, 1.6), 0.06)
    c.values += 0.16 * c.ellipse_mask((0.0, -0.22), 0.17, 0.19, soft=3.0)


_LIMBS: Mapping[str, Callable[[Canvas], None]] = {"hand": _hand, "knee": _knee}


def breast(view: str, side: str, columns: int, rows: int, *, density: float = 0.4, seed: int = 0) -> Image:
    """Return a breast against the chest wall; `density` runs from 0 (fatty) to 1."""
    c = Canvas(columns, rows)
    edge = -1.0 if side == "left" else 1.0
    reach = (c.x - edge) * (1.0 if side == "left" else -1.0)
    centre = 0.0 if view == "CC" else 0.20
    shape = np.hypot(reach / 1.45, (c.y - centre) / (0.98 if view == "CC" else 1.05))
    inside = c.inside(1.0 - shape, 3.0)
    thickness = inside * np.clip((1.0 - shape) * 4.0, 0.0, 1.0) ** 0.5
    rng = np.random.default_rng(seed)
    coarse, fine = texture(c.values.shape, 9.0, rng), texture(c.values.shape, 2.2, rng)
    towards = np.exp(-(((reach - 0.62) / 0.52) ** 2) - ((c.y - centre) / 0.52) ** 2)
    gland = np.clip(towards * (0.55 + 0.55 * coarse) + 0.10 * fine, 0.0, 1.4)
    c.values += 0.38 * thickness + 0.62 * density * 2.0 * thickness * gland
    c.values += 0.18 * inside * c.inside(0.03 - np.abs(1.0 - shape), 2.0)
    c.values += 0.20 * c.ellipse_mask((edge + (1.44 if side == "left" else -1.44), centre), 0.035, 0.05)
    if view != "CC":  # the pectoral muscle in the upper corner
        muscle = c.inside(0.55 - reach - 0.55 * (c.y + c.aspect), 5.0)
        c.values += muscle * (0.30 + 0.25 * (1.0 - inside))
    return c.values


def to_grey(attenuation: Image, *, low: float | None = None, high: float | None = None, bits: int = 12) -> Image:
    """Return stored values 0 … 2^bits - 1, air dark and bone bright."""
    low = float(np.quantile(attenuation, 0.01)) if low is None else low
    high = float(np.quantile(attenuation, 0.997)) if high is None else high
    return np.asarray(np.clip((attenuation - low) / (high - low or 1.0), 0.0, 1.0) * (2**bits - 1))
