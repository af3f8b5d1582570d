/**
 * Formats that hold photos or masks elsewhere and are not read here: what each is, and how to get from it to one that
 * is. Messages that find nothing to read ask here, so that nobody is left with "there is no mask" before a full folder.
 */

export type Kind = 'photo' | 'mask';

interface UnreadFormat {
  /** Lower case, with the dot; the longest that fits a name counts. */
  extensions: string[];
  /** In brackets behind "12 files .json". */
  what: string;
  /** Completes "…: "; where photos and masks differ, one for each. */
  remedy: string | Record<Kind, string>;
}

const asPictures = 'save them as PNG or TIFF';
const sliced = 'save each slice as a TIFF or PNG of its own';
const drawn = (how: string) => ({
  photo: 'name the folder of the photos they describe',
  mask: `draw them into index masks first, one PNG for each photo whose pixels are class indices (${how})`,
});

const unreadFormats: UnreadFormat[] = [
  {
    extensions: ['.json', '.jsonl', '.ndjson', '.geojson'],
    what: 'annotations, as COCO, LabelMe and others write them',
    remedy: drawn(
      "LabelMe, a file for each photo: its labelme2voc.py with --labels and --noobject writes JPEGImages and SegmentationClass, with one numbering for all files, as labelme_export_json does not; COCO: pycocotools' annToMask; polygons: Pillow's ImageDraw",
    ),
  },
  {
    extensions: ['.xml'],
    what: 'annotations, as Pascal VOC and CVAT write them',
    remedy: drawn(
      'CVAT: export as "Segmentation mask 1.1"; Pascal VOC: the folder SegmentationClass has the masks, Annotations has boxes',
    ),
  },
  {
    extensions: ['.txt'],
    what: 'text: polygons or boxes, if they are labels for YOLO',
    remedy: drawn("polygons: Pillow's ImageDraw; boxes say nothing about pixels"),
  },
  {
    extensions: ['.csv', '.tsv'],
    what: 'tables: run lengths or polygons, if they are annotations',
    remedy: drawn('run lengths: numpy, column by column'),
  },
  {
    extensions: ['.shp', '.gpkg', '.kml', '.kmz'],
    what: 'vector maps',
    remedy: drawn('gdal_rasterize'),
  },
  {
    extensions: ['.npz'],
    what: 'archives of NumPy arrays',
    remedy: {
      photo: 'save each photo as PNG or TIFF',
      mask: "save each mask as .npy: np.save('0001.npy', np.load('0001.npz')['NAME'])",
    },
  },
  {
    extensions: ['.h5', '.hdf5', '.he5', '.hdf', '.nc', '.zarr'],
    what: 'HDF5 or NetCDF files',
    remedy: {
      photo: 'save each photo as PNG or TIFF',
      mask: "save each mask as .npy: np.save('0001.npy', h5py.File('0001.h5')['NAME'][:])",
    },
  },
  {
    extensions: ['.pkl', '.pickle', '.pt', '.pth'],
    what: 'Python objects, which are programs and never opened',
    remedy: { photo: 'save each photo as PNG or TIFF', mask: 'save each mask as PNG or .npy' },
  },
  {
    extensions: ['.tfrecord', '.tfrecords', '.parquet', '.arrow', '.lmdb', '.mdb'],
    what: 'collections of many pictures',
    remedy: { photo: 'save each photo as JPEG or PNG', mask: 'save each mask as PNG' },
  },
  {
    extensions: ['.zip', '.tar', '.gz', '.tgz', '.bz2', '.xz', '.zst', '.7z', '.rar'],
    what: 'archives',
    remedy: 'unpack them first',
  },
  {
    extensions: ['.jpg', '.jpeg', '.jpe', '.jfif'],
    what: 'JPEG: its compression makes values in between at every edge, so that classes blend',
    remedy:
      'save the masks as PNG from where they come; black and white ones can be read as they are with --mask-threshold 128',
  },
  {
    extensions: ['.heic', '.heif', '.hif'],
    what: 'HEIC, as telephones write it',
    remedy: 'save them as JPEG or PNG (heif-convert, or magick mogrify -format jpg *.heic)',
  },
  { extensions: ['.avif', '.avifs'], what: 'AVIF', remedy: 'save them as PNG (avifdec)' },
  { extensions: ['.jxl'], what: 'JPEG XL', remedy: 'save them as PNG (djxl)' },
  {
    extensions: ['.jp2', '.j2k', '.j2c', '.jpf', '.jpx'],
    what: 'JPEG 2000',
    remedy: 'save them as TIFF (gdal_translate, or opj_decompress)',
  },
  {
    extensions: [
      '.dng',
      '.cr2',
      '.cr3',
      '.crw',
      '.nef',
      '.nrw',
      '.arw',
      '.orf',
      '.rw2',
      '.raf',
      '.pef',
      '.srw',
      '.x3f',
      '.raw',
    ],
    what: "a camera's raw data",
    remedy: 'develop them into TIFF or JPEG (darktable-cli, or dcraw -T)',
  },
  {
    extensions: ['.dcm', '.dicom', '.ima'],
    what: 'DICOM',
    remedy: `${sliced} (pydicom's pixel_array with tifffile, or dcm2img)`,
  },
  {
    extensions: ['.nii', '.nii.gz', '.mha', '.mhd', '.nrrd', '.mgz', '.mgh', '.mrc'],
    what: 'volumes: NIfTI and the like',
    remedy: `${sliced} (nibabel or SimpleITK, with tifffile)`,
  },
  {
    extensions: ['.czi', '.lif', '.nd2', '.oib', '.oif', '.lsm', '.ims', '.vsi', '.dv'],
    what: "a microscope's own format",
    remedy: `${sliced} (Bio-Formats' bfconvert, or ImageJ)`,
  },
  {
    extensions: ['.svs', '.ndpi', '.mrxs', '.scn', '.qptiff', '.bif'],
    what: 'whole slides',
    remedy: 'cut them into tiles of PNG or TIFF (OpenSlide, or libvips)',
  },
  {
    extensions: ['.img', '.ecw', '.sid', '.vrt', '.grd', '.asc', '.adf', '.hgt', '.bil', '.safe'],
    what: 'grids of a geographic system',
    remedy: 'save them as GeoTIFF (gdal_translate -of GTiff)',
  },
  { extensions: ['.exr', '.hdr', '.pfm'], what: 'pictures of high range', remedy: 'save them as float TIFF' },
  { extensions: ['.pgm', '.ppm', '.pbm', '.pnm', '.pam'], what: 'Netpbm pictures', remedy: asPictures },
  {
    extensions: ['.fits', '.fit', '.fts'],
    what: 'FITS',
    remedy: 'save them as TIFF (astropy, with tifffile)',
  },
  { extensions: ['.tga', '.pcx', '.ico', '.sgi', '.dds'], what: 'pictures', remedy: asPictures },
  {
    extensions: ['.svg', '.svgz', '.eps', '.ai', '.pdf', '.dxf', '.dwg'],
    what: 'drawings without pixels',
    remedy: 'export them as PNG at the size of the photos, without antialiasing for masks',
  },
  {
    extensions: ['.psd', '.psb', '.xcf', '.kra', '.clip', '.afphoto'],
    what: 'layered pictures of a paint program',
    remedy: 'export each as PNG (without antialiasing, for masks)',
  },
  {
    extensions: ['.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv', '.flv', '.mts'],
    what: 'videos',
    remedy: 'take their frames (ffmpeg -i a.mp4 a-%06d.png)',
  },
];

const byExtension = new Map(
  unreadFormats.flatMap((format) => format.extensions.map((extension) => [extension, format] as const)),
);

/** Every extension of a format that is known and not read, whether for photos or for masks. */
export const unreadExtensions: readonly string[] = [...byExtension.keys()];

/** "slice.nii.gz" is .nii.gz before it is .gz. */
function formatOf(name: string): { extension: string; format: UnreadFormat } | null {
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
  const { what, remedy } = byExtension.get(extension) as UnreadFormat;
  const files = `${count === 1 ? 'one file' : `${count} files`} ${extension}`;
  const todo = typeof remedy === 'string' ? remedy : remedy[kind];
  return `${files} (${what}), which ${count === 1 ? 'is' : 'are'} not read: ${todo}`;
}
