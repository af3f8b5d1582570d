/** What the fuzzer needs to know of a reader: valid files to start from, how to read one, and what it may throw. */

/** A valid file, and how it is changed. */
export interface Seed {
  /** The file's name, whose extension may choose the reader. */
  name: string;
  bytes: Uint8Array;
  /** 'text' changes tokens and lines; 'bytes' (default) bits, lengths and ranges. */
  kind?: 'bytes' | 'text';
  /** Makes the file of the changed bytes: compresses them, or puts right the checksums that would hide what is behind. */
  wrap?(changed: Buffer): Uint8Array;
}

export interface Reader {
  name: string;
  /** How often it is tried in a long pass, in relation to the others: cheap ones more often. */
  weight: number;
  /** Small valid files; each must be accepted as it is. `folder` is there for readers that need one. */
  seeds(folder: string): Seed[] | Promise<Seed[]>;
  /** Inputs made to do harm, tried first and unchanged: claims of size, bombs, nesting. */
  hostile?(): Seed[];
  /**
   * Reads one input. Throws or returns; a plain Error for a result that cannot be right.
   * @param folder empty and of this reader alone, on a fast disk
   */
  read(input: Uint8Array, seed: Seed, folder: string): unknown;
  /** Whether this is one of the errors that the reader's documentation promises. */
  isAnswer(error: unknown): boolean;
}

/** Input i of a reader: hostile ones, then the seeds as they are, then changed ones. */
export interface Input {
  seed: Seed;
  bytes: Uint8Array;
  mustBeAccepted: boolean;
}
