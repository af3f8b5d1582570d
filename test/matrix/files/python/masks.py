"""The table of mask kinds. Each writes an array of whole numbers into a file that means these numbers, or says how it
is refused. What the numbers are is the other table, `values.py`."""

from dataclasses import dataclass, field
from typing import Callable

import numpy as np
import png
import scipy.io
import scipy.sparse
import tifffile
from PIL import Image

from covering import covering
from photos import COMPRESSIONS, EITHER, READS, REFUSES, STORED, tiff_options
from writers import pack_bits, reversed_bits, write_bmp, write_mat73, write_mat73_sparse, write_tiff


@dataclass
class MaskKind:
    name: str
    extension: str
    family: str
    write: Callable
    """(path, values): values is HW of int64."""
    low: int = 0
    high: int = 255
    """The numbers that the file can hold; value sets beyond them are not tried."""
    only: tuple = ()
    """The only value sets that make sense for it, where not all."""
    expect: str = READS
    says: str = ""
    options: list = field(default_factory=list)

    def takes(self, value_set) -> bool:
        if self.only:
            return value_set.name in self.only
        return min(value_set.values) >= self.low and max(value_set.values) <= self.high


kinds: list[MaskKind] = []


def add(name, extension, family, write, **rest):
    kinds.append(MaskKind(name, extension, family, write, **rest))


# A palette without sense: no two colours alike, none of them the index, so that colours cannot pass for values.
PALETTE = [((i * 67 + 31) % 256, (i * 29 + 7) % 256, (255 - i) % 256) for i in range(256)]
# Bits can hold 0 and 1 alone: a bilevel picture shows 1 as white, so 0/255 is the same file, and nothing is to be told.
BITS = {"only": ("bin", "bw")}


def as_bits(values: np.ndarray) -> np.ndarray:
    return (values > 0).astype(int)


# ---- PNG


def png_grey(bits, interlaced=False, alpha=False):
    def write(path, values):
        stored = as_bits(values) if bits == 1 else values
        height, width = values.shape
        if alpha:
            stored = np.dstack([stored, np.full_like(stored, 2**bits - 1)]).reshape(height, -1)
        writer = png.Writer(width, height, greyscale=True, alpha=alpha, bitdepth=bits, interlace=interlaced)
        with open(path, "wb") as file:
            writer.write(file, stored.tolist())

    return write


for bits in [1, 2, 4, 8, 16]:
    limits = BITS if bits == 1 else {"high": 2**bits - 1}
    add(f"png-grey{bits}", ".png", "png", png_grey(bits), **limits)
    add(f"png-grey{bits}-interlaced", ".png", "png", png_grey(bits, True), **limits)


def png_palette(bits, interlaced=False, transparent=False):
    def write(path, values):
        height, width = values.shape
        palette = [colour + ((0 if i == 0 else 255,) if transparent else ()) for i, colour in enumerate(PALETTE[: 2**bits])]
        writer = png.Writer(width, height, palette=palette, bitdepth=bits, interlace=interlaced)
        with open(path, "wb") as file:
            writer.write(file, values.tolist())

    return write


for bits in [1, 2, 4, 8]:
    add(f"png-palette{bits}", ".png", "png", png_palette(bits), high=2**bits - 1)
add("png-palette8-interlaced", ".png", "png", png_palette(8, interlaced=True))
add("png-palette8-transparent", ".png", "png", png_palette(8, transparent=True))


def pillow(mode, format="PNG", alpha=255, **options):
    def write(path, values):
        grey = values.astype(np.uint8)
        planes = {"RGB": [grey] * 3, "RGBA": [grey] * 3 + [np.full_like(grey, alpha)], "LA": [grey, np.full_like(grey, alpha)], "L": [grey]}
        Image.fromarray(np.dstack(planes[mode]).squeeze()).save(path, format, **options)

    return write


add("png-rgb-equal", ".png", "png", pillow("RGB"))
add("png-rgba-equal", ".png", "png", pillow("RGBA"))
add("png-la", ".png", "png", pillow("LA", alpha=128))

# ---- GIF, BMP, WebP, JPEG


def gif(values_to_palette):
    def write(path, values):
        image = Image.fromarray(values.astype(np.uint8), "P")
        image.putpalette([v for colour in values_to_palette for v in colour])
        image.save(path, "GIF", optimize=False)

    return write


