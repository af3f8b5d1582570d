/**
 * What a file format is to the rest: how its files are told from others, and how one becomes the numbers of a picture. An
 * entry lies with its reader, and is a line in containers.ts.
 */
import type { PixelLimit } from '../limits.ts';
import type { StoredPicture } from './picture.ts';
import type { TiffLayout } from './tiff-layout.ts';

export interface ReadOptions extends PixelLimit {
  /** Of the pages that are pictures of their own, from 0. */
  page: number;
  /** Name of the variable in a .mat file. */
  matVariable: string;
  /** Where the file lies, for a library that opens it by itself. */
  path: string;
}

/** How sharp is to decode a photo: the page for it, and what the file says that it does not. */
export interface SharpKind {
  page: number;
  bits: number;
  isLossy: boolean;
  /** Of a TIFF: what to say where sharp cannot decode it, and what its fourth channel is. */
  layout: TiffLayout | null;
}

export interface Container {
  /** In tables and files; no two are alike. */
  name: string;
  /** As a message calls such a file. */
  title: string;
  /** Lower case, with the dot. */
  extensions: readonly string[];
  /** From the first bytes. */
  matches(bytes: Uint8Array): boolean;
  /** Pages that are pictures of their own; 1 where the format has none. */
  numPages?(bytes: Uint8Array): number;
  /** Throws plain sentences about the file's content. */
  read(bytes: Uint8Array, options: ReadOptions): StoredPicture | Promise<StoredPicture>;
  /** Its photos of 8 bits are sharp's, colour profile and all; null where this one is not. Throws plain sentences. */
  forSharp?(bytes: Uint8Array, page: number, limit: PixelLimit): SharpKind | null;
  /** An array of numbers, which may be a photo, a mask, scores or features. */
  isArray?: true;
  /** "it is JPEG, whose compression", where that may move the values of a mask. */
  lossOf?: string;
  /** Each file of the format has lost something: none is a mask without a threshold. */
  isAlwaysLossy?: true;
}

export const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Buffer.from(
    bytes.buffer,
    bytes.byteOffset + Math.min(at, bytes.length),
    Math.min(text.length, Math.max(0, bytes.length - at)),
  ).equals(Buffer.from(text, 'latin1'));
