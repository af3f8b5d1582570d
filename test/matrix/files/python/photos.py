"""The table of photo kinds. Each writes a scene and says what the file then means.

`unit` is the photo in the file's own numbers, HWC, upright, with 1, 3 or 4 channels: what an exact reader hands on
before it divides by anything. `low` and `high` are the numbers that the type calls black and white. What lossy formats
may differ by is `tolerance`, a share of that range.
"""

from dataclasses import dataclass, field
from typing import Callable

import imagecodecs
import numpy as np
import png
import tifffile
from PIL import Image

from covering import covering
from scene import Scene
from writers import pack_bits, reversed_bits, write_bmp, write_tiff

# What may happen to a kind of file. READS: its values reach the model as they are. REFUSES: one sentence names the file
# and why. EITHER: rare kinds where both are honest; a third thing, values that are bent, never is.
READS, REFUSES, EITHER = "reads", "refuses", "either"


@dataclass
class PhotoKind:
    name: str
    extension: str
    family: str
    write: Callable
    """(path, scenes) -> unit, or a list of them for the pages of a stack. One scene a page."""
    low: float = 0
    high: float = 255
    tolerance: float = 0.5 / 255
    """Half a step of 8 bits: readers may keep 8 bits of what has 8."""
    white: bool = False
    """0 is white: the numbers of a range are those of the file, which is turned over after it."""
    few_bits: bool = False
    """Fewer than 8: what a number of a range means then, PNG (a share of white) and TIFF say differently."""
    orientation: int = 1
    """EXIF's number. From 5 on photo and mask have sides of their own, which tell how a mask lies; from 2 to 4 the user is
    asked."""
    expect: str = READS
    says: str = ""
    """What a refusal must hold, as a regular expression."""
    options: list = field(default_factory=list)
    tags: dict = field(default_factory=dict)


kinds: list[PhotoKind] = []


def add(name, extension, family, write, **rest):
    kinds.append(PhotoKind(name, extension, family, write, **rest))


def bytes_of(values: np.ndarray, high=255) -> np.ndarray:
    return np.rint(values * high).astype(np.uint8 if high <= 255 else np.uint16)


def rgb8(scene: Scene) -> np.ndarray:
    return bytes_of(scene.photo)


def grey8(scene: Scene) -> np.ndarray:
    return bytes_of(scene.grey)


def alpha_of(scene: Scene, high=255) -> np.ndarray:
    """No constant, and never 0: alpha is not to be multiplied into colours."""
    return bytes_of(0.4 + 0.5 * scene.grey, high)


def hwc(values: np.ndarray) -> np.ndarray:
    return np.atleast_3d(values).astype(float)


# ---- PNG

def png_writer(bits, colour, interlaced=False, alpha=False):
    def write(path, scenes):
        scene, high = scenes[0], 2**bits - 1
        values = np.rint((scene.photo if colour else scene.grey) * high).astype(int)
        stored = hwc(values)
        if alpha:
            stored = np.dstack([stored, np.rint((0.4 + 0.5 * scene.grey) * high)])
        height, width = values.shape[:2]
        writer = png.Writer(width, height, greyscale=not colour, alpha=alpha, bitdepth=bits, interlace=interlaced)
        with open(path, "wb") as file:
            writer.write(file, stored.reshape(height, -1).astype(int).tolist())
        return hwc(values)

    return write


for bits in [1, 2, 4, 8, 16]:
    for interlaced in [False, True]:
        add(f"png-grey{bits}{'-interlaced' * interlaced}", ".png", "png", png_writer(bits, False, interlaced), high=2**bits - 1, few_bits=bits < 8)
for bits in [8, 16]:
    for interlaced in [False, True]:
        add(f"png-rgb{bits}{'-interlaced' * interlaced}", ".png", "png", png_writer(bits, True, interlaced), high=2**bits - 1)
    add(f"png-rgba{bits}", ".png", "png", png_writer(bits, True, alpha=True), high=2**bits - 1)
    add(f"png-la{bits}", ".png", "png", png_writer(bits, False, alpha=True), high=2**bits - 1)


