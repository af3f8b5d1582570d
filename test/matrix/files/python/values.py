"""The table of value sets: what numbers a mask holds, and what classes they are meant to be."""

from dataclasses import dataclass, field

import numpy as np

from photos import EITHER, READS, REFUSES


@dataclass
class ValueSet:
    name: str
    values: tuple
    """The numbers that stand in the file for the scene's labels 0, 1, 2 and 3."""
    classes: list
    """What each class is, in order: its values in the file. A value of none is ignored."""
    options: list = field(default_factory=list)
    expect: str = READS
    says: str = ""
    """What is said, where it is refused or where a word is due."""

    @property
    def distinct(self) -> list:
        return sorted(set(self.values))


sets = [
    ValueSet("idx", (0, 1, 2, 3), [0, 1, 2, 3]),
    ValueSet("bin", (0, 1, 1, 0), [0, 1]),
    # Two classes, and one line says so.
    ValueSet("bw", (0, 255, 255, 0), [0, 255], says="255"),
    # As many classes as values, with the mapping said.
    ValueSet("tri", (0, 128, 255, 128), [0, 128, 255], says="128"),
    ValueSet("one", (1, 2, 3, 2), [1, 2, 3], says=r"\b1\b"),
    # 255 beside 0 and 1 is a third class or none: the sentence says which option decides, or that it was decided.
    ValueSet("ign", (0, 1, 255, 1), [0, 1], expect=EITHER, says="--ignore-index 255"),
    ValueSet("ign-told", (0, 1, 255, 1), [0, 1], options=["--ignore-index", "255"]),
    ValueSet("neg", (0, 1, -1, 1), [0, 1], expect=EITHER, says="-1"),
]


def values_of(value_set: ValueSet, labels: np.ndarray) -> np.ndarray:
    return np.array(value_set.values)[labels]
