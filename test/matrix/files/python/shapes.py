"""The layouts of public data sets and of the programs that people draw masks with, each made anew and tiny: what lies
where, under which names, with which numbers, and the files that lie beside. The options are those that its user needs;
where the product cannot read it, the refusal must name what stands here."""

import json
import struct
from pathlib import Path

import numpy as np
import scipy.io
import tifffile
from PIL import Image

from cell import Cell
from photos import READS, REFUSES, hwc
from scene import Scene, make_scenes
from writers import write_bmp, write_mat73

WIDTH, HEIGHT = 48, 32
COUNT = 4
shapes = []


def shape(commands=("inspect", "train", "predict")):
    """Registers a function (folder, scenes) -> Shape under its name."""

    def register(function):
        shapes.append((function.__name__.replace("_", "-"), function, list(commands)))
        return function

    return register


only_inspect = shape(commands=["inspect"])


class Shape:
    def __init__(self, args: str, samples: list, num_classes: int, photos: str, tolerance=0.5 / 255, warns="", refuses="", range="auto"):
        self.args, self.samples, self.num_classes, self.photos = args.split(), samples, num_classes, photos
        self.tolerance, self.warns, self.refuses, self.range = tolerance, warns, refuses, range


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def text(path: Path, content: str) -> None:
    make(path).write_text(content)


def save(path: Path, values: np.ndarray, **options) -> np.ndarray:
    """With Pillow; what comes back is what it reads."""
    Image.fromarray(values.astype(np.uint8)).save(make(path), **options)
    return hwc(np.array(Image.open(path)))


def jpeg(path: Path, scene: Scene) -> np.ndarray:
    return save(path, rgb(scene), quality=95, subsampling=0)


def rgb(scene: Scene) -> np.ndarray:
    return np.rint(scene.photo * 255)


def palette_png(path: Path, indices: np.ndarray, colours) -> None:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette([v for colour in colours for v in colour])
    image.save(make(path))


def gif(path: Path, indices: np.ndarray, colours=((0, 0, 0), (255, 255, 255))) -> None:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette([v for colour in colours for v in colour])
    image.save(make(path), optimize=False)


def coloured(labels: np.ndarray, colours) -> np.ndarray:
    return np.array(colours, np.uint8)[labels]