greys = [(i, i, i) for i in range(256)]
add("gif-grey", ".gif", "gif", gif(greys))
# Indices, as of a palette PNG; or refused because colours and indices say two different things.
add("gif-palette", ".gif", "gif", gif(PALETTE), expect=EITHER, says="palette|colour")


def gif_carvana(path, values):
    """Index 1 is white: what drawing programs write of a black and white picture, as in Carvana."""
    image = Image.fromarray(as_bits(values).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path, "GIF", optimize=False)


add("gif-black-white", ".gif", "gif", gif_carvana, **BITS)


def bmp(bits, colours=None, top_down=False, rle=False):
    def write(path, values):
        if bits >= 24:
            stored = np.repeat(values[..., None], 3, axis=2)
            if bits == 32:
                stored = np.dstack([stored, np.full(values.shape, 255)])
            return write_bmp(path, stored, bits, top_down=top_down)
        stored = as_bits(values) if bits == 1 else values
        table = [(0, 0, 0), (255, 255, 255)] if bits == 1 else (colours or greys)[: 2**bits]
        write_bmp(path, stored, bits, table, top_down, rle)

    return write


add("bmp-1", ".bmp", "bmp", bmp(1), **BITS)
add("bmp-4", ".bmp", "bmp", bmp(4), high=15)
add("bmp-8", ".bmp", "bmp", bmp(8))
add("bmp-8-top-down", ".bmp", "bmp", bmp(8, top_down=True))
add("bmp-8-palette", ".bmp", "bmp", bmp(8, PALETTE), expect=EITHER, says="palette|colour")
add("bmp-8-rle", ".bmp", "bmp", bmp(8, rle=True), expect=EITHER, says="RLE|run.?length|compress")
add("bmp-24", ".bmp", "bmp", bmp(24))
add("bmp-32", ".bmp", "bmp", bmp(32))
add("webp-lossless", ".webp", "webp", pillow("RGB", "WEBP", lossless=True), expect=EITHER, says="webp")
# Blocks of eight pixels bend values at every edge: which class an in-between value was, nobody knows.
jpeg = {"expect": REFUSES, "says": "jpe?g"}
add("jpeg", ".jpg", "jpeg", pillow("L", "JPEG", quality=85), only=("bw", "idx", "bin"), **jpeg)
add("jpeg-named-png", ".png", "jpeg", pillow("L", "JPEG", quality=85), only=("bw",), **jpeg)

# ---- TIFF

TYPES = {
    "uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767), "uint32": (0, 10**9),
    "int32": (-(10**9), 10**9), "float16": (-2048, 2048), "float32": (-(10**6), 10**6), "float64": (-(10**9), 10**9),
}
# A mask is never inverted: whatever the photometric says, the stored numbers are the classes.
COLOURS = ["minisblack", "miniswhite", "palette", "rgb-equal"]


def is_tiff(row) -> bool:
    if row["colour"] == "palette" and row["type"] not in ("uint8", "uint16"):
        return False
    if row["layout"].startswith("planar") and row["colour"] != "rgb-equal":
        return False
    if row["compression"] == "packbits" and row["type"] == "float64":
        return False
    if row["compression"].endswith("predictor") and row["colour"] == "palette":
        return False
    return True


def tiff(row: dict):
    def write(path, values):
        stored = values.astype(row["type"])
        options = tiff_options(row, values.shape[0])
        colour = row["colour"]
        if colour == "rgb-equal":
            planar = row["layout"].startswith("planar")
            stored = np.stack([stored] * 3, axis=0 if planar else 2)
            options["planarconfig"] = "separate" if planar else "contig"
            colour = "rgb"
        if colour == "palette":
            options["colormap"] = np.array(palette_for(row["type"]), np.uint16).T * 257
        tifffile.imwrite(path, stored, photometric=colour, **options)

    return write


def palette_for(dtype: str):
    return PALETTE if dtype == "uint8" else (PALETTE * 256)


mask_rows = covering(
    {
        "type": list(TYPES),
        "colour": COLOURS,
        "layout": ["strips", "tiles", "planar", "planar-tiles", "one-strip"],
        "compression": COMPRESSIONS,
        "container": ["classic-II", "classic-MM", "big-II", "big-MM"],
    },
    is_tiff,
)
for row in mask_rows:
    low, high = TYPES[row["type"]]
    zstd = {"expect": EITHER, "says": "zstd|zstandard"} if row["compression"] == "zstd" else {}
    add("tiff-" + "-".join(row.values()), ".tif", "tiff", tiff(row), low=low, high=high, **zstd)


