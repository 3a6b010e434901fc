"""Angiographic runs: a branching tree that fills with contrast over a soft-tissue background, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dacs.synthetic.canvas import Canvas, Image, Point, texture


@dataclass(frozen=True, slots=True)
class Territory:
    """A vascular territory: the catheter's path to its origin, where the tree heads and how it branches."""

    catheter: tuple[Point, ...]
    heading_deg: float
    length: float
    width: float
    depth: int
    spread_deg: float


TERRITORIES: Mapping[str, Territory] = {
    "coronary": Territory(((-0.30, -1.2), (-0.34, -0.75), (-0.22, -0.52), (-0.12, -0.50)), 25.0, 0.42, 0.034, 5, 38.0),
    "right coronary": Territory(((0.30, -1.2), (0.28, -0.8), (0.05, -0.6), (0.0, -0.58)), 130.0, 0.5, 0.036, 4, 30.0),
    "hepatic": Territory(((0.04, 1.2), (0.05, 0.5), (0.0, 0.15), (-0.05, 0.08)), 205.0, 0.34, 0.034, 6, 36.0),
    "uterine": Territory(((0.28, -1.2), (0.22, -0.5), (0.26, -0.1), (0.18, 0.02)), 110.0, 0.32, 0.026, 6, 42.0),
    "femoral": Territory(((0.0, -1.2), (0.0, -0.9)), 88.0, 0.75, 0.06, 4, 13.0),
    "oesophagus": Territory(((0.02, -1.2), (0.02, -1.0)), 90.0, 1.45, 0.075, 1, 6.0),
}


@dataclass(frozen=True, slots=True)
class _Branch:
    start: Point
    end: Point
    width: float
    arrival: float  # path length from the origin at the branch's start


def run(territory: str, frames: int, size: int = 192, *, seed: int = 0) -> Image:
    """Return frames x size x size optical thickness; contrast arrives along the vessels and washes out at the end."""
    shape = TERRITORIES[territory]
    rng = np.random.default_rng(seed)
    canvas = Canvas(size)
    background = _background(canvas, rng)
    background += 0.16 * canvas.stroke_mask(list(shape.catheter), 0.012)
    contrast, arrival = _tree_maps(canvas, list(_grow(shape, rng)))
    last = float(arrival[contrast > 0.05].max(initial=1.0))
    found = []
    for number in range(frames):
        # The first frame, which previews show, has the main branches filled already.
        front = last * (0.85 + 0.45 * number / max(frames - 2, 1))
        filled = np.clip((front - arrival) / 0.12, 0.0, 1.0) * (0.75 if number == frames - 1 else 1.0)
        found.append(background + 0.62 * contrast * filled)
    return np.stack(found)


def _background(canvas: Canvas, rng: np.random.Generator) -> Image:
    base = 0.9 + 0.04 * texture(canvas.values.shape, 22.0, rng) + 0.02 * texture(canvas.values.shape, 4.0, rng)
    spine = canvas.inside(0.16 - np.abs(canvas.x - 0.38), 20.0)
    base = base + 0.13 * spine * (1.0 + 0.35 * np.cos(canvas.y * 14.0))
    for number in range(4):
        y = -0.9 + 0.5 * number
        base = base + 0.05 * canvas.stroke_mask([(-1.1, y + 0.34), (-0.2, y), (0.4, y - 0.05)], 0.05, 8.0)
    return np.asarray(base + 0.22 * canvas.inside(canvas.y - 0.62 + 0.25 * (canvas.x + 0.4) ** 2, 10.0))


def _grow(shape: Territory, rng: np.random.Generator) -> Iterator[_Branch]:
    todo = [(shape.catheter[-1], shape.heading_deg, shape.length, shape.width, 0.0, shape.depth)]
    while todo:
        at, heading, length, width, arrival, depth = todo.pop()
        for _ in range(4):
            heading += rng.normal(0.0, 9.0)
            step = length / 4
            end = (at[0] + step * np.cos(np.deg2rad(heading)), at[1] + step * np.sin(np.deg2rad(heading)))
            yield _Branch(at, end, width, arrival)
            at, arrival, width = end, arrival + step, width * 0.96
        if depth > 1:
            for side in (-1, 1):
                turn = heading + side * shape.spread_deg * rng.uniform(0.6, 1.2)
                shrink = rng.uniform(0.62, 0.86)
                todo.append((at, turn, length * shrink, width * 0.72, arrival, depth - 1))


def _tree_maps(canvas: Canvas, branches: list[_Branch]) -> tuple[Image, Image]:
    contrast, arrival = np.zeros_like(canvas.values), np.full_like(canvas.values, 9.0)
    for branch in branches:
        width = max(branch.width, canvas.pixel)
        part = canvas.around(branch.start, branch.end, width)
        near = canvas.distance_to(branch.start, branch.end, part)
        depth = np.sqrt(np.clip(1.0 - (near / width) ** 2, 0.0, None))
        lumen = depth * (0.35 + 0.65 * min(branch.width / 0.03, 1.3))
        arrival[part] = np.where(lumen > contrast[part], branch.arrival, arrival[part])
        contrast[part] = np.maximum(contrast[part], lumen)
    return contrast, arrival