near = 4 / 255
VOC_COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)] + [(i, 255 - i, i // 2) for i in range(4, 255)] + [(224, 224, 192)]
STREET = [(64, 128, 64), (192, 0, 128), (0, 128, 192), (0, 128, 64)]


def binary(scene: Scene) -> np.ndarray:
    """0 and 1: figures against the ground."""
    return (scene.labels == 1) | (scene.labels == 2)


def border(labels: np.ndarray) -> np.ndarray:
    """Where a class ends, as VOC leaves out."""
    edges = np.zeros(labels.shape, bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    return edges


@shape()
def pascal_voc(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        stem = f"2007_00003{i}"
        photo = jpeg(folder / "JPEGImages" / f"{stem}.jpg", scene)
        values = np.where(border(scene.labels), 255, scene.labels)
        palette_png(folder / "SegmentationClass" / f"{stem}.png", values, VOC_COLOURS)
        palette_png(folder / "SegmentationObject" / f"{stem}.png", (scene.labels > 0).astype(int), VOC_COLOURS)
        text(folder / "Annotations" / f"{stem}.xml", "<annotation/>")
        samples.append((photo, np.where(values == 255, -1, values)))
    jpeg(folder / "JPEGImages" / "2007_009999.jpg", scenes[0])  # most photos have no segmentation, and no list names them
    text(folder / "ImageSets/Segmentation/train.txt", "2007_000030\n2007_000031\n2007_000032\n")
    text(folder / "ImageSets/Segmentation/val.txt", "2007_000033\n")
    return Shape("--images JPEGImages --masks SegmentationClass --ignore-index 255 "
                 "--train-list ImageSets/Segmentation/train.txt --val-list ImageSets/Segmentation/val.txt", samples, 4, "JPEGImages", near)


@shape()
def cityscapes(folder, scenes):
    """labelTrainIds, with colours, instances and polygons beside them in the same folder."""
    samples = []
    for i, scene in enumerate(scenes):
        part, city = ("train", "aachen") if i < 3 else ("val", "lindau")
        stem = f"{city}_00000{i}_000019"
        photo = save(folder / "leftImg8bit" / part / city / f"{stem}_leftImg8bit.png", rgb(scene))
        truth = folder / "gtFine" / part / city
        values = np.where(border(scene.labels), 255, scene.labels)
        save(truth / f"{stem}_gtFine_labelTrainIds.png", values)
        save(truth / f"{stem}_gtFine_instanceIds.png", scene.labels)
        save(truth / f"{stem}_gtFine_color.png", np.dstack([coloured(scene.labels, VOC_COLOURS[:4]), np.full(scene.labels.shape, 255)]))
        text(truth / f"{stem}_gtFine_polygons.json", "{}")
        samples.append((photo, np.where(values == 255, -1, values)))
    args = "--images leftImg8bit --masks gtFine --image-suffix _leftImg8bit --mask-suffix _gtFine_labelTrainIds --ignore-index 255"
    return Shape(args, samples, 4, "leftImg8bit")


@shape()
def ade20k(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        part, stem = ("training", f"ADE_train_0000000{i}") if i < 3 else ("validation", f"ADE_val_0000000{i}")
        photo = jpeg(folder / "images" / part / f"{stem}.jpg", scene)
        save(folder / "annotations" / part / f"{stem}.png", scene.labels)
        samples.append((photo, scene.labels))
    text(folder / "objectInfo150.txt", "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.1\t1\t1\t1\twall\n")
    return Shape("--images images --masks annotations", samples, 4, "images", near)


@shape()
def camvid(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = save(folder / "701_StillsRaw_full" / f"0001TP_00669{i}.png", rgb(scene))
        save(folder / "LabeledApproved_full" / f"0001TP_00669{i}_L.png", coloured(scene.labels, STREET))
        samples.append((photo, scene.labels))
    text(folder / "class_dict.csv", "name,r,g,b\n" + "".join(f"{name},{r},{g},{b}\n" for name, (r, g, b) in zip(["Animal", "Archway", "Bicyclist", "Bridge"], STREET)))
    return Shape("--images 701_StillsRaw_full --masks LabeledApproved_full --mask-suffix _L --palette class_dict.csv", samples, 4, "701_StillsRaw_full")


@shape()
def camvid_parts(folder, scenes):
    """As SegNet gives it: folders of masks beside those of photos, called for both part and kind."""
    samples = []
    for i, scene in enumerate(scenes):
        part = "train" if i < 3 else "val"
        photo = save(folder / part / f"0001TP_00669{i}.png", rgb(scene))
        save(folder / f"{part}annot" / f"0001TP_00669{i}.png", scene.labels)
        samples.append((photo, scene.labels))
    return Shape("--images . --masks .", samples, 4, ".", warns="The split is that of the folders: train/ .3. .*val/ .1.")


@shape()
def prefixes(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = save(folder / "all" / f"img_{i}.png", rgb(scene))
        save(folder / "all" / f"mask_{i}.png", scene.labels)
        samples.append((photo, scene.labels))
    return Shape("--images all --masks all --image-suffix img_* --mask-suffix mask_*", samples, 4, "all")


@shape()
def carvana(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "train" / f"0cdf5b5d0ce1_0{i}.jpg", scene)
        gif(folder / "train_masks" / f"0cdf5b5d0ce1_0{i}_mask.gif", binary(scene))
        samples.append((photo, binary(scene)))
    return Shape("--images train --masks train_masks --mask-suffix _mask", samples, 2, "train", near)


@shape()
def drive(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene).astype(np.uint8)
        tifffile.imwrite(make(folder / "training/images" / f"2{i}_training.tif"), values, photometric="rgb", compression="lzw", metadata=None)
        gif(folder / "training/1st_manual" / f"2{i}_manual1.gif", np.where(binary(scene), 255, 0), [(v, v, v) for v in range(256)])
        gif(folder / "training/mask" / f"2{i}_training_mask.gif", np.ones_like(scene.labels))
        samples.append((hwc(values), binary(scene)))
    args = "--images training/images --masks training/1st_manual --image-suffix _training --mask-suffix _manual1"
    return Shape(args, samples, 2, "training/images", warns="255")


@shape()
def isic2018(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "ISIC2018_Task1-2_Training_Input" / f"ISIC_000000{i}.jpg", scene)
        save(folder / "ISIC2018_Task1_Training_GroundTruth" / f"ISIC_000000{i}_segmentation.png", binary(scene) * 255)
        samples.append((photo, binary(scene)))
    for name in ["ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"]:
        for junk in ["ATTRIBUTION.txt", "LICENSE.txt"]:
            text(folder / name / junk, "CC-0")
    args = "--images ISIC2018_Task1-2_Training_Input --masks ISIC2018_Task1_Training_GroundTruth --mask-suffix _segmentation"
    return Shape(args, samples, 2, "ISIC2018_Task1-2_Training_Input", near, warns="255")


@only_inspect
def kvasir_seg(folder, scenes):
    """Masks in JPEG: greys around 0 and 255. Refused with the option that decides them."""
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "images" / f"cju{i}.jpg", scene)
        save(folder / "masks" / f"cju{i}.jpg", np.repeat(binary(scene)[..., None] * 255, 3, axis=2), quality=90)
        samples.append((photo, binary(scene)))
    text(folder / "kavsir_bboxes.json", "{}")
    return Shape("--images images --masks masks", samples, 2, "images", near, refuses="jpe?g.*--mask-threshold")


@shape()
def kvasir_seg_threshold(folder, scenes):
    made = kvasir_seg(folder, scenes)
    # What the threshold gives is decided by Pillow's decoding.
    for i, (photo, _) in enumerate(made.samples):
        decoded = np.array(Image.open(folder / "masks" / f"cju{i}.jpg"))[..., 0]
        made.samples[i] = (photo, decoded >= 128)
    return Shape("--images images --masks masks --mask-threshold 128", made.samples, 2, "images", near)


@shape()
def deepglobe_land(folder, scenes):
    colours = [(0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 0, 0)]
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "train" / f"11{i}_sat.jpg", scene)
        save(folder / "train" / f"11{i}_mask.png", coloured(scene.labels, colours))
        samples.append((photo, scene.labels))
    text(folder / "class_dict.csv", "name, r, g, b\nurban_land,0,255,255\nagriculture_land,255,255,0\nrangeland,255,0,255\nunknown,0,0,0\n")
    return Shape("--images train --masks train --image-suffix _sat --mask-suffix _mask --palette class_dict.csv", samples, 4, "train", near)


@shape()
def deepglobe_road(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "train" / f"10{i}_sat.jpg", scene)
        save(folder / "train" / f"10{i}_mask.png", np.repeat(binary(scene)[..., None] * 255, 3, axis=2))
        samples.append((photo, binary(scene)))
    return Shape("--images train --masks train --image-suffix _sat --mask-suffix _mask", samples, 2, "train", near, warns="255")


@shape()
def inria_aerial(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene).astype(np.uint8)
        tifffile.imwrite(make(folder / "train/images" / f"austin{i}.tif"), values, photometric="rgb", tile=(16, 16), metadata=None,
                         extratags=[(33550, "d", 3, (0.3, 0.3, 0.0), True), (34735, "H", 4, (1, 1, 0, 0), True), (42113, "s", 2, "0", True)])
        tifffile.imwrite(make(folder / "train/gt" / f"austin{i}.tif"), (binary(scene) * 255).astype(np.uint8), photometric="minisblack", compression="packbits", metadata=None)
        samples.append((hwc(values), binary(scene)))
    return Shape("--images train/images --masks train/gt", samples, 2, "train/images", warns="255")


@shape()
def isprs_potsdam(folder, scenes):
    colours = [(255, 255, 255), (0, 0, 255), (0, 255, 255), (255, 0, 0)]
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene).astype(np.uint8)
        tifffile.imwrite(make(folder / "2_Ortho_RGB" / f"top_potsdam_2_1{i}_RGB.tif"), values, photometric="rgb", metadata=None)
        text(folder / "2_Ortho_RGB" / f"top_potsdam_2_1{i}_RGB.tfw", "0.05\n0\n0\n-0.05\n1\n1\n")
        tifffile.imwrite(make(folder / "5_Labels_all" / f"top_potsdam_2_1{i}_label.tif"), coloured(scene.labels, colours), photometric="rgb", metadata=None)
        samples.append((hwc(values), scene.labels))
    text(folder / "colours.txt", "".join(f"{r} {g} {b} {name}\n" for (r, g, b), name in zip(colours, ["road", "building", "grass", "clutter"])))
    args = "--images 2_Ortho_RGB --masks 5_Labels_all --image-suffix _RGB --mask-suffix _label --palette colours.txt"
    return Shape(args, samples, 4, "2_Ortho_RGB")


@shape()
def isbi2012(folder, scenes):
    """A stack of photos and a stack of labels, of two names in one folder."""
    greys = np.stack([np.rint(scene.grey * 255) for scene in scenes]).astype(np.uint8)
    # Membranes are 0, cells 255.
    labels = np.stack([binary(scene) for scene in scenes])
    tifffile.imwrite(make(folder / "data" / "train-volume.tif"), greys, photometric="minisblack", metadata=None)
    tifffile.imwrite(folder / "data" / "train-labels.tif", (labels * 255).astype(np.uint8), photometric="minisblack", metadata=None)
    args = "--images data --masks data --image-suffix -volume --mask-suffix -labels"
    return Shape(args, [(hwc(grey), label) for grey, label in zip(greys, labels)], 2, "data/train-volume.tif", warns="255")


@only_inspect
def dsb2018(folder, scenes):
    """Many masks of single nuclei for each photo: no mask of classes. The folders are those of the photos."""
    for i, scene in enumerate(scenes):
        name = f"00ae65c1{i}"
        save(folder / "stage1_train" / name / "images" / f"{name}.png", np.dstack([rgb(scene), np.full(scene.labels.shape, 255)]))
        for k in [1, 2, 3]:
            save(folder / "stage1_train" / name / "masks" / f"{k}{name}.png", (scene.labels == k) * 255)
    return Shape("--images stage1_train --masks stage1_train", [], 2, "stage1_train", refuses="mask")


@only_inspect
def livecell(folder, scenes):
    """COCO annotations: polygons in one JSON file."""
    for i, scene in enumerate(scenes):
        tifffile.imwrite(make(folder / "images/livecell_train_val_images" / f"A172_Phase_{i}.tif"), np.rint(scene.grey * 255).astype(np.uint8), metadata=None)
    text(folder / "annotations/livecell_coco_train.json", json.dumps({"images": [], "annotations": [], "categories": [{"id": 1, "name": "cell"}]}))
    return Shape("--images images --masks annotations", [], 2, "images", refuses="json")


@shape()
def sentinel2_rgb(folder, scenes):
    """Reflectances times 10,000 in 16 bits, three bands without colours, as GDAL writes them."""
    samples = []
    for i, scene in enumerate(scenes):
        values = np.rint(scene.photo * 3000 + 200).astype(np.uint16)
        tifffile.imwrite(make(folder / "s2" / f"T33UUP_{i}.tif"), np.moveaxis(values, 2, 0), photometric="minisblack", planarconfig="separate",
                         compression="deflate", predictor=2, tile=(16, 16), metadata=None)
        tifffile.imwrite(make(folder / "cover" / f"T33UUP_{i}.tif"), scene.labels.astype(np.uint8), photometric="minisblack", compression="lzw", metadata=None)
        samples.append((hwc(values), scene.labels))
    return Shape("--images s2 --masks cover", samples, 4, "s2")


@only_inspect
def sentinel2_13_bands(folder, scenes):
    for i, scene in enumerate(scenes):
        values = np.rint(np.dstack([scene.photo] * 5)[..., :13] * 3000).astype(np.uint16)
        tifffile.imwrite(make(folder / "s2" / f"T33UUP_{i}.tif"), values, photometric="minisblack", planarconfig="contig", metadata=None)
        save(folder / "cover" / f"T33UUP_{i}.png", scene.labels)
    return Shape("--images s2 --masks cover", [], 4, "s2", refuses="13 (bands|channels|values)")


@shape()
def ct_slices(folder, scenes):
    """Hounsfield units, signed 16 bits, and a window that the user knows."""
    samples = []
    for i, scene in enumerate(scenes):
        values = np.rint(scene.grey * 2400 - 1024).astype(np.int16)
        tifffile.imwrite(make(folder / "images" / f"ct_{i:03}.tif"), values, photometric="minisblack", metadata=None)
        save(folder / "masks" / f"ct_{i:03}.png", binary(scene) * 255)
        samples.append((hwc(values), binary(scene)))
    return Shape("--images images --masks masks --value-range -1024..1376", samples, 2, "images", warns="255", range=[-1024, 1376])


@shape()
def oxford_pets(folder, scenes):
    """Trimaps of 1, 2 and 3, and the files that a Mac left in the archive."""
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "images" / f"Abyssinian_{i}.jpg", scene)
        values = np.array([2, 1, 3, 2])[scene.labels]
        save(folder / "annotations/trimaps" / f"Abyssinian_{i}.png", values)
        make(folder / "annotations/trimaps" / f"._Abyssinian_{i}.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
        text(folder / "annotations/xmls" / f"Abyssinian_{i}.xml", "<annotation/>")
        samples.append((photo, values - 1))
    text(folder / "annotations/list.txt", "#Image CLASS-ID SPECIES BREED ID\n")
    make(folder / "images" / "Abyssinian_100.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    return Shape("--images images --masks annotations/trimaps", samples, 3, "images", near, warns="1")


@shape()
def roboflow(folder, scenes):
    """Semantic masks: photos and masks in one folder for each part, and names as a table with a head."""
    samples = []
    for i, scene in enumerate(scenes):
        part = "train" if i < 3 else "valid"
        stem = f"IMG_{i}_jpg.rf.8a1f{i}"
        photo = jpeg(folder / part / f"{stem}.jpg", scene)
        save(folder / part / f"{stem}_mask.png", scene.labels)
        text(folder / part / "_classes.csv", "Pixel Value, Class\n0, background\n1, car\n2, road\n3, tree\n")
        samples.append((photo, scene.labels))
    text(folder / "README.roboflow.txt", "exported")
    return Shape("--images . --masks . --mask-suffix _mask --class-names train/_classes.csv", samples, 4, ".", near)


@shape()
def cvat(folder, scenes):
    """Segmentation mask 1.1."""
    colours = [(0, 0, 0), (250, 50, 83), (50, 183, 250), (61, 245, 61)]
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "JPEGImages" / f"frame_00000{i}.jpg", scene)
        save(folder / "SegmentationClass" / f"frame_00000{i}.png", coloured(scene.labels, colours))
        save(folder / "SegmentationObject" / f"frame_00000{i}.png", coloured(scene.labels, colours[::-1]))
        samples.append((photo, scene.labels))
    text(folder / "ImageSets/Segmentation/default.txt", "".join(f"frame_00000{i}\n" for i in range(COUNT)))
    text(folder / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83::\nroad:50,183,250::\ntree:61,245,61::\n")
    return Shape("--images JPEGImages --masks SegmentationClass --palette labelmap.txt", samples, 4, "JPEGImages", near)


@shape()
def sbd(folder, scenes):
    """Berkeley's boundaries: structs with a field in .mat."""
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "img" / f"2008_00000{i}.jpg", scene)
        struct = {"Segmentation": scene.labels.astype("u1"), "Boundaries": np.zeros((2, 2)), "CategoriesPresent": np.array([[1.0]])}
        scipy.io.savemat(make(folder / "cls" / f"2008_00000{i}.mat"), {"GTcls": struct}, do_compression=True)
        samples.append((photo, scene.labels))
    text(folder / "train.txt", "2008_000000\n2008_000001\n2008_000002\n")
    return Shape("--images img --masks cls --mat-variable GTcls.Segmentation", samples, 4, "img", near)


@shape()
def pascal_context(folder, scenes):
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "JPEGImages" / f"2008_00000{i}.jpg", scene)
        scipy.io.savemat(make(folder / "trainval" / f"2008_00000{i}.mat"), {"LabelMap": scene.labels.astype("u2")}, do_compression=True)
        samples.append((photo, scene.labels))
    return Shape("--images JPEGImages --masks trainval --mat-variable LabelMap", samples, 4, "JPEGImages", near)


@shape()
def matlab_bw(folder, scenes):
    """save(..., 'bw', '-v7.3') of a logical mask, photos as BMP."""
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene)
        write_bmp(make(folder / "photos" / f"cell{i}.bmp"), values, 24)
        write_mat73(make(folder / "masks" / f"cell{i}.mat"), "bw", binary(scene))
        samples.append((hwc(values), binary(scene)))
    return Shape("--images photos --masks masks --mat-variable bw", samples, 2, "photos")


@shape()
def image_labeler_png(folder, scenes):
    """MATLAB's Image Labeler: PixelLabelData/Label_1.png, photos of other names: renamed by the user, values from 1."""
    samples = []
    for i, scene in enumerate(scenes):
        photo = save(folder / "photos" / f"Label_{i + 1}.png", rgb(scene))
        save(folder / "PixelLabelData" / f"Label_{i + 1}.png", scene.labels + 1)
        samples.append((photo, scene.labels))
    return Shape("--images photos --masks PixelLabelData", samples, 4, "photos", warns="1")


@shape()
def imagej_masks(folder, scenes):
    """Threshold, convert to mask, save as TIFF: inverting look-up table, 255 is the figure; 8 bit photos as TIFF."""
    samples = []
    for i, scene in enumerate(scenes):
        grey = np.rint(scene.grey * 255).astype(np.uint8)
        tifffile.imwrite(make(folder / "raw" / f"well{i}.tif"), grey, imagej=True)
        tifffile.imwrite(make(folder / "masks" / f"well{i}.tif"), (binary(scene) * 255).astype(np.uint8), photometric="miniswhite", metadata=None,
                         description="ImageJ=1.53t\nunit=pixel\n")
        samples.append((hwc(grey), binary(scene)))
    return Shape("--images raw --masks masks", samples, 2, "raw", warns="255")


@shape()
def microscopy_16_bit(folder, scenes):
    """A 12-bit camera in 16 bits, masks of Cellpose's kind made binary, 16 bits as well."""
    samples = []
    for i, scene in enumerate(scenes):
        grey = np.rint(scene.grey * 4095).astype(np.uint16)
        tifffile.imwrite(make(folder / "img" / f"t{i:03}.tif"), grey, photometric="minisblack", metadata=None)
        tifffile.imwrite(make(folder / "seg" / f"t{i:03}.tif"), binary(scene).astype(np.uint16), photometric="minisblack", metadata=None)
        samples.append((hwc(grey), binary(scene)))
    return Shape("--images img --masks seg", samples, 2, "img")


@shape()
def chase_db1(folder, scenes):
    """One-bit PNG, photos and two observers in one folder."""
    samples = []
    for i, scene in enumerate(scenes):
        side = "LR"[i % 2]
        stem = f"Image_0{i // 2 + 1}{side}"
        photo = jpeg(folder / "CHASEDB1" / f"{stem}.jpg", scene)
        for observer in ["1st", "2nd"]:
            Image.fromarray(binary(scene)).save(folder / "CHASEDB1" / f"{stem}_{observer}HO.png")
        samples.append((photo, binary(scene)))
    return Shape("--images CHASEDB1 --masks CHASEDB1 --mask-suffix _1stHO", samples, 2, "CHASEDB1", near)


@shape()
def ph2(folder, scenes):
    """Photo and mask in sibling folders whose own names differ: joined by the user into two folders, BMP both."""
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene)
        write_bmp(make(folder / "images" / f"IMD00{i}.bmp"), values, 24)
        write_bmp(make(folder / "lesions" / f"IMD00{i}_lesion.bmp"), binary(scene).astype(int), 1, [(0, 0, 0), (255, 255, 255)])
        samples.append((hwc(values), binary(scene)))
    return Shape("--images images --masks lesions --mask-suffix _lesion", samples, 2, "images")


@shape()
def massachusetts_roads(folder, scenes):
    """Photos .tiff, maps .tif, RGB of 0 and 255."""
    samples = []
    for i, scene in enumerate(scenes):
        values = rgb(scene).astype(np.uint8)
        tifffile.imwrite(make(folder / "sat" / f"1022868{i}_15.tiff"), values, photometric="rgb", metadata=None)
        tifffile.imwrite(make(folder / "map" / f"1022868{i}_15.tif"), np.repeat(binary(scene)[..., None] * 255, 3, axis=2).astype(np.uint8), photometric="rgb", metadata=None)
        samples.append((hwc(values), binary(scene)))
    return Shape("--images sat --masks map", samples, 2, "sat", warns="255")


@shape()
def suim(folder, scenes):
    """Colours in BMP."""
    colours = [(0, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)]
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "images" / f"d_r_4{i}_.jpg", scene)
        write_bmp(make(folder / "masks" / f"d_r_4{i}_.bmp"), coloured(scene.labels, colours), 24)
        samples.append((photo, scene.labels))
    text(folder / "colours.txt", "#000000 water\n#0000ff diver\n#00ff00 plant\n#ffffff sea-floor\n")
    return Shape("--images images --masks masks --palette colours.txt", samples, 4, "images", near)


