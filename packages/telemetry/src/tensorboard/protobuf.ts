/**
 * The part of protobuf's wire format that event files need, written and read: four kinds of fields, no schema compiler
 * (https://protobuf.dev/programming-guides/encoding).
 */

/** An encoded field, or several. */
export type Fields = Uint8Array;

const wireVarint = 0;
const wireDouble = 1;
const wireBytes = 2;
const wireFloat = 5;

const text = new TextEncoder();

/** Of a whole number from 0 to 2^53 - 1. */
function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no varint of these files`);
  const bytes: number[] = [];
  let rest = value;
  // Not by shifts, which know 32 bits.
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

const tag = (field: number, wire: number): number[] => varint(field * 8 + wire);

export const whole = (field: number, value: number): Fields =>
  Uint8Array.from([...tag(field, wireVarint), ...varint(value)]);

function fixed(field: number, wire: number, numBytes: number, set: (view: DataView) => void): Fields {
  const head = tag(field, wire);
  const bytes = new Uint8Array(head.length + numBytes);
  bytes.set(head);
  set(new DataView(bytes.buffer, head.length));
  return bytes;
}

export const double = (field: number, value: number): Fields =>
  fixed(field, wireDouble, 8, (view) => view.setFloat64(0, value, true));

export const float = (field: number, value: number): Fields =>
  fixed(field, wireFloat, 4, (view) => view.setFloat32(0, value, true));

export function bytes(field: number, value: Uint8Array): Fields {
  const head = [...tag(field, wireBytes), ...varint(value.length)];
  const all = new Uint8Array(head.length + value.length);
  all.set(head);
  all.set(value, head.length);
  return all;
}

export const string = (field: number, value: string): Fields => bytes(field, text.encode(value));

export const message = (field: number, ...fields: Fields[]): Fields => bytes(field, join(fields));

export function doubles(field: number, values: readonly number[]): Fields {
  const packed = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => {
    packed.setFloat64(i * 8, value, true);
  });
  return bytes(field, new Uint8Array(packed.buffer));
}

export function join(fields: readonly Fields[]): Uint8Array {
  const all = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const field of fields) {
    all.set(field, at);
    at += field.length;
  }
  return all;
}

/** A field as it was read: a number for whole ones, bytes for messages and texts, and neither for floats. */
export interface ReadField {
  field: number;
  whole: number | null;
  bytes: Uint8Array | null;
  /** False for bytes of which the end is missing. */
  isWhole: boolean;
}

/** The fields of a message, the end of which may be missing. What makes no sense ends it. */
export function* fieldsOf(message: Uint8Array): Generator<ReadField> {
  let at = 0;
  const number = (): number | null => {
    let value = 0;
    for (let scale = 1; at < message.length && scale <= 2 ** 63; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < message.length) {
    const key = number();
    if (key === null) return;
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === wireVarint) {
      const value = number();
      if (value === null) return;
      yield { field, whole: value, bytes: null, isWhole: true };
    } else if (wire === wireBytes) {
      const length = number();
      if (length === null) return;
      const value = message.subarray(at, at + length);
      at += length;
      yield { field, whole: null, bytes: value, isWhole: at <= message.length };
    } else if (wire === wireDouble || wire === wireFloat) {
      at += wire === wireDouble ? 8 : 4;
      yield { field, whole: null, bytes: null, isWhole: at <= message.length };
    } else return;
  }
}
