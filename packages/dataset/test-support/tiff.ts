/** A small writer of TIFF for the tests: uncompressed, little-endian, one strip a page, with the tags that it is given. */

export interface TiffPage {
  width: number;
  height: number;
  /** Bytes of the strip, HWC. */
  data: Uint8Array;
  bits: number;
  samples?: number;
  photometric?: number;
  /** 1 unsigned, 2 signed, 3 float. */
  format?: number;
  /** Tag and value: of 16 bits, or a text of at most three letters. */
  tags?: Record<number, number | string>;
}

export function tiffOf(...pages: TiffPage[]): Buffer {
  const parts: Buffer[] = [Buffer.from('II*\0\0\0\0\0', 'latin1')];
  let at = 8;
  // Where the offset of the next directory is to be written.
  let link: { buffer: Buffer; at: number } = { buffer: parts[0] as Buffer, at: 4 };
  for (const page of pages) {
    const { width, height, data, bits, samples = 1, photometric = 1, format = 1, tags = {} } = page;
    const entries = {
      256: width,
      257: height,
      259: 1,
      262: photometric,
      273: at,
      277: samples,
      278: height,
      279: data.length,
      258: bits,
      339: format,
      ...tags,
    };
    const padded = Buffer.concat([data], data.length + (data.length & 1));
    const sorted = Object.entries(entries).sort(([a], [b]) => Number(a) - Number(b));
    const directory = Buffer.alloc(2 + 12 * sorted.length + 4);
    directory.writeUInt16LE(sorted.length, 0);
    for (const [i, [tag, value]] of sorted.entries()) {
      directory.writeUInt16LE(Number(tag), 2 + 12 * i);
      const isText = typeof value === 'string';
      directory.writeUInt16LE(isText ? 2 : 4, 4 + 12 * i);
      directory.writeUInt32LE(isText ? value.length + 1 : 1, 6 + 12 * i);
      if (isText) directory.write(value, 10 + 12 * i, 'latin1');
      else directory.writeUInt32LE(value, 10 + 12 * i);
    }
    link.buffer.writeUInt32LE(at + padded.length, link.at);
    link = { buffer: directory, at: directory.length - 4 };
    parts.push(padded, directory);
    at += padded.length + directory.length;
  }
  return Buffer.concat(parts);
}

export const bytesOf = (values: Uint16Array | Float32Array | Int16Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
