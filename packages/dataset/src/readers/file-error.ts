/**
 * The one error of all readers. Decoders throw plain sentences ("the file ends early"); `inFile` turns whatever comes
 * out of a decoder, or of a library on damaged bytes, into a UserError that names the file.
 */
import { messageOf, printable, UserError } from '@unet-fleet/law';
import { refusalOf } from '@unet-fleet/shared';

/** Characters of a reason, which may quote what a damaged file holds. */
const MAX_REASON_LENGTH = 600;

/** A file whose content cannot be used: damaged, of another kind than its name says, or without what we look for. */
export class FileError extends UserError {
  readonly path: string;
  /** What is wrong, without the file's name. */
  readonly reason: string;
  constructor(path: string, reason: string) {
    const shown = printable(reason, MAX_REASON_LENGTH);
    super(`Cannot read ${path}: ${shown}.`);
    this.name = 'FileError';
    this.path = path;
    this.reason = shown;
  }
}

/** Runs a decoder; anything it throws becomes a FileError about `path`. */
export async function inFile<T>(path: string, decode: () => T | Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(path, reasonOf(error));
  }
}

/** Libraries' messages that say little to a person. */
const libraryMessages: [RegExp, string][] = [
  [/unsupported image format|unknown or unsupported/i, 'it is no picture, or damaged at its start'],
  [
    /premature end|unknown error|^(input (buffer|file)|vips\w*:|tiff2vips|webp|pngload|jpegload)/i,
    'it ends early or is damaged; copy or download it again',
  ],
  [/name not defined/, 'its HDF5 structure is damaged'],
];

function reasonOf(error: unknown): string {
  const code = (error as { code?: string })?.code;
  if (code === 'Z_BUF_ERROR') return 'the file ends early';
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'its compressed data is larger than its header says';
  if (code === 'Z_DATA_ERROR') return 'its compressed data is damaged';
  const message = messageOf(error);
  const refused = refusalOf(error);
  if (refused !== '') return refused;
  // The engine's words for what a library did with numbers from the file: an index, a length, a missing part.
  if (error instanceof RangeError || error instanceof TypeError) return 'it is damaged or ends early';
  const known = libraryMessages.find(([pattern]) => pattern.test(message));
  if (known !== undefined) return known[1];
  // Libraries report over several lines; the first one names the fault.
  const line = (message.split('\n')[0] ?? '').trim().replace(/[.:]+$/, '');
  return line === '' ? 'it is damaged' : line;
}