def palette_of(scene: Scene, count: int):
    """Indices and colours: whatever quantises, what counts is that the colours come out."""
    image = Image.fromarray(rgb8(scene)).quantize(count, dither=Image.Dither.NONE)
    indices = np.array(image)
    colours = np.array(image.getpalette("RGB")).reshape(-1, 3)[:count]
    return indices, np.pad(colours, [(0, count - len(colours)), (0, 0)])


def png_palette(bits, transparent=False, interlaced=False):
    def write(path, scenes):
        indices, colours = palette_of(scenes[0], 2**bits)
        palette = [tuple(int(v) for v in colour) + ((128,) if transparent else ()) for colour in colours]
        height, width = indices.shape
        writer = png.Writer(width, height, palette=palette, bitdepth=bits, interlace=interlaced)
        with open(path, "wb") as file:
            writer.write(file, indices.tolist())
        return hwc(colours[indices])

    return write


for bits in [1, 2, 4, 8]:
    add(f"png-palette{bits}", ".png", "png", png_palette(bits))
add("png-palette8-transparent", ".png", "png", png_palette(8, transparent=True))
add("png-palette4-interlaced", ".png", "png", png_palette(4, interlaced=True))

# ---- JPEG and WebP: what Pillow decodes, with room for another decoder's rounding.

