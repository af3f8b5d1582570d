"""Writes the file matrix: every photo kind, every mask kind with every value set, every name, and the layouts of public
data sets, each as a folder with what an independent reader finds in it.

    python generate.py OUT [--only REGEX]
"""

import argparse
import json
import re
from itertools import cycle
from pathlib import Path

import numpy as np

import check
import masks
import names
import photos
import shapes
import values
from cell import Cell, Store, classes_of, expectation, write_cells
from scene import make_scenes

WIDTH, HEIGHT = 40, 24
NUM_SAMPLES = 2
# Enough to train and to validate on.
NUM_TRAINED = 4

photo_by_name = {kind.name: kind for kind in photos.kinds}
mask_by_name = {kind.name: kind for kind in masks.kinds}
value_by_name = {value_set.name: value_set for value_set in values.sets}
# One sure member of each family, to stand beside what is tried.
SURE_PHOTOS = ["png-rgb8", "jpeg-rgb", "webp-lossless", "tiff-palette", "gif-256", "bmp-24", "npy-uint8-hwc-C", "png-grey16"]
SURE_MASKS = [("png-grey8", "idx"), ("tiff-imagej", "bin"), ("npy-le-i4-C", "idx"), ("mat5-uint8", "idx"), ("png-palette4", "idx"),
              ("gif-black-white", "bin"), ("bmp-8", "bw"), ("png-grey8", "bw")]


