"""Writes test/fixtures/files: one tiny file of every kind in the tables, and what it means, for the tests, which need no
Python.

    python fixtures.py        (in the environment that `pnpm matrix:files` makes)
"""

import json
import shutil
from pathlib import Path

import numpy as np

import check
import masks
import photos
import values
from cell import classes_of
from scene import make_scene

WIDTH, HEIGHT = 8, 6
MAX_BYTES = 16_000
# HDF5 files are large, and one integer type is like another there.
LEFT_OUT = {f"mat73-{dtype}" for dtype in ["int8", "uint16", "int16", "uint32", "int32"]}
out = Path(__file__).parents[3] / "fixtures" / "files"


class Numbers:
    """Arrays that many files share, each once."""

    def __init__(self):
        self.lists = []

    def keep(self, values: np.ndarray) -> int:
        rounded = [float(f"{value:.4g}") if value % 1 else value for value in values.ravel().tolist()]
        plain = [int(value) if value == int(value) else value for value in rounded]
        if plain not in self.lists:
            self.lists.append(plain)
        return self.lists.index(plain)


def main() -> None:
    shutil.rmtree(out, ignore_errors=True)
    checks = check.Checks()
    scene = make_scene(0, WIDTH, HEIGHT)
    numbers = Numbers()
    answers = {"width": WIDTH, "height": HEIGHT, "numbers": numbers.lists, "photos": [], "masks": []}
    for kind in photos.kinds:
        if kind.family == "tiff-stack":
            continue
        path = out / "photos" / (kind.name + kind.extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        unit = kind.write(path, [scene])
        checks.photo(kind, path, unit)
        answers["photos"].append({
            "file": str(path.relative_to(out)), "expect": kind.expect, "says": kind.says, "tolerance": kind.tolerance,
            "low": kind.low, "high": kind.high, "orientation": "photo" if kind.orientation > 1 else "auto", "channels": unit.shape[2], "unit": numbers.keep(unit),
        })
    for number, kind in enumerate(masks.kinds):
        # What is asked of a value set is for other tests: here, what the file says.
        fitting = [v for v in values.sets if v.name in ("idx", "bin", "bw", "neg") and kind.takes(v)]
        if kind.family == "foreign" or kind.name in LEFT_OUT:
            continue
        value_set = fitting[number % len(fitting)]
        path = out / "masks" / (kind.name + kind.extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        array = values.values_of(value_set, scene.labels)
        kind.write(path, array)
        if path.stat().st_size > MAX_BYTES:
            path.unlink()  # a palette of 65,536 colours
            continue
        checks.mask(kind, path, array)
        answers["masks"].append({
            "file": str(path.relative_to(out)), "expect": kind.expect, "says": kind.says, "options": kind.options,
            "values": value_set.name, "classes": numbers.keep(classes_of(array, value_set.classes)),
        })
    if checks.disagreements:
        raise SystemExit(f"the independent readers do not agree: {checks.disagreements}")
    text = json.dumps(answers, separators=(",", ":"), ensure_ascii=False)
    (out / "answers.json").write_text(text.replace('{"file"', '\n{"file"').replace("],[", "],\n[") + "\n")


if __name__ == "__main__":
    main()