def tiff_bool(path, values):
    """tifffile's way: one bit, photometric MINISWHITE unless told otherwise, and True is stored as 1."""
    tifffile.imwrite(path, values > 0, metadata=None)


add("tiff-bool", ".tif", "tiff", tiff_bool, **BITS)
add("tiff-bool-black", ".tif", "tiff", lambda path, values: tifffile.imwrite(path, values > 0, photometric="minisblack", metadata=None), **BITS)


def tiff_bits(bits, photometric=1, reverse=False):
    def write(path, values):
        stored = as_bits(values) if bits == 1 else values
        height, width = values.shape
        data = pack_bits(stored, bits).tobytes()
        tags = {258: (3, [bits]), 262: (3, [photometric])}
        if photometric == 3:
            tags[320] = (3, [257 * v for channel in zip(*PALETTE[: 2**bits]) for v in channel])
        if reverse:
            data, tags[266] = reversed_bits(data), (3, [2])
        write_tiff(path, width, height, data, tags)

    return write


add("tiff-grey1-fillorder2", ".tif", "tiff", tiff_bits(1, reverse=True), **BITS)
add("tiff-grey2", ".tif", "tiff", tiff_bits(2), high=3)
add("tiff-grey4", ".tif", "tiff", tiff_bits(4), high=15)
add("tiff-palette4", ".tif", "tiff", tiff_bits(4, 3), high=15)
add("tiff-grey8-fillorder2", ".tif", "tiff", tiff_bits(8, reverse=True))
add("tiff-ccitt-group4", ".tif", "tiff", lambda path, values: Image.fromarray(values > 0).save(path, compression="group4"),
    expect=EITHER, says="ccitt|group 4|fax", **BITS)


def tiff_orientation(orientation):
    def write(path, values):
        stored = np.ascontiguousarray(STORED[orientation](values)).astype(np.uint8)
        tifffile.imwrite(path, stored, photometric="minisblack", metadata=None, extratags=[(274, "H", 1, orientation, True)])

    return write


for orientation in range(2, 9):
    add(f"tiff-orientation{orientation}", ".tif", "tiff", tiff_orientation(orientation))
add("tiff-imagej", ".tif", "tiff", lambda path, values: tifffile.imwrite(path, values.astype(np.uint8), imagej=True))


def tiff_imagej_inverting(path, values):
    """ImageJ 1 of an inverting look-up table: photometric 0, the values as the program shows them as numbers."""
    tifffile.imwrite(path, values.astype(np.uint8), photometric="miniswhite", metadata=None, description="ImageJ=1.53t\nunit=pixel\n")


add("tiff-imagej-inverting", ".tif", "tiff", tiff_imagej_inverting)
add("tiff-jpeg", ".tif", "jpeg", lambda path, values: tifffile.imwrite(path, values.astype(np.uint8), compression="jpeg", metadata=None),
    only=("bw",), **jpeg)

# ---- npy

for dtype in ["u1", "i1", "<u2", ">u2", "<i2", "<u4", "<i4", ">i4", "<u8", "<i8", "<f2", "<f4", ">f4", "<f8"]:
    kind, size = dtype[-2], int(dtype[-1])
    bound = 2**11 if dtype.endswith("f2") else 2 ** (8 * size - 1) - 1
    low = 0 if kind == "u" else -bound
    for order in "CF":
        add(f"npy-{dtype.replace('<', 'le-').replace('>', 'be-')}-{order}", ".npy", "npy",
            lambda path, values, dtype=dtype, order=order: np.save(path, np.asarray(values.astype(dtype), order=order)),
            low=low, high=2 * bound + 1 if kind == "u" else bound)
add("npy-bool", ".npy", "npy", lambda path, values: np.save(path, values > 0), **BITS)
add("npy-one-channel", ".npy", "npy", lambda path, values: np.save(path, values[..., None].astype("i4")), low=-9)
add("npy-channel-first", ".npy", "npy", lambda path, values: np.save(path, values[None].astype("i4")), low=-9)
one_hot = {"expect": EITHER, "says": "one.hot|three.dimension|3.dimension|channels|dimensions", "only": ("idx",)}
add("npy-one-hot", ".npy", "npy", lambda path, values: np.save(path, np.eye(4, dtype="u1")[values]), **one_hot)

