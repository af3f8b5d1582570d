"""The answers are held against libraries that had no part in writing the file: a table of expectations that is wrong
itself would be worth nothing. Counted by library; what none of them reads is counted as unread."""

import warnings
from collections import Counter
from pathlib import Path

import h5py
import imagecodecs
import numpy as np
import scipy.io
import tifffile
from PIL import Image, ImageOps

warnings.filterwarnings("ignore")


class Checks:
    def __init__(self):
        self.counts = Counter()
        self.disagreements: list[str] = []
        self.unread: list[str] = []
        self.seen = set()

    def photo(self, kind, path: Path, unit: np.ndarray) -> None:
        self.compare(("photo", kind.name), path, unit, kind.tolerance * (kind.high - kind.low))

    def mask(self, kind, path: Path, values: np.ndarray) -> None:
        if kind.family in ("jpeg", "foreign"):
            return
        self.compare(("mask", kind.name, len(np.unique(values)), int(values.max())), path, values[..., None], 0, is_mask=True)

    def compare(self, key, path: Path, wanted: np.ndarray, tolerance: float, is_mask=False) -> None:
        if key in self.seen:
            return
        self.seen.add(key)
        found = {name: reader(path, is_mask) for name, reader in READERS.items()}
        found = {name: values for name, values in found.items() if values is not None}
        if not found:
            self.counts["unread"] += 1
            self.unread.append("/".join(map(str, key)))
        for name, values in found.items():
            self.counts[name] += 1
            if not agrees(values, wanted, tolerance, is_mask):
                self.disagreements.append(f"{path.name} ({'/'.join(map(str, key))}): {name}")


def agrees(values: np.ndarray, wanted: np.ndarray, tolerance: float, is_mask: bool) -> bool:
    values = np.atleast_3d(np.asarray(values)).astype(float)
    if is_mask and wanted.max() > 1 and values.max() <= 1:
        wanted = wanted > 0  # a file of bits holds 0 and 1, and is meant as 0 and 255
    if is_mask and values.shape[2] > 1:
        values = values[..., :1]
    if values.shape[:2] != wanted.shape[:2]:
        return False
    channels = min(values.shape[2], wanted.shape[2])
    return bool(np.abs(values[..., :channels] - wanted[..., :channels]).max() <= tolerance + 1e-6)


def by_pillow(path: Path, is_mask: bool):
    if path.suffix.lower() in (".tif", ".tiff"):
        return None  # below
    try:
        image = Image.open(path)
        image.load()
    except Exception:
        return None
    if image.mode == "CMYK":
        return None
    bits, colour = path.read_bytes()[24:26] if image.format == "PNG" else (8, 2)
    image = ImageOps.exif_transpose(image)
    if image.mode == "P":
        return np.array(image if is_mask else image.convert("RGB"))
    values = np.array(image).astype(float)
    if bits == 16 and image.mode not in ("I;16", "I", "I;16B"):
        return None  # it has become 8 bits
    # Pillow stretches grey of 2 and 4 bits.
    return values * (2**bits - 1) / 255 if bits in (2, 4) and colour == 0 else values


def by_imagecodecs(path: Path, is_mask: bool):
    """PNG of 16 bits, which Pillow makes 8 where it has colours."""
    content = path.read_bytes()
    return imagecodecs.png_decode(content) if content[1:4] == b"PNG" and content[24] == 16 else None


def by_tifffile(path: Path, is_mask: bool):
    if path.suffix not in (".tif", ".tiff"):
        return None
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        orientation = page.tags.get(274)
        values = page.asarray()
        if page.planarconfig == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, 2)
        photometric = page.photometric
        if not is_mask and photometric == 3:
            colours = page.colormap >> 8 if page.colormap.max() > 255 else page.colormap
            values = np.moveaxis(colours[:, values], 0, 2)
        if not is_mask and photometric == 0:
            high = 2**page.bitspersample - 1
            values = high - values
    if orientation is not None and orientation.value > 1:
        from photos import ORIENTATIONS

        values = ORIENTATIONS[orientation.value](values)
    return values


def by_numpy(path: Path, is_mask: bool):
    if path.suffix != ".npy":
        return None
    values = np.load(path)
    if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3):
        values = np.moveaxis(values, 0, 2)
    if is_mask and values.ndim == 3 and values.shape[2] > 1:
        values = values.argmax(axis=2)
    return values


def by_scipy(path: Path, is_mask: bool):
    if path.suffix != ".mat":
        return None
    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        return None
    (value,) = [value for name, value in content.items() if not name.startswith("__")]
    if value.dtype.names:
        value = value[0, 0]["Segmentation"]
    return value.toarray() if hasattr(value, "toarray") else value


def by_h5py(path: Path, is_mask: bool):
    if path.suffix != ".mat" or not h5py.is_hdf5(path):
        return None
    with h5py.File(path) as file:
        (item,) = [file[name] for name in file]
        if isinstance(item, h5py.Group):
            if "Segmentation" not in item:
                return None
            item = item["Segmentation"]
        return item[()].T


READERS = {"pillow": by_pillow, "imagecodecs": by_imagecodecs, "tifffile": by_tifffile, "numpy": by_numpy, "scipy": by_scipy, "h5py": by_h5py}


def write_mask_stack(path: Path, arrays: list) -> None:
    """The masks of a stack of photos: pages of one TIFF."""
    tifffile.imwrite(path.with_suffix(".tif"), np.stack(arrays).astype(np.uint8), photometric="minisblack", metadata=None)
