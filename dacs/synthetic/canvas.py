"""A small drawing board for anatomy: soft-edged shapes on a square of coordinates from -1 to 1."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
Point = tuple[float, float]


class Canvas:
    """Values over a rectangle; x runs from -1 (left) to 1, y from -`aspect` (top) to `aspect`.

    Every shape blends into what is there over about `soft` pixels, so that small images look photographed.
    """

    def __init__(self, columns: int, rows: int | None = None, value: float = 0.0) -> None:
        rows = rows or columns
        self.aspect = rows / columns
        self.pixel = 2.0 / columns
        self.x, self.y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-self.aspect, self.aspect, rows))
        self.values = np.full((rows, columns), value)

    def blend(self, mask: Image, value: float | Image) -> None:
        """Paint `value` where the mask (0 to 1) says so."""
        self.values += mask * (value - self.values)

    def inside(self, distance: Image, soft: float = 1.5) -> Image:
        """Return the mask of a signed distance that is positive inside."""
        return np.clip(0.5 + distance / (soft * self.pixel), 0.0, 1.0)

    def window(self, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
        """Return the rows and columns of a rectangle: shapes are drawn where they are, not everywhere."""
        rows = np.searchsorted(self.y[:, 0], (top, bottom))
        columns = np.searchsorted(self.x[0], (left, right))
        return slice(int(rows[0]), int(rows[1]) + 1), slice(int(columns[0]), int(columns[1]) + 1)

    def ellipse_mask(self, at: Point, a: float, b: float, angle: float = 0.0, soft: float = 1.5) -> Image:
        """Return the mask of an ellipse with half-axes a, b, turned by `angle` degrees."""
        reach = max(a, b) * (1.0 + soft * self.pixel / min(a, b))
        part = self.window(at[0] - reach, at[0] + reach, at[1] - reach, at[1] + reach)
        turn = np.deg2rad(angle)
        dx, dy = self.x[part] - at[0], self.y[part] - at[1]
        u = (dx * np.cos(turn) + dy * np.sin(turn)) / a
        v = (dy * np.cos(turn) - dx * np.sin(turn)) / b
        mask = np.zeros_like(self.values)
        mask[part] = self.inside((1.0 - np.hypot(u, v)) * min(a, b), soft)
        return mask

    def ellipse(
        self, at: Point, a: float, b: float, value: float | Image, angle: float = 0.0, soft: float = 1.5
    ) -> None:
        """Paint an ellipse."""
        self.blend(self.ellipse_mask(at, a, b, angle, soft), value)

    def distance_to(self, start: Point, end: Point, part: tuple[slice, slice]) -> Image:
        """Return the distance to a line segment of every pixel of a window."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = dx * dx + dy * dy or 1e-12
        x, y = self.x[part] - start[0], self.y[part] - start[1]
        along = np.clip((x * dx + y * dy) / length, 0.0, 1.0)
        return np.asarray(np.hypot(x - along * dx, y - along * dy))

    def around(self, start: Point, end: Point, margin: float) -> tuple[slice, slice]:
        """Return the window around a line segment."""
        (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        return self.window(left - margin, right + margin, top - margin, bottom + margin)

    def stroke_mask(self, path: Sequence[Point], width: float, soft: float = 1.5) -> Image:
        """Return the mask of a line of this half-width through the points."""
        distance = np.full_like(self.values, np.inf)
        for start, end in itertools.pairwise(path):
            part = self.around(start, end, width + soft * self.pixel)
            distance[part] = np.minimum(distance[part], self.distance_to(start, end, part))
        return self.inside(width - distance, soft)

    def stroke(self, path: Sequence[Point], width: float, value: float | Image, soft: float = 1.5) -> None:
        """Paint a line of this half-width through the points."""
        self.blend(self.stroke_mask(path, width, soft), value)


def texture(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Image:
    """Return noise of unit spread whose grains are about `scale` pixels wide."""
    noise = np.fft.rfft2(rng.standard_normal(shape))
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    smooth = np.fft.irfft2(noise * np.exp(-2.0 * (np.pi * scale) ** 2 * (fx**2 + fy**2) / 2.0), s=shape)
    return np.asarray(smooth / (smooth.std() or 1.0))