@shape()
def loveda(folder, scenes):
    """0 is no data and left out; 1 to 3 keep their numbers."""
    samples = []
    for i, scene in enumerate(scenes):
        part = ("Train", "Val")[i // 3]
        photo = save(folder / part / "images_png" / f"{i}.png", rgb(scene))
        save(folder / part / "masks_png" / f"{i}.png", scene.labels)
        samples.append((photo, np.where(scene.labels == 0, -1, scene.labels)))
    for part in ["Train", "Val"]:
        (folder / "images" / part).parent.mkdir(exist_ok=True)
        (folder / "masks" / part).parent.mkdir(exist_ok=True)
        (folder / part / "images_png").rename(folder / "images" / part)
        (folder / part / "masks_png").rename(folder / "masks" / part)
    return Shape("--images images --masks masks --ignore-index 0", samples, 4, "images")


@shape()
def coco_stuff(folder, scenes):
    """Pixel maps with 255 for things without a label, gaps among the classes."""
    values = np.array([0, 7, 181, 255])
    samples = []
    for i, scene in enumerate(scenes):
        photo = jpeg(folder / "train2017" / f"00000000000{i}.jpg", scene)
        save(folder / "stuffthingmaps/train2017" / f"00000000000{i}.png", values[scene.labels])
        samples.append((photo, np.array([0, 1, 2, -1])[scene.labels]))
    return Shape("--images train2017 --masks stuffthingmaps/train2017 --ignore-index 255", samples, 3, "train2017", near, warns="181")


@shape()
def kitti_semantic(folder, scenes):
    """16-bit photos are rare on roads, but the labels are plain: training/image_2 and training/semantic."""
    samples = []
    for i, scene in enumerate(scenes):
        photo = save(folder / "training/image_2" / f"00000{i}_10.png", rgb(scene))
        save(folder / "training/semantic" / f"00000{i}_10.png", scene.labels)
        save(folder / "training/semantic_rgb" / f"00000{i}_10.png", coloured(scene.labels, STREET))
        samples.append((photo, scene.labels))
    return Shape("--images training/image_2 --masks training/semantic", samples, 4, "training/image_2")


@only_inspect
def labelme(folder, scenes):
    for i, scene in enumerate(scenes):
        jpeg(folder / "photos" / f"dog{i}.jpg", scene)
        text(folder / "photos" / f"dog{i}.json", json.dumps({"version": "5.4.1", "shapes": [{"label": "dog", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"}]}))
    return Shape("--images photos --masks photos", [], 2, "photos", refuses="json")


@only_inspect
def yolo_polygons(folder, scenes):
    for i, scene in enumerate(scenes):
        jpeg(folder / "train/images" / f"a{i}.jpg", scene)
        text(folder / "train/labels" / f"a{i}.txt", "0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    text(folder / "data.yaml", "names: [car]\n")
    return Shape("--images train/images --masks train/labels", [], 2, "train/images", refuses="txt|polygon")


@only_inspect
def brats_nifti(folder, scenes):
    for i, scene in enumerate(scenes):
        save(folder / "slices" / f"b{i}.png", rgb(scene))
        make(folder / "seg" / f"b{i}.nii.gz").write_bytes(b"\x1f\x8b\x08\0" + struct.pack("<i", 348) * 4)
    return Shape("--images slices --masks seg", [], 2, "slices", refuses="nii|nifti")


def add_shapes(maker) -> None:
    for name, function, commands in shapes:
        full = f"shape--{name}"
        if not maker.wants(full):
            continue
        made = function(maker.folder(full), make_scenes(COUNT, WIDTH, HEIGHT))
        samples = [{"photo": maker.store.keep(photo), "classes": maker.store.keep(np.asarray(classes).astype(int))} for photo, classes in made.samples]
        expect = {"expect": REFUSES if made.refuses else READS, "says": made.refuses}
        maker.cells.append(
            Cell(full, "shapes", {"shape": name}, made.args, samples, made.num_classes,
                 photo={"expect": READS, "says": "", "tolerance": made.tolerance, "range": made.range, "channels": 3},
                 mask=expect, warns=made.warns, commands=commands, photos=made.photos)
        )