# ---- MATLAB


def mat5(convert=lambda v: v, name="groundtruth", **options):
    return lambda path, values: scipy.io.savemat(path, {name: convert(values)}, **options)


def struct(values):
    return {"Segmentation": values.astype("u1"), "Categories": np.array([[1.0], [2.0]])}


logical = lambda values: values > 0
for kind in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "single", "double"]:
    dtype = {"single": "float32", "double": "float64"}.get(kind, kind)
    low, high = TYPES.get(dtype, (-(10**9), 10**9))
    add(f"mat5-{kind}", ".mat", "mat", mat5(lambda v, dtype=dtype: v.astype(dtype), do_compression=kind in ("uint8", "double")), low=low, high=high)
    add(f"mat73-{kind}", ".mat", "mat", lambda path, values, dtype=dtype: write_mat73(path, "groundtruth", values.astype(dtype)), low=low, high=high)
for kind in ["uint8", "double"]:
    dtype = {"double": "float64"}.get(kind, kind)
    low, high = TYPES[dtype]
    # Level 4 is from before 1996, and scipy and Octave still write it when asked.
    add(f"mat4-{kind}", ".mat", "mat", mat5(lambda v, dtype=dtype: v.astype(dtype), format="4"), low=low, high=high, expect=EITHER, says="level 4|version 4|v4|-v4|MATLAB")
add("mat5-logical", ".mat", "mat", mat5(logical), **BITS)
add("mat73-logical", ".mat", "mat", lambda path, values: write_mat73(path, "groundtruth", values > 0), **BITS)
add("mat5-sparse-double", ".mat", "mat", mat5(lambda v: scipy.sparse.csc_matrix(v.astype(float))), low=-9)
add("mat5-sparse-logical", ".mat", "mat", mat5(lambda v: scipy.sparse.csc_matrix(v > 0)), **BITS)
add("mat73-sparse-double", ".mat", "mat", lambda path, values: write_mat73_sparse(path, "groundtruth", values.astype(float)), low=-9, expect=EITHER, says="sparse")
add("mat5-struct-field", ".mat", "mat", mat5(struct, name="GTcls"), options=["--mat-variable", "GTcls.Segmentation"])
add("mat5-struct-compressed", ".mat", "mat", mat5(struct, name="GTcls", do_compression=True), options=["--mat-variable", "GTcls.Segmentation"])
add("mat73-struct-field", ".mat", "mat", lambda path, values: write_mat73(path, "GTcls", values.astype("u1"), field="Segmentation"),
    options=["--mat-variable", "GTcls.Segmentation"])
# The message must name a variable that then works.
wrong = {"expect": REFUSES, "only": ("idx",)}
add("mat5-other-name", ".mat", "mat", mat5(lambda v: v.astype("u1"), name="LabelMap"), says="LabelMap", **wrong)
add("mat5-struct-other-name", ".mat", "mat", mat5(struct, name="GTcls"), says=r"GTcls\.Segmentation", **wrong)
add("mat73-struct-other-name", ".mat", "mat", lambda path, values: write_mat73(path, "GTcls", values.astype("u1"), field="Segmentation"),
    says=r"GTcls\.Segmentation", **wrong)

# ---- Files that are no mask, and say what they are.
foreign = {"expect": REFUSES, "only": ("idx",)}
add("npz", ".npz", "foreign", lambda path, values: np.savez(path, mask=values), says=r"npz", **foreign)


def hdf5(path, values):
    import h5py

    with h5py.File(path, "w") as file:
        file["mask"] = values.astype("u1")


add("h5", ".h5", "foreign", hdf5, says="h5|HDF5", **foreign)
add("json", ".json", "foreign", lambda path, values: path.write_text('{"shapes": [{"label": "car", "points": [[1, 1], [9, 1], [9, 9]]}]}'), says="json|JSON", **foreign)
add("xml", ".xml", "foreign", lambda path, values: path.write_text("<annotation><object><name>car</name></object></annotation>"), says="xml|XML", **foreign)
add("txt", ".txt", "foreign", lambda path, values: path.write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n"), says=r"txt|text|polygon", **foreign)