ORIENTATIONS = {
    # EXIF's number -> how stored pixels become upright ones.
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.swapaxes(a, 0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}
# What is stored so that it is upright after turning: the inverse.
STORED = {**ORIENTATIONS, 6: ORIENTATIONS[8], 8: ORIENTATIONS[6]}


def pillow_writer(format, mode="RGB", orientation=1, decode_mode=None, **options):
    def write(path, scenes):
        values = rgb8(scenes[0]) if mode != "L" else grey8(scenes[0])
        image = Image.fromarray(np.ascontiguousarray(STORED[orientation](values))).convert(mode)
        exif = Image.Exif()
        if orientation != 1:
            exif[274] = orientation
        image.save(path, format, exif=exif, **options)
        decoded = Image.open(path)
        unit = np.array(decoded.convert(decode_mode) if decode_mode else decoded)
        return hwc(ORIENTATIONS[orientation](unit))

    return write


jpeg = {"quality": 95, "subsampling": 0}
near = 4 / 255  # another inverse cosine transform and colour conversion
add("jpeg-rgb", ".jpg", "jpeg", pillow_writer("JPEG", **jpeg), tolerance=near)
add("jpeg-grey", ".jpeg", "jpeg", pillow_writer("JPEG", "L", **jpeg), tolerance=near)
add("jpeg-progressive", ".jpg", "jpeg", pillow_writer("JPEG", progressive=True, **jpeg), tolerance=near)
add("jpeg-420", ".jpg", "jpeg", pillow_writer("JPEG", quality=90, subsampling=2), tolerance=0.1)
# Inks need a colour profile to become colours; without one, readers differ by more than a rounding.
add("jpeg-cmyk", ".jpg", "jpeg", pillow_writer("JPEG", "CMYK", decode_mode="RGB", **jpeg), tolerance=0.5)
for orientation in range(1, 9):
    add(f"jpeg-exif{orientation}", ".jpg", "jpeg", pillow_writer("JPEG", orientation=orientation, **jpeg),
        tolerance=near, orientation=orientation)
add("webp-lossless", ".webp", "webp", pillow_writer("WEBP", lossless=True))
add("webp-lossy", ".webp", "webp", pillow_writer("WEBP", quality=95), tolerance=near)
add("webp-alpha", ".webp", "webp", pillow_writer("WEBP", "RGBA", lossless=True, exact=True, decode_mode="RGB"))
add("webp-exif6", ".webp", "webp", pillow_writer("WEBP", orientation=6, lossless=True), orientation=6)
add("png-exif3", ".png", "png", pillow_writer("PNG", orientation=3), orientation=3)

# ---- GIF and BMP


def gif_writer(count, interlace=1, frames=1, transparency=None):
    def write(path, scenes):
        indices, colours = palette_of(scenes[0], count)
        image = Image.fromarray(indices.astype(np.uint8), "P")
        image.putpalette(colours.astype(np.uint8).tobytes())
        options = {} if transparency is None else {"transparency": transparency}
        image.save(path, "GIF", interlace=interlace, optimize=False, **options)
        return hwc(colours[indices])

    return write


add("gif-256", ".gif", "gif", gif_writer(256))
add("gif-16-not-interlaced", ".gif", "gif", gif_writer(16, interlace=0))


def bmp_palette(bits, grey=False, **options):
    def write(path, scenes):
        if grey:
            indices, colours = grey8(scenes[0]), np.repeat(np.arange(256)[:, None], 3, axis=1)
        else:
            indices, colours = palette_of(scenes[0], 2**bits)
        write_bmp(path, indices, bits, colours, **options)
        return hwc(colours[indices][..., :1] if grey else colours[indices])

    return write


def bmp_true(bits, **options):
    def write(path, scenes):
        values = rgb8(scenes[0])
        stored = np.dstack([values, np.full(values.shape[:2], 255)]) if bits == 32 else values
        write_bmp(path, stored, bits, **options)
        return hwc(values)

    return write


for bits in [1, 4, 8]:
    add(f"bmp-{bits}", ".bmp", "bmp", bmp_palette(bits))
add("bmp-8-grey", ".bmp", "bmp", bmp_palette(8, grey=True))
add("bmp-8-top-down", ".bmp", "bmp", bmp_palette(8, top_down=True))
add("bmp-8-rle", ".bmp", "bmp", bmp_palette(8, rle=True), expect=EITHER, says="RLE|run.?length|compress")
add("bmp-24", ".bmp", "bmp", bmp_true(24))
add("bmp-24-top-down", ".bmp", "bmp", bmp_true(24, top_down=True))
add("bmp-32", ".bmp", "bmp", bmp_true(32))

# ---- TIFF. (low, high) is what --value-range type means: floats of 0..1, integers of their whole range.

TYPES = {
    "uint8": (np.uint8, lambda v: np.rint(v * 255), 0, 255),
    "uint16": (np.uint16, lambda v: np.rint(v * 65535), 0, 65535),
    "uint16-12bit": (np.uint16, lambda v: np.rint(v * 4095), 0, 65535),
    "int16": (np.int16, lambda v: np.rint(v * 3000) - 1000, -32768, 32767),
    "uint32": (np.uint32, lambda v: np.rint(v * 100000), 0, 2**32 - 1),
    "float16": (np.float16, lambda v: v, 0, 1),
    "float32": (np.float32, lambda v: v, 0, 1),
    "float32-255": (np.float32, lambda v: v * 255, 0, 1),
    "float64": (np.float64, lambda v: v * 7.5 - 2, 0, 1),
}
COLOURS = ["minisblack-1", "minisblack-3", "rgb-3", "miniswhite-1", "rgb-4", "minisblack-4", "minisblack-5"]
LAYOUTS = ["strips", "tiles", "planar", "planar-tiles", "one-strip"]
COMPRESSIONS = ["none", "lzw", "deflate", "packbits", "zstd", "lzw-predictor", "deflate-predictor"]


def is_tiff(row) -> bool:
    if row["layout"].startswith("planar") and row["colour"].endswith("1"):
        return False
    if row["compression"].endswith("predictor") and row["type"] == "uint32":
        return True
    if row["compression"] == "packbits" and row["type"] in ("float64",):
        return False
    # What white is of a float without a range, nobody says.
    return not (row["colour"] == "miniswhite-1" and row["type"] not in ("uint8", "uint16"))


def tiff_options(row: dict, height: int) -> dict:
    """Of tifffile.imwrite."""
    compression = row["compression"].split("-")[0]
    is_float = row["type"].startswith("float")
    options = {
        "compression": None if compression == "none" else compression,
        "predictor": (3 if is_float else 2) if row["compression"].endswith("predictor") else None,
        "byteorder": ">" if row["container"].endswith("MM") else "<",
        "bigtiff": row["container"].startswith("big"),
        "metadata": None,
    }
    if "tiles" in row["layout"]:
        options["tile"] = (16, 16)
    else:
        options["rowsperstrip"] = height if row["layout"] == "one-strip" else max(1, height // 3)
    return options


def tiff_writer(row: dict):
    dtype, scaled, low, high = TYPES[row["type"]]
    colour, bands = row["colour"].split("-")

    def write(path, scenes):
        scene = scenes[0]
        source = scene.grey[..., None] if bands == "1" else scene.photo
        extra = int(bands) - source.shape[2]
        if extra > 0:
            source = np.dstack([source] + [0.3 + 0.5 * scene.photo[..., i : i + 1] for i in range(extra)])
        values = scaled(source).astype(dtype)
        options = tiff_options(row, values.shape[0])
        stored = (high - values).astype(dtype) if colour == "miniswhite" else values
        if row["layout"].startswith("planar"):
            stored = np.moveaxis(stored, 2, 0)
            options["planarconfig"] = "separate"
        elif stored.shape[2] == 1:
            stored = stored[..., 0]
        else:
            options["planarconfig"] = "contig"
        if bands == "4" and colour == "rgb":
            options["extrasamples"] = ["unassalpha"]
        tifffile.imwrite(path, stored, photometric=colour, **options)
        unit = values.astype(float)
        return unit[..., :3] if colour == "rgb" else unit

    return write


def tiff_expectation(row: dict) -> dict:
    _, _, low, high = TYPES[row["type"]]
    rest = {"low": low, "high": high, "tags": row, "white": row["colour"] == "miniswhite-1"}
    if row["colour"] in ("minisblack-4", "minisblack-5"):
        # The fourth of four bands that are not called red, green, blue is often infrared: no photo of three channels
        # can be made of them without a word, and --bands or a refusal are for the one who knows.
        return {**rest, "expect": EITHER, "says": "channels|bands|zstd|zstandard"}
    if row["compression"] == "zstd":
        return {**rest, "expect": EITHER, "says": "zstd|zstandard"}
    return rest


photo_rows = covering(
    {
        "type": list(TYPES),
        "colour": COLOURS,
        "layout": LAYOUTS,
        "compression": COMPRESSIONS,
        "container": ["classic-II", "classic-MM", "big-II", "big-MM"],
    },
    is_tiff,
)
for row in photo_rows:
    add("tiff-" + "-".join(row.values()), ".tif", "tiff", tiff_writer(row), **tiff_expectation(row))


def tiff_palette(bits_high):
    def write(path, scenes):
        indices, colours = palette_of(scenes[0], 256)
        tifffile.imwrite(path, indices.astype(np.uint8), photometric="palette",
                         colormap=(colours.T.astype(np.uint16) * bits_high), metadata=None)
        return hwc(colours[indices])

    return write


add("tiff-palette", ".tif", "tiff", tiff_palette(257))
# Some old writers leave the colours in 8 bits; readers tell it by no colour being above 255.
add("tiff-palette-8bit-colours", ".tif", "tiff", tiff_palette(1), expect=EITHER, says="palette|colour")


def tiff_jpeg(mode):
    def write(path, scenes):
        values = grey8(scenes[0]) if mode == "L" else rgb8(scenes[0])
        tifffile.imwrite(path, values, compression="jpeg", compressionargs={"level": 95}, metadata=None,
                         photometric="minisblack" if mode == "L" else "rgb", rowsperstrip=16)
        return hwc(tifffile.imread(path))

    return write


add("tiff-jpeg-grey", ".tif", "tiff", tiff_jpeg("L"), tolerance=near)
add("tiff-jpeg-rgb", ".tif", "tiff", tiff_jpeg("RGB"), tolerance=near)


def tiff_pillow(mode="RGB", **options):
    def write(path, scenes):
        values = grey8(scenes[0]) if mode == "L" else rgb8(scenes[0])
        Image.fromarray(values).save(path, "TIFF", **options)
        return hwc(np.array(Image.open(path)))

    return write


# YCbCr with halved colour, as scanners and whole-slide viewers write it.
add("tiff-jpeg-ycbcr", ".tif", "tiff", tiff_pillow(compression="jpeg", quality=95), tolerance=0.1)


def tiff_orientation(orientation):
    def write(path, scenes):
        values = rgb8(scenes[0])
        stored = np.ascontiguousarray(STORED[orientation](values))
        tifffile.imwrite(path, stored, photometric="rgb", metadata=None, extratags=[(274, "H", 1, orientation, True)])
        return hwc(values)

    return write


for orientation in range(2, 9):
    add(f"tiff-orientation{orientation}", ".tif", "tiff", tiff_orientation(orientation), orientation=orientation)


def tiff_bits(bits, photometric=1, byteorder="<", reverse=False):
    """Grey of few or odd bits; `photometric` 0 is white for 0."""

    def write(path, scenes):
        high = 2**bits - 1
        values = np.rint(scenes[0].grey * high).astype(int)
        stored = high - values if photometric == 0 else values
        data = pack_bits(stored, bits).tobytes()
        height, width = values.shape
        tags = {258: (3, [bits]), 262: (3, [photometric])}
        if reverse:
            data, tags[266] = reversed_bits(data), (3, [2])
        write_tiff(path, width, height, data, tags, byteorder)
        return hwc(values)

    return write


for bits in [1, 2, 4]:
    add(f"tiff-grey{bits}", ".tif", "tiff", tiff_bits(bits), high=2**bits - 1, few_bits=True)
    add(f"tiff-grey{bits}-white", ".tif", "tiff", tiff_bits(bits, 0, ">"), high=2**bits - 1, few_bits=True, white=True)
add("tiff-grey12-packed", ".tif", "tiff", tiff_bits(12), high=4095, expect=EITHER, says="12")
add("tiff-grey8-fillorder2", ".tif", "tiff", tiff_bits(8, reverse=True))
add("tiff-grey1-fillorder2", ".tif", "tiff", tiff_bits(1, reverse=True), high=1, few_bits=True)


def tiff_pyramid(path, scenes):
    values = rgb8(scenes[0])
    with tifffile.TiffWriter(path) as file:
        file.write(values, photometric="rgb", tile=(16, 16), subifds=1, metadata=None)
        file.write(values[::2, ::2], photometric="rgb", tile=(16, 16), subfiletype=1, metadata=None)
    return hwc(values)


def tiff_overview_page(path, scenes):
    """As GDAL writes overviews: a second page that says that it is a smaller copy (NewSubfileType 1)."""
    values = rgb8(scenes[0])
    with tifffile.TiffWriter(path) as file:
        file.write(values, photometric="rgb", metadata=None)
        file.write(values[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    return hwc(values)


# A smaller copy of the same picture is no sample.
add("tiff-pyramid-subifd", ".tif", "tiff", tiff_pyramid)
add("tiff-overview-page", ".tif", "tiff", tiff_overview_page)


def tiff_stack(dtype, factor, imagej=False, **options):
    def write(path, scenes):
        pages = np.stack([np.rint(scene.grey * factor) for scene in scenes]).astype(dtype)
        tifffile.imwrite(path, pages, photometric="minisblack", imagej=imagej, **({} if imagej else {"metadata": None}), **options)
        return [hwc(page) for page in pages]

    return write


add("tiff-stack-uint8", ".tif", "tiff-stack", tiff_stack(np.uint8, 255))
add("tiff-stack-uint16", ".tif", "tiff-stack", tiff_stack(np.uint16, 65535, compression="lzw"), high=65535)
add("tiff-stack-imagej", ".tif", "tiff-stack", tiff_stack(np.uint8, 255, imagej=True))
add("tiff-stack-big", ".tif", "tiff-stack", tiff_stack(np.uint8, 255, bigtiff=True))

# ---- npy


def npy_writer(dtype, scaled, colour, order="C", bands_first=False):
    def write(path, scenes):
        values = scaled(scenes[0].photo if colour else scenes[0].grey).astype(dtype)
        stored = np.moveaxis(values, 2, 0) if bands_first else values
        np.save(path, np.asarray(stored, order=order))
        return hwc(values)

    return write


for name in ["uint8", "uint16", "float32", "float64"]:
    dtype, scaled, low, high = TYPES[name]
    for colour in [False, True]:
        shape = "hwc" if colour else "hw"
        for order in "CF":
            add(f"npy-{name}-{shape}-{order}", ".npy", "npy", npy_writer(dtype, scaled, colour, order), low=low, high=high)
add("npy-uint8-chw", ".npy", "npy", npy_writer(np.uint8, TYPES["uint8"][1], True, bands_first=True), expect=EITHER, says="shape|channels|bands")
add("npy-uint16-big-endian", ".npy", "npy", npy_writer(">u2", TYPES["uint16"][1], False), high=65535)
