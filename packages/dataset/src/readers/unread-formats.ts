/**
 * Formats that hold photos or masks elsewhere and are not read here: what each is, and how to get from it to one that
 * is. Messages that find nothing to read ask here, so that nobody is left with "there is no mask" before a full folder.
 */

export type Kind = 'photo' | 'mask';

/**
 * `extensions`: lower case, with the dot; the longest that fits a name counts. `what` stands in brackets behind "12 files
 * .json"; `remedy` completes "…: ", where photos and masks differ with one for each.
 */
const unread = (extensions: string, what: string, remedy: string | Record<Kind, string>) => ({
  extensions: extensions.split(' '),
  what,
  remedy,
});

const asPictures = 'save them as PNG or TIFF';
const sliced = 'save each slice as a TIFF or PNG of its own';
const drawn = (how: string) => ({
  photo: 'name the folder of the photos they describe',
  mask: `draw them into index masks first, one PNG for each photo whose pixels are class indices (${how})`,
});

const unreadFormats = [
  unread(
    '.json .jsonl .ndjson .geojson',
    'annotations, as COCO, LabelMe and others write them',
    drawn(
      "LabelMe, a file for each photo: its labelme2voc.py with --labels and --noobject writes JPEGImages and SegmentationClass, with one numbering for all files, as labelme_export_json does not; COCO: pycocotools' annToMask; polygons: Pillow's ImageDraw",
    ),
  ),
  unread(
    '.xml',
    'annotations, as Pascal VOC and CVAT write them',
    drawn(
      'CVAT: export as "Segmentation mask 1.1"; Pascal VOC: the folder SegmentationClass has the masks, Annotations has boxes',
    ),
  ),
  unread(
    '.txt',
    'text: polygons or boxes, if they are labels for YOLO',
    drawn("polygons: Pillow's ImageDraw; boxes say nothing about pixels"),
  ),
  unread(
    '.csv .tsv',
    'tables: run lengths or polygons, if they are annotations',
    drawn('run lengths: numpy, column by column'),
  ),
  unread('.shp .gpkg .kml .kmz', 'vector maps', drawn('gdal_rasterize')),
  unread('.npz', 'archives of NumPy arrays', {
    photo: 'save each photo as PNG or TIFF',
    mask: "save each mask as .npy: np.save('0001.npy', np.load('0001.npz')['NAME'])",
  }),
  unread('.h5 .hdf5 .he5 .hdf .nc .zarr', 'HDF5 or NetCDF files', {
    photo: 'save each photo as PNG or TIFF',
    mask: "save each mask as .npy: np.save('0001.npy', h5py.File('0001.h5')['NAME'][:])",
  }),
  unread('.pkl .pickle .pt .pth', 'Python objects, which are programs and never opened', {
    photo: 'save each photo as PNG or TIFF',
    mask: 'save each mask as PNG or .npy',
  }),
  unread('.tfrecord .tfrecords .parquet .arrow .lmdb .mdb', 'collections of many pictures', {
    photo: 'save each photo as JPEG or PNG',
    mask: 'save each mask as PNG',
  }),
  unread('.zip .tar .gz .tgz .bz2 .xz .zst .7z .rar', 'archives', 'unpack them first'),
  unread(
    '.jpg .jpeg .jpe .jfif',
    'JPEG: its compression makes values in between at every edge, so that classes blend',
    'save the masks as PNG from where they come; black and white ones can be read as they are with --mask-threshold 128',
  ),
  unread(
    '.heic .heif .hif',
    'HEIC, as telephones write it',
    'save them as JPEG or PNG (heif-convert, or magick mogrify -format jpg *.heic)',
  ),
  unread('.avif .avifs', 'AVIF', 'save them as PNG (avifdec)'),
  unread('.jxl', 'JPEG XL', 'save them as PNG (djxl)'),
  unread('.jp2 .j2k .j2c .jpf .jpx', 'JPEG 2000', 'save them as TIFF (gdal_translate, or opj_decompress)'),
  unread(
    '.dng .cr2 .cr3 .crw .nef .nrw .arw .orf .rw2 .raf .pef .srw .x3f .raw',
    "a camera's raw data",
    'develop them into TIFF or JPEG (darktable-cli, or dcraw -T)',
  ),
  unread('.dcm .dicom .ima', 'DICOM', `${sliced} (pydicom's pixel_array with tifffile, or dcm2img)`),
  unread(
    '.nii .nii.gz .mha .mhd .nrrd .mgz .mgh .mrc',
    'volumes: NIfTI and the like',
    `${sliced} (nibabel or SimpleITK, with tifffile)`,
  ),
  unread(
    '.czi .lif .nd2 .oib .oif .lsm .ims .vsi .dv',
    "a microscope's own format",
    `${sliced} (Bio-Formats' bfconvert, or ImageJ)`,
  ),
  unread(
    '.svs .ndpi .mrxs .scn .qptiff .bif',
    'whole slides',
    'cut them into tiles of PNG or TIFF (OpenSlide, or libvips)',
  ),
  unread(
    '.img .ecw .sid .vrt .grd .asc .adf .hgt .bil .safe',
    'grids of a geographic system',
    'save them as GeoTIFF (gdal_translate -of GTiff)',
  ),
  unread('.exr .hdr .pfm', 'pictures of high range', 'save them as float TIFF'),
  unread('.pgm .ppm .pbm .pnm .pam', 'Netpbm pictures', asPictures),
  unread('.fits .fit .fts', 'FITS', 'save them as TIFF (astropy, with tifffile)'),
  unread('.tga .pcx .ico .sgi .dds', 'pictures', asPictures),
  unread(
    '.svg .svgz .eps .ai .pdf .dxf .dwg',
    'drawings without pixels',
    'export them as PNG at the size of the photos, without antialiasing for masks',
  ),
  unread(
    '.psd .psb .xcf .kra .clip .afphoto',
    'layered pictures of a paint program',
    'export each as PNG (without antialiasing, for masks)',
  ),
  unread(
    '.mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .mts',
    'videos',
    'take their frames (ffmpeg -i a.mp4 a-%06d.png)',
  ),
];

const byExtension = new Map(
  unreadFormats.flatMap((format) => format.extensions.map((extension) => [extension, format] as const)),
);

/** Every extension of a format that is known and not read, whether for photos or for masks. */
export const unreadExtensions: readonly string[] = [...byExtension.keys()];

/** "slice.nii.gz" is .nii.gz before it is .gz. */
function formatOf(name: string): { extension: string; format: ReturnType<typeof unread> } | null {
  const lower = name.toLowerCase();
  for (const [, extension = ''] of lower.matchAll(/(?=(\.[^/\\]+)$)/g)) {
    const format = byExtension.get(extension);
    if (format !== undefined) return { extension, format };
  }
  return null;
}

/**
 * What the files of formats that are not read are, and what to do, for the most frequent format among `names` (paths or
 * names, those of formats that are read left out by the caller): `12 files .npz (archives of NumPy arrays), which are not
 * read: save each mask as .npy: …`. null where no name says anything. Ends without a full stop.
 */
export function describeUnread(kind: Kind, names: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const name of names) {
    const found = formatOf(name);
    if (found !== null) counts.set(found.extension, (counts.get(found.extension) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (most === undefined) return null;
  const [extension, count] = most;
  const { what, remedy } = byExtension.get(extension)!;
  const files = `${count === 1 ? 'one file' : `${count} files`} ${extension}`;
  const todo = typeof remedy === 'string' ? remedy : remedy[kind];
  return `${files} (${what}), which ${count === 1 ? 'is' : 'are'} not read: ${todo}`;
}
