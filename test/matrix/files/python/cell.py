"""One cell of the matrix: files in a folder of their own, a command line, and what must come out."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photos import EITHER, READS, REFUSES


class Store:
    """Arrays that cells are compared with, each kept once under its hash."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, values: np.ndarray) -> dict:
        """Little-endian float64, C order."""
        data = np.ascontiguousarray(values, "<f8").tobytes()
        name = hashlib.sha256(data).hexdigest()[:20]
        path = self.folder / name
        if not path.exists():
            path.write_bytes(data)
        return {"file": name, "shape": list(values.shape)}


@dataclass
class Cell:
    name: str
    part: str
    """photos, masks, names or shapes."""
    files: dict
    """The kinds that it is made of, for the report: photo, mask, values, name."""
    args: list
    """Of the command line, relative to the cell's folder; images and masks among them."""
    samples: list
    """For each sample, in any order: photo (unit), channels of the photo, classes (-1 where ignored)."""
    num_classes: int
    photo: dict = field(default_factory=dict)
    """expect, says, tolerance, range: 'auto' or [low, high]."""
    mask: dict = field(default_factory=dict)
    """expect, says."""
    warns: str = ""
    """A word that must be said, as a regular expression, where the files are read."""
    commands: list = field(default_factory=lambda: ["inspect"])
    photos: str = "images"
    """What predict is given."""


def expectation(parts) -> dict:
    """The strictest of several: what refuses, refuses the whole; what may be refused, may."""
    refuses = [part for part in parts if part.expect == REFUSES]
    either = [part for part in parts if part.expect == EITHER]
    chosen = refuses or either
    says = "|".join(part.says for part in chosen if part.says)
    return {"expect": REFUSES if refuses else EITHER if either else READS, "says": says}


def classes_of(values: np.ndarray, class_values: list) -> np.ndarray:
    classes = np.full(values.shape, -1)
    for index, value in enumerate(class_values):
        classes[values == value] = index
    return classes


def write_cells(cells: list, folder: Path) -> None:
    folder.joinpath("cells.json").write_text(json.dumps([vars(cell) for cell in cells], ensure_ascii=False))
