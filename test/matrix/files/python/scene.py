"""The pictures that every kind of file holds: four classes and a photo of them, without any symmetry, so that a file
that is turned, mirrored, transposed, inverted or cut in the wrong place cannot give the right answer by chance."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Scene:
    """photo: HWC RGB, float64 in 0..1; labels: HW, 0..3, each of them present."""

    photo: np.ndarray
    labels: np.ndarray

    @property
    def grey(self) -> np.ndarray:
        """HW: the green channel, a picture of its own rather than a formula for luminance."""
        return self.photo[..., 1]


def make_scene(number: int, width: int, height: int) -> Scene:
    y, x = np.mgrid[0:height, 0:width].astype(float)
    u, v = (x + 0.5) / width, (y + 0.5) / height
    shift = 0.04 * number
    labels = np.zeros((height, width), int)
    labels[(u < 0.45 + shift) & (v < 0.35)] = 1
    labels[(u - 0.7) ** 2 + (v - 0.45 - shift) ** 2 < 0.06] = 2
    labels[(v > 0.7) & (u < 0.2 + 0.5 * v - shift)] = 3
    colours = np.array([[0.1, 0.2, 0.3], [0.75, 0.25, 0.15], [0.2, 0.7, 0.3], [0.3, 0.35, 0.8]])
    photo = colours[labels] + 0.1 * u[..., None] + 0.08 * v[..., None] * np.array([1, -1, 1])
    return Scene(np.clip(photo, 0.02, 0.98), labels)


def make_scenes(count: int, width: int, height: int) -> list[Scene]:
    return [make_scene(number, width, height) for number in range(count)]
