/**
 * Rows of columns, for bytes: the masks of MATLAB, of which every pixel is moved for every load. Four by four they are
 * turned in four registers, with one access to memory for four values: a loop over single values takes four times as
 * long, mostly for checking its indices.
 */

/** `values`: `width` columns of `height` values each. Returns them row by row. */
export function rowsOfColumns(values: Uint8Array, width: number, height: number): Uint8Array {
  if (values.length !== width * height) {
    throw new Error(`it has ${values.length} values for ${width} x ${height} pixels`);
  }
  const result = new Uint8Array(values.length);
  const from = new DataView(values.buffer, values.byteOffset, values.length);
  const to = new DataView(result.buffer);
  const wholeWidth = width - (width % 4);
  const wholeHeight = height - (height % 4);
  for (let x = 0; x < wholeWidth; x += 4) {
    let at = x * height;
    for (let y = 0; y < wholeHeight; y += 4, at += 4) {
      const a = from.getInt32(at, true);
      const b = from.getInt32(at + height, true);
      const c = from.getInt32(at + 2 * height, true);
      const d = from.getInt32(at + 3 * height, true);
      // Rows 0 and 2 of the block, then 1 and 3, of two columns each.
      const ab02 = (a & 0x00ff00ff) | ((b & 0x00ff00ff) << 8);
      const ab13 = ((a >>> 8) & 0x00ff00ff) | (b & 0xff00ff00);
      const cd02 = (c & 0x00ff00ff) | ((d & 0x00ff00ff) << 8);
      const cd13 = ((c >>> 8) & 0x00ff00ff) | (d & 0xff00ff00);
      const row = y * width + x;
      to.setInt32(row, (ab02 & 0xffff) | (cd02 << 16), true);
      to.setInt32(row + width, (ab13 & 0xffff) | (cd13 << 16), true);
      to.setInt32(row + 2 * width, (ab02 >>> 16) | (cd02 & 0xffff0000), true);
      to.setInt32(row + 3 * width, (ab13 >>> 16) | (cd13 & 0xffff0000), true);
    }
  }
  for (let x = 0; x < width; x++) {
    for (let y = x < wholeWidth ? wholeHeight : 0; y < height; y++) {
      result[y * width + x] = values[x * height + y] as number;
    }
  }
  return result;
}
