/**
 * Bulk frames: raw little-endian values behind a fixed 48-byte header that says exactly what they are, down to the format
 * of the values. A frame that is not exactly what its receiver asked for is never used, whatever carried it.
 */
import { crc32 } from 'node:zlib';
import type { ValueFormat, Version } from '@unet-fleet/law';

export const frameHeaderBytes = 48;
const magic = 0x31464655; // "UFF1"
const formatVersion = 2;

const frameKinds = { gradient: 1, weights: 2, state: 3 } as const;
export type FrameKind = keyof typeof frameKinds;
const kindNames: Record<number, FrameKind> = { 1: 'gradient', 2: 'weights', 3: 'state' };
/** What the frame does: asks for values, carries them, or says that the sender does not have them. */
const roles = { request: 1, data: 2, absent: 3 } as const;
export type FrameRole = keyof typeof roles;
const roleNames: Record<number, FrameRole> = { 1: 'request', 2: 'data', 3: 'absent' };
const formats = { float32: 1, bf16: 2, int8: 3 } as const satisfies Record<ValueFormat, number>;
const formatNames: Record<number, ValueFormat> = { 1: 'float32', 2: 'bf16', 3: 'int8' };

/**
 * What bulk values are: a node's gradient, weights (then level and index are 0), or the state between two steps on its way
 * to a reducer or back. There, level 0 is the parameters and the statistics, level n the n-th slot of the optimizer, and
 * index the number of the snapshot, 0 for the state that a reducer begins with.
 */
export interface BulkKey {
  kind: FrameKind;
  term: number;
  /** Of the weights, or of those that the gradient was computed with. */
  version: Version;
  level: number;
  index: number;
  /** How the values are written. */
  format: ValueFormat;
}

export interface FrameHeader extends BulkKey {
  role: FrameRole;
  bucket: number;
  /** Where the payload lies in the bucket, in bytes. */
  offsetBytes: number;
  lengthBytes: number;
  /** Of the whole bucket. */
  totalBytes: number;
  /** Of the payload, as checksumOf of numerics has it. */
  checksum: number;
}

/** A short fingerprint of the run's id, so that frames of another run are told apart without a string compare. */
export const runTagOf = (runId: string): number => crc32(runId);

/**
 * Payload bytes per frame, at most: a bucket of float32. Where the broker takes less (1 MiB by default), frames are smaller
 * (payload.ts); all but the last of a bucket have the same size, a power of two.
 */
export const chunkBytes = 4 * 1024 * 1024;
/** A receiver keeps a note of each frame: smaller ones than any broker makes necessary are none. */
export const leastChunkBytes = 4 * 1024;

/** A request is a header and the number that its answers' subject ends in. */
export const requestBytes = frameHeaderBytes + 4;

/** Whether a chunk, not the last of its bucket, may have this size. */
export const isChunkSize = (sizeBytes: number): boolean =>
  sizeBytes >= leastChunkBytes && sizeBytes <= chunkBytes && Number.isInteger(Math.log2(sizeBytes));

export const bulkKeyText = (key: BulkKey): string =>
  `${key.kind}-${key.format}-${key.term}-${key.version}-${key.level}-${key.index}`;

export const bucketText = (key: BulkKey, bucket: number): string => `${bulkKeyText(key)}-${bucket}`;

/** Writes a header into the first 48 bytes of `into`. */
export function encodeHeader(into: Buffer, runTag: number, header: FrameHeader): void {
  into.writeUInt32LE(magic, 0);
  into.writeUInt8(formatVersion, 4);
  into.writeUInt8(roles[header.role] * 16 + frameKinds[header.kind], 5);
  into.writeUInt8(formats[header.format], 6);
  into.writeUInt8(header.level, 7);
  into.writeUInt32LE(runTag, 8);
  into.writeUInt32LE(header.term, 12);
  into.writeUInt32LE(header.version, 16);
  into.writeUInt32LE(header.index, 20);
  into.writeUInt32LE(header.bucket, 24);
  into.writeUInt32LE(header.offsetBytes, 28);
  into.writeUInt32LE(header.lengthBytes, 32);
  into.writeUInt32LE(header.totalBytes, 36);
  into.writeUInt32LE(header.checksum, 40);
  into.writeUInt32LE(crc32(into.subarray(0, 44)), 44);
}

/** Reads a header, or says in words why the bytes are not one of this run's. Never throws. */
export function decodeHeader(bytes: Uint8Array, runTag: number): FrameHeader | string {
  if (bytes.byteLength < frameHeaderBytes) return 'shorter than a frame header';
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, frameHeaderBytes);
  if (view.readUInt32LE(0) !== magic) return 'not a frame';
  if (view.readUInt32LE(44) !== crc32(view.subarray(0, 44))) return 'damaged frame header';
  if (view.readUInt8(4) !== formatVersion) return 'frame of another format';
  if (view.readUInt32LE(8) !== runTag) return 'frame of another run';
  const role = roleNames[view.readUInt8(5) >> 4];
  const kind = kindNames[view.readUInt8(5) & 15];
  const format = formatNames[view.readUInt8(6)];
  if (!role || !kind || !format) return 'frame of an unknown kind';
  return {
    role,
    kind,
    format,
    level: view.readUInt8(7),
    term: view.readUInt32LE(12),
    version: view.readUInt32LE(16),
    index: view.readUInt32LE(20),
    bucket: view.readUInt32LE(24),
    offsetBytes: view.readUInt32LE(28),
    lengthBytes: view.readUInt32LE(32),
    totalBytes: view.readUInt32LE(36),
    checksum: view.readUInt32LE(40),
  };
}

/** Why `header` is not the bucket that was asked for; null when it is. */
export function mismatch(
  header: FrameHeader,
  key: BulkKey,
  bucket: number,
  totalBytes: number,
): string | null {
  const same =
    header.kind === key.kind &&
    header.format === key.format &&
    header.term === key.term &&
    header.version === key.version &&
    header.level === key.level &&
    header.index === key.index &&
    header.bucket === bucket;
  if (!same) return 'a frame that was not asked for';
  if (header.totalBytes !== totalBytes)
    return `a bucket of ${header.totalBytes} instead of ${totalBytes} bytes`;
  if (header.offsetBytes + header.lengthBytes > totalBytes) return 'a frame beyond the end of its bucket';
  return null;
}
