/** Values of 1 to 16 bits, packed from the high bits of each byte on; every row begins on a byte (PNG, TIFF, BMP). */

/** width: values in a row. Throws where `packed` ends early. */
export function unpackBits(
  packed: Uint8Array,
  { width, height, bits }: { width: number; height: number; bits: number },
): Uint8Array | Uint16Array {
  const rowBytes = Math.ceil((width * bits) / 8);
  if (packed.length < rowBytes * height) throw new Error('the file ends early');
  const values = new (bits > 8 ? Uint16Array : Uint8Array)(width * height);
  const mask = 2 ** bits - 1;
  for (let y = 0, at = 0; y < height; y++) {
    const row = y * rowBytes;
    for (let x = 0, bit = 0; x < width; x++, at++, bit += bits) {
      const byte = row + (bit >> 3);
      // Three bytes hold any 16 bits, wherever they begin.
      const word =
        ((packed[byte] as number) << 16) | ((packed[byte + 1] ?? 0) << 8) | (packed[byte + 2] ?? 0);
      values[at] = (word >> (24 - (bit & 7) - bits)) & mask;
    }
  }
  return values;
}