class Maker:
    def __init__(self, out: Path, only: str):
        self.out, self.only = out, re.compile(only)
        self.store = Store(out / "truth")
        self.cells: list[Cell] = []
        self.checks = check.Checks()

    def wants(self, name: str) -> bool:
        return self.only.search(name) is not None and not any(cell.name == name for cell in self.cells)

    def folder(self, name: str) -> Path:
        folder = self.out / "cells" / name
        folder.mkdir(parents=True)
        return folder

    def add(self, part, name, photo, mask, value_set, name_kind=names.kinds[0], value_range="auto", extra=(), commands=("inspect",),
            count=NUM_SAMPLES, channels=3, drawn="upright", expect=None):
        """Writes `count` samples of these kinds; stacks hold all in one file. `drawn`: whether masks were drawn on the upright
        photo, or on its pixels as they are stored."""
        if not self.wants(name):
            return
        folder = self.folder(name)
        scenes = make_scenes(count, WIDTH, HEIGHT)
        is_stack = photo.family == "tiff-stack"
        photo_files, mask_files = [], []
        units, arrays = [], [values.values_of(value_set, scene.labels) for scene in scenes]
        if drawn == "stored":
            arrays = [np.ascontiguousarray(photos.STORED[photo.orientation](array)) for array in arrays]
        groups = [scenes] if is_stack else [[scene] for scene in scenes]
        images = folder / ("all" if name_kind.one_folder else "images")
        mask_root = folder / ("all" if name_kind.one_folder else "masks")
        for number, group in enumerate(groups):
            path = self.path(images, name_kind.photo, number, photo.extension, name_kind)
            written = photo.write(path, group)
            units += written if is_stack else [written]
            photo_files.append(path)
        for number in range(len(groups)):
            path = self.path(mask_root, name_kind.mask, number, mask.extension, name_kind)
            if is_stack:
                check.write_mask_stack(path, arrays)
            else:
                mask.write(path, arrays[number])
            mask_files.append(path)
        for junk, content in name_kind.junk.items():
            for root in {images, mask_root}:
                target = root / junk
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        self.checks.photo(photo, photo_files[0], units[0])
        if photo.white and isinstance(value_range, list):
            units = [sum(value_range) - (photo.high - unit) for unit in units]
        if drawn == "stored":
            units = [photos.STORED[photo.orientation](unit) for unit in units]
        if not is_stack:
            self.checks.mask(mask, mask_files[0], arrays[0])
        samples = [
            {"photo": self.store.keep(unit), "classes": self.store.keep(classes_of(array, value_set.classes))}
            for unit, array in zip(units, arrays)
        ]
        args = ["--images", images.name, "--masks", mask_root.name, *photo.options, *mask.options, *value_set.options, *name_kind.options, *extra]
        bounds = [photo.low, photo.high] if value_range in ("auto", "type") else value_range
        if value_range != "auto":
            args += ["--value-range", "type" if value_range == "type" else f"{value_range[0]}..{value_range[1]}"]
        self.cells.append(
            Cell(
                name, part,
                {"photo": photo.name, "mask": mask.name, "values": value_set.name, "name": name_kind.name},
                args, samples, len(value_set.classes),
                photo={**(expect or expectation([photo])), "tolerance": photo.tolerance, "range": "auto" if value_range == "auto" else bounds, "type": [photo.low, photo.high],
                       "channels": channels},
                mask=expectation([mask, value_set]),
                warns=value_set.says if value_set.expect == photos.READS and mask.only != masks.BITS["only"] else "",
                commands=list(commands),
                photos=images.name,
            )
        )

    def path(self, root: Path, pattern: str, number: int, extension: str, name_kind) -> Path:
        name = pattern.format(number) + (extension.upper() if name_kind.upper else extension)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def add_masks(maker: Maker) -> None:
    """Every mask kind with three of the value sets that it can hold, so that every family meets every set; beside photos of
    each family in turn."""
    beside = cycle(SURE_PHOTOS)
    for number, mask in enumerate(masks.kinds):
        fitting = [value_set for value_set in values.sets if mask.takes(value_set)]
        for k in range(min(3, len(fitting))):
            value_set = fitting[(number + k * max(1, len(fitting) // 3)) % len(fitting)]
            maker.add("masks", f"mask--{mask.name}--{value_set.name}", photo_by_name[next(beside)], mask, value_set)


def add_photos(maker: Maker) -> None:
    """Every photo kind by itself, and by the type's and a given range where it has more than 8 bits; each beside masks of
    every family in turn."""
    beside = cycle(SURE_MASKS)
    for photo in photos.kinds:
        if photo.orientation > 1:
            add_orientations(maker, photo)
            continue
        ranges = ["auto"]
        if photo.few_bits:
            ranges += ["type"]
        elif photo.high != 255:
            ranges += ["type", [0, 4095] if photo.high > 1 else [-1, 3]]
        for value_range in ranges:
            mask, value_set = next(beside)
            shown = value_range if isinstance(value_range, str) else "given"
            maker.add("photos", f"photo--{photo.name}--{shown}", photo, mask_by_name[mask], value_by_name[value_set], value_range=value_range)
    grey_float = next(kind.name for kind in photos.kinds if (kind.tags.get("type"), kind.tags.get("colour")) == ("float32", "minisblack-1"))
    for photo in ["png-grey8", "png-rgb8", "png-rgba8", grey_float, "png-grey16", "gif-256", "npy-uint8-hw-C", "jpeg-grey"]:
        for channels in [1, 4]:
            maker.add("photos", f"photo--{photo}--channels{channels}", photo_by_name[photo], mask_by_name["png-grey8"], value_by_name["idx"],
                      extra=["--channels", str(channels)], channels=channels)


def add_orientations(maker: Maker, photo) -> None:
    """Masks drawn on the upright photo and on the stored pixels: told by their sizes, or by the user, or asked."""
    mask, value_set = mask_by_name["png-grey8"], value_by_name["idx"]
    for drawn, option in [("upright", "photo"), ("stored", "stored")]:
        asked = {"expect": photos.REFUSES, "says": "--orientation photo.*--orientation stored"} if photo.orientation < 5 else None
        for name, extra, expect in [("auto", [], asked), ("told", ["--orientation", option], None)]:
            maker.add("photos", f"photo--{photo.name}--drawn-{drawn}-{name}", photo, mask, value_set, extra=extra, drawn=drawn, expect=expect)


def add_names(maker: Maker) -> None:
    """Every name with photos and masks of every container."""
    photo_ring, mask_ring = cycle(SURE_PHOTOS), cycle(SURE_MASKS)
    for name in names.kinds:
        for _ in range(4):
            photo, (mask, value_set) = next(photo_ring), next(mask_ring)
            photo_kind, mask_kind = photo_by_name[photo], mask_by_name[mask]
            if name.one_folder and photo_kind.extension == mask_kind.extension and not name.options:
                continue
            maker.add("names", f"name--{name.name}--{photo}--{mask}", photo_kind, mask_kind, value_by_name[value_set], name,
                      commands=["inspect", "predict"] if photo in ("png-rgb8", "tiff-palette") else ["inspect"])
        next(mask_ring)


def add_commands(maker: Maker) -> None:
    """From files to a prediction, for a photo and a mask of each family: inspect, train, evaluate, predict, pack."""
    rows = [
        ("png-rgb8", "png-grey8", "bw"), ("jpeg-exif6", "png-palette4", "idx"), ("webp-lossless", "npy-le-i4-C", "tri"),
        ("gif-256", "gif-black-white", "bw"), ("bmp-24", "bmp-8", "bw"), ("png-grey16", "mat5-double", "one"),
        ("npy-float32-hwc-C", "mat73-logical", "bw"), ("npy-uint16-hw-C", "mat5-sparse-double", "idx"),
        ("tiff-stack-uint8", "tiff-imagej", "idx"), ("jpeg-grey", "tiff-bool", "bw"), ("jpeg-rgb", "npy-le-i2-F", "ign-told"),
    ] + [(kind.name, "png-grey8", "bw") for kind in some_tiffs()]
    for photo, mask, value_set in rows:
        maker.add("commands", f"run--{photo}--{mask}--{value_set}", photo_by_name[photo], mask_by_name[mask], value_by_name[value_set],
                  commands=["inspect", "train", "evaluate", "predict", "pack"], count=NUM_TRAINED)


def some_tiffs():
    """One of each type of number."""
    seen = set()
    for kind in photos.kinds:
        dtype = kind.tags.get("type")
        if dtype and dtype not in seen and kind.expect == photos.READS and dtype != "uint8":
            seen.add(dtype)
            yield kind


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    maker = Maker(options.out, options.only)
    for add in [add_masks, add_photos, add_names, add_commands, shapes.add_shapes]:
        add(maker)
    write_cells(maker.cells, options.out)
    print(json.dumps({"cells": len(maker.cells), "checks": maker.checks.counts, "unread": maker.checks.unread, "disagreements": maker.checks.disagreements}))


if __name__ == "__main__":
    main()
