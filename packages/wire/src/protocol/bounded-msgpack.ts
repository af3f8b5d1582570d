/**
 * Looks at a message before anything is made of it. What passes here is one whole value, no longer and no deeper than
 * messages of ours are, whose every announced length is really there, so that decoding it takes no more memory than a
 * small multiple of its bytes. Extension types, which no message of ours has, are refused altogether: among them are
 * record definitions, which the decoder remembers and compiles functions from.
 */

/** What a broker of ours takes at most. */
export const maxMessageBytes = 2 * 1024 * 1024;
/** Messages of ours have four levels. */
const maxDepth = 16;

/** Bytes after the first one, for the types of fixed length 0xc0 to 0xd3; -1 for those that are refused. */
const fixedLengths: Record<number, number> = {
  192: 0,
  194: 0,
  195: 0,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
};
/** Bytes of the length field, by type: strings and byte strings, arrays, maps. */
const textTypes: Record<number, number> = { 196: 1, 197: 2, 198: 4, 217: 1, 218: 2, 219: 4 };
const arrayTypes: Record<number, number> = { 220: 2, 221: 4 };
const mapTypes: Record<number, number> = { 222: 2, 223: 4 };

/**
 * Whether the bytes are one whole MessagePack value within the bounds. Never throws; allocates nothing. `maxBytes`: of
 * values that came in pieces.
 */
export function isBoundedMsgpack(bytes: Uint8Array, maxBytes = maxMessageBytes): boolean {
  if (bytes.byteLength > maxBytes) return false;
  /** Values still to come, by level. */
  const open: number[] = [1];
  let at = 0;
  const take = (width: number): number => {
    let length = 0;
    // A byte beyond the end gives NaN, which no comparison below lets pass.
    for (let i = 0; i < width; i++) length = length * 256 + bytes[at++]!;
    return length;
  };
  while (open.length > 0) {
    if (open.at(-1) === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]!--;
    const type = bytes[at++];
    if (type === undefined) return false;
    if (type < 0x80 || type >= 0xe0) continue;
    let numBytes = fixedLengths[type] ?? -1;
    let numValues = 0;
    if (type < 0x90) numValues = (type & 15) * 2;
    else if (type < 0xa0) numValues = type & 15;
    else if (type < 0xc0) numBytes = type & 31;
    else if (type in textTypes) numBytes = take(textTypes[type]!);
    else if (type in arrayTypes) numValues = take(arrayTypes[type]!);
    else if (type in mapTypes) numValues = take(mapTypes[type]!) * 2;
    else if (numBytes === -1) return false;
    const isContainer = type < 0xa0 || type in arrayTypes || type in mapTypes;
    const left = bytes.byteLength - at;
    if (!isContainer) {
      if (!(numBytes <= left)) return false;
      at += numBytes;
      continue;
    }
    // Each value takes a byte at least.
    if (!(numValues <= left) || open.length >= maxDepth) return false;
    open.push(numValues);
  }
  return at === bytes.byteLength;
}
