/**
 * The directories of a TIFF or BigTIFF file: what its tags say, each checked to lie in the file before it is read. Only
 * the chain of directories is followed, and none twice. Source: "TIFF, revision 6.0", Adobe; "BigTIFF", libtiff.
 */

export const TAG = {
  subfileType: 254,
  oldSubfileType: 255,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  description: 270,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  extraSamples: 338,
  sampleFormat: 339,
  /** GDAL's, as text: the value of pixels that nothing is known of. */
  noData: 42113,
} as const;

/** Pages of one file; stacks of microscopes have thousands. */
const MAX_PAGES = 65_536;
/** A directory of a real file has some thirty entries. */
const MAX_ENTRIES = 4096;
const BYTES_PER_VALUE: Record<number, number> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};
const ASCII = 2;
const REDUCED = 1;
const TRANSPARENCY_MASK = 4;
const OLD_REDUCED = 2;

interface Entry {
  type: number;
  count: number;
  /** Where its values begin. */
  at: number;
}

export class TiffFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly littleEndian: boolean;
  private readonly isBig: boolean;

  /** Throws a plain sentence where the bytes are no TIFF. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = bytes.length < 8 ? 0 : this.view.getUint16(0);
    this.littleEndian = order === 0x4949;
    const version = bytes.length < 8 ? 0 : this.view.getUint16(2, this.littleEndian);
    if ((!this.littleEndian && order !== 0x4d4d) || (version !== 42 && version !== 43)) {
      throw new Error('it is no TIFF file');
    }
    this.isBig = version === 43;
    if (this.isBig && (bytes.length < 16 || this.view.getUint16(4, this.littleEndian) !== 8)) {
      throw new Error('it is damaged: no header of a BigTIFF file');
    }
  }

  /** All directories of the chain, in order. Throws where it leads out of the file, or to one that was there before. */
  directories(): TiffDirectory[] {
    const found: TiffDirectory[] = [];
    const seen = new Set<number>();
    // Directories may overlap in a hostile file, and each be read whole.
    let numEntriesLeft = this.bytes.length / 12;
    for (let at = this.offset(this.isBig ? 8 : 4); at !== 0; ) {
      if (seen.has(at)) throw new Error('it is damaged: its directories lead in a circle');
      if (found.length >= MAX_PAGES) throw new Error(`it has more than ${MAX_PAGES} pages`);
      seen.add(at);
      const { directory, next } = this.directoryAt(at, found.length);
      numEntriesLeft -= directory.numEntries;
      if (numEntriesLeft < 0) throw new Error('it is damaged: its directories overlap');
      found.push(directory);
      at = next;
    }
    if (found.length === 0) throw new Error('it has no image');
    return found;
  }

  private directoryAt(start: number, index: number): { directory: TiffDirectory; next: number } {
    const [countBytes, entryBytes, inlineBytes] = this.isBig ? [8, 20, 8] : [2, 12, 4];
    this.need(start, countBytes);
    const numEntries = this.isBig ? this.big(start) : this.view.getUint16(start, this.littleEndian);
    if (numEntries > MAX_ENTRIES) throw new Error(`it is damaged: a directory of ${numEntries} entries`);
    const entriesEnd = start + countBytes + entryBytes * numEntries;
    this.need(entriesEnd, inlineBytes);
    const entries = new Map<number, Entry>();
    for (let at = start + countBytes; at < entriesEnd; at += entryBytes) {
      const tag = this.view.getUint16(at, this.littleEndian);
      const type = this.view.getUint16(at + 2, this.littleEndian);
      const count = this.isBig ? this.big(at + 4) : this.view.getUint32(at + 4, this.littleEndian);
      const valueAt = at + (this.isBig ? 12 : 8);
      const numBytes = (BYTES_PER_VALUE[type] ?? 0) * count;
      if (entries.has(tag) && Object.values<number>(TAG).includes(tag)) {
        throw new Error(`it is damaged: tag ${tag} is there twice`);
      }
      entries.set(tag, { type, count, at: numBytes > inlineBytes ? this.offset(valueAt) : valueAt });
    }
    return { directory: new TiffDirectory(this, entries, index), next: this.offset(entriesEnd) };
  }

  /** A 64-bit number; beyond what a file can have it is as good as infinite. */
  private big(at: number): number {
    return Number(this.view.getBigUint64(at, this.littleEndian));
  }

  private offset(at: number): number {
    this.need(at, this.isBig ? 8 : 4);
    return this.isBig ? this.big(at) : this.view.getUint32(at, this.littleEndian);
  }

  need(at: number, numBytes: number): void {
    if (!(at >= 0 && at + numBytes <= this.bytes.length)) throw new Error('the file ends early');
  }
}

export class TiffDirectory {
  readonly file: TiffFile;
  /** Among all directories of the chain. */
  readonly index: number;
  private readonly entries: Map<number, Entry>;

  constructor(file: TiffFile, entries: Map<number, Entry>, index: number) {
    this.file = file;
    this.entries = entries;
    this.index = index;
  }

  get numEntries(): number {
    return this.entries.size;
  }

  /** Whether it is a picture of its own, and no thumbnail, level of a pyramid or transparency of another. */
  get isPage(): boolean {
    const type = this.number(TAG.subfileType, 0);
    return (type & (REDUCED | TRANSPARENCY_MASK)) === 0 && this.number(TAG.oldSubfileType, 0) !== OLD_REDUCED;
  }

  /** The tag's first number, or `otherwise` where it is not there. */
  number(tag: number, otherwise: number): number {
    return this.numbers(tag, 1)[0] ?? otherwise;
  }

  /** The tag's numbers, at most `limit`; [] where it is not there. */
  numbers(tag: number, limit: number): number[] {
    const entry = this.entries.get(tag);
    if (entry === undefined) return [];
    const width = BYTES_PER_VALUE[entry.type];
    if (width === undefined) throw new Error(`it is damaged: tag ${tag} has the unknown type ${entry.type}`);
    const count = Math.min(entry.count, limit);
    this.file.need(entry.at, count * width);
    return Array.from({ length: count }, (_, i) => this.value(entry.type, entry.at + i * width));
  }

  /** How many numbers the tag claims to have. */
  count(tag: number): number {
    return this.entries.get(tag)?.count ?? 0;
  }

  text(tag: number, limit: number): string {
    const entry = this.entries.get(tag);
    if (entry?.type !== ASCII) return '';
    const { bytes } = this.file;
    return Buffer.from(bytes.subarray(entry.at, entry.at + Math.min(entry.count, limit))).toString('latin1');
  }

  private value(type: number, at: number): number {
    const { view, littleEndian } = this.file;
    switch (type) {
      case 3:
        return view.getUint16(at, littleEndian);
      case 4:
      case 13:
        return view.getUint32(at, littleEndian);
      case 6:
        return view.getInt8(at);
      case 8:
        return view.getInt16(at, littleEndian);
      case 9:
        return view.getInt32(at, littleEndian);
      case 11:
        return view.getFloat32(at, littleEndian);
      case 12:
        return view.getFloat64(at, littleEndian);
      case 16:
      case 17:
      case 18:
        return Number(view.getBigUint64(at, littleEndian));
      case 5:
      case 10:
        return view.getUint32(at, littleEndian) / view.getUint32(at + 4, littleEndian);
      default:
        return view.getUint8(at);
    }
  }
}
