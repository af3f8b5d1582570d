/** The one thing that EXIF data says about pixels: how they are to be turned. */

/** EXIF's orientation 1 to 8 of an EXIF block (a TIFF header with directories); 1 where it says none. */
export function exifOrientation(exif: Uint8Array): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (exif.length < 8) return 1;
  const order = view.getUint16(0);
  const littleEndian = order === 0x4949;
  if (!littleEndian && order !== 0x4d4d) return 1;
  const start = view.getUint32(4, littleEndian);
  if (start + 2 > exif.length) return 1;
  const numEntries = view.getUint16(start, littleEndian);
  for (let i = 0; i < numEntries; i++) {
    const at = start + 2 + 12 * i;
    if (at + 12 > exif.length) return 1;
    if (view.getUint16(at, littleEndian) === 274)
      return checkedOrientation(view.getUint16(at + 8, littleEndian));
  }
  return 1;
}

/** Values outside 1 to 8 mean nothing, and viewers pass over them. */
export function checkedOrientation(value: number): number {
  return Number.isInteger(value) && value >= 1 && value <= 8 ? value : 1;
}
