/**
 * The safetensors format, https://huggingface.co/docs/safetensors: 8 bytes little-endian length, a JSON header, the
 * tensors. Written here because npm has no package that writes it. What is read is not trusted: a header that is too
 * long, types or shapes that do not fit, tensors outside the file, overlapping or with holes are refused before
 * anything is used.
 */
import { printable } from '@unet-fleet/law';

export const bytesPerValue = { F32: 4, I64: 8 } as const;
export type TensorType = keyof typeof bytesPerValue;

export interface TensorHeader {
  name: string;
  dtype: TensorType;
  shape: number[];
  /** Bytes [begin, end) of the data section. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  /** By rising offset. */
  tensors: TensorHeader[];
  /** Where the data section begins in the file. */
  dataOffset: number;
}

/** The reference implementation allows 100 MB; the largest U-Net needs 20 kB. */
const maximumHeaderBytes = 4 * 1024 * 1024;
const alignmentBytes = 8;
const maximumShownName = 100;

const sizeBytes = (dtype: TensorType, shape: number[]): number =>
  shape.reduce((product, n) => product * n, bytesPerValue[dtype]);

/**
 * Header of a file that holds these tensors one after another, in this order. Put 8-byte types first, so that each
 * tensor is aligned.
 */
export function encodeHeader(
  tensors: Pick<TensorHeader, 'name' | 'dtype' | 'shape'>[],
  metadata: Record<string, string>,
): Uint8Array {
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = begin + sizeBytes(dtype, shape);
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  // An object of entries keeps every name, also one that an assignment would take for the prototype.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(text.length / alignmentBytes) * alignmentBytes;
  const bytes = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  return bytes;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function decodeTensor(fullName: string, value: unknown, numDataBytes: number): TensorHeader {
  const name = printable(fullName, maximumShownName);
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (dtype !== 'F32' && dtype !== 'I64') {
    const type = typeof dtype === 'string' ? `the unknown type ${printable(dtype, 20)}` : 'no type';
    throw new Error(`tensor ${name} has ${type}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) throw new Error(`tensor ${name} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw new Error(`tensor ${name} has no valid offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > numDataBytes) throw new Error(`tensor ${name} lies outside the file`);
  if (end - begin !== sizeBytes(dtype, shape))
    throw new Error(`tensor ${name} has another size than its shape`);
  return { name: fullName, dtype, shape, begin, end };
}

/** Reads and checks the header of a whole file. Throws an Error that says what is wrong with it. */
export function decodeHeader(file: Uint8Array): SafetensorsHeader {
  if (file.length < 8) throw new Error('it is shorter than its length field');
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (headerBytes > maximumHeaderBytes) throw new Error(`its header claims ${headerBytes} bytes`);
  if (8 + headerBytes > file.length) throw new Error('its header is cut off');
  const dataOffset = 8 + headerBytes;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, dataOffset)));
  } catch {
    throw new Error('its header is no valid JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error('its header is no JSON object');
  }
  const { __metadata__: metadata = {}, ...entries } = json as Record<string, unknown>;
  const tensors = Object.entries(entries)
    .map(([name, value]) => decodeTensor(name, value, file.length - dataOffset))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      throw new Error(
        `tensor ${printable(tensor.name, maximumShownName)} ${tensor.begin < end ? 'overlaps' : 'leaves a hole after'} the one before`,
      );
    }
    end = tensor.end;
  }
  if (dataOffset + end !== file.length) throw new Error('there are bytes after its last tensor');
  return { metadata: metadata as Record<string, string>, tensors, dataOffset };
}
