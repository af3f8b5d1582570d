/**
 * TFRecord framing, as TensorBoard's reader wants it: length, masked CRC-32C of the length, data, masked CRC-32C of the
 * data, all little-endian (tensorflow/core/lib/io/record_writer.h).
 */

/** Bytes before a record's data, and after it. */
export const headerBytes = 12;
export const footerBytes = 4;

/** Castagnoli's polynomial, reflected. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (RFC 3720, appendix B.4). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum of data that holds checksums is weak: these are rotated and shifted. */
function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(headerBytes + data.length + footerBytes);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, headerBytes);
  view.setUint32(headerBytes + data.length, maskedCrc32c(data), true);
  return record;
}

/** Of the data, by a record's header; null where the length has another checksum, as in what was never a record. */
export function lengthOf(header: Uint8Array): number | null {
  const view = new DataView(header.buffer, header.byteOffset, headerBytes);
  if (view.getUint32(8, true) !== maskedCrc32c(header.subarray(0, 8))) return null;
  const length = view.getBigUint64(0, true);
  return length <= Number.MAX_SAFE_INTEGER ? Number(length) : null;
}
