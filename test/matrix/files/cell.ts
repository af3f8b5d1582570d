/** What the generator says of a cell (python/cell.py), and what the product made of it. */

export type Expect = 'reads' | 'refuses' | 'either';

/** Numbers in the generator's store: little-endian float64, C order. */
export interface Stored {
  file: string;
  shape: number[];
}

export interface Cell {
  name: string;
  part: string;
  /** Kinds that it is made of. */
  files: Record<string, string>;
  /** Of the command line, relative to the cell's folder. */
  args: string[];
  /** In the order of ids. photo: HWC in the file's own numbers, upright; classes: HW, -1 where ignored. */
  samples: { photo: Stored; classes: Stored }[];
  num_classes: number;
  photo: {
    expect: Expect;
    says: string;
    /** Share of the range that a pixel may differ by. */
    tolerance: number;
    /** The numbers that are black and white, or 'auto' where the product chooses. */
    range: 'auto' | [number, number];
    channels: 1 | 3 | 4;
  };
  mask: { expect: Expect; says: string };
  /** Regular expression of a word that is due where the files are read; '' for none. */
  warns: string;
  commands: string[];
  /** What predict is given. */
  photos: string;
}

export interface LookedSample {
  id: string;
  width: number;
  height: number;
  channels: number;
  /** HWC in 0..1, as the model sees them. */
  images: Float32Array;
  labels: Int32Array;
}

/** What became of the files: read, refused with a sentence, or an accident. */
export type Look =
  | {
      kind: 'read';
      exitCode: number;
      /** Every text that a person gets to see. */
      said: string;
      classPixels: number[];
      samples: LookedSample[];
    }
  | { kind: 'refused'; exitCode: number; sentence: string }
  | { kind: 'accident'; text: string };
