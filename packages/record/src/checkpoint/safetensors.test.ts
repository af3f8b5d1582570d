import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHeader, encodeHeader } from './safetensors.ts';

const tensors = [
  { name: 'count', dtype: 'I64' as const, shape: [] },
  { name: 'weight', dtype: 'F32' as const, shape: [2, 3] },
  { name: 'bias', dtype: 'F32' as const, shape: [3] },
];

function fileOf(header: Uint8Array, numDataBytes: number): Uint8Array {
  const file = new Uint8Array(header.length + numDataBytes);
  file.set(header);
  return file;
}

/** A file whose header is this JSON. */
function fileWith(json: unknown, numDataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));
  const file = new Uint8Array(8 + text.length + numDataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

test('what is written is read', () => {
  const header = encodeHeader(tensors, { step: '7' });
  expect(header.length % 8).toBe(0);
  expect(decodeHeader(fileOf(header, 8 + 24 + 12))).toEqual({
    metadata: { step: '7' },
    tensors: [
      { name: 'count', dtype: 'I64', shape: [], begin: 0, end: 8 },
      { name: 'weight', dtype: 'F32', shape: [2, 3], begin: 8, end: 32 },
      { name: 'bias', dtype: 'F32', shape: [3], begin: 32, end: 44 },
    ],
    dataOffset: header.length,
  });
});

test('a tensor may have any name', () => {
  const header = encodeHeader([{ name: '__proto__', dtype: 'F32', shape: [] }], {});
  expect(decodeHeader(fileOf(header, 4)).tensors).toMatchObject([{ name: '__proto__', begin: 0, end: 4 }]);
});

describe('what does not fit is refused', () => {
  const good = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /shorter/],
    ['cut in the header', fileOf(encodeHeader(tensors, {}), 0).subarray(0, 40), /cut off/],
    ['cut in the data', fileOf(encodeHeader(tensors, {}), 43), /bias lies outside/],
    ['bytes after the end', fileOf(encodeHeader(tensors, {}), 45), /after its last/],
    ['a huge header', new Uint8Array(16).fill(0xff), /claims/],
    ['no JSON', fileWith('{"a":', 0), /no valid JSON/],
    ['an array', fileWith([], 0), /no JSON object/],
    ['an unknown type', fileWith({ a: { ...good, dtype: 'F8' } }, 8), /a has the unknown type F8/],
    ['a negative shape', fileWith({ a: { ...good, shape: [-2] } }, 8), /valid shape/],
    ['a shape of another size', fileWith({ a: { ...good, shape: [3] } }, 8), /another size/],
    ['a shape that overflows', fileWith({ a: { ...good, shape: [2 ** 40, 2 ** 40] } }, 8), /another size/],
    ['offsets that fall', fileWith({ a: { ...good, data_offsets: [8, 0] } }, 8), /outside/],
    ['offsets that are no numbers', fileWith({ a: { ...good, data_offsets: ['0', 8] } }, 8), /valid offsets/],
    ['an overlap', fileWith({ a: good, b: { ...good, data_offsets: [4, 12] } }, 12), /b overlaps/],
    ['a hole', fileWith({ a: good, b: { ...good, data_offsets: [12, 20] } }, 20), /b leaves a hole/],
    ['null', fileWith({ a: null }, 0), /a has no type/],
  ];
  test.each(cases)('%s', (_name, file, message) => expect(() => decodeHeader(file)).toThrow(message));

  test('any bytes: an Error, or tensors inside the file', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.json({ maxDepth: 3 }), (bytes, json) => {
        for (const file of [bytes, fileWith(json, 16)]) {
          try {
            const { tensors: found, dataOffset } = decodeHeader(file);
            for (const tensor of found) expect(dataOffset + tensor.end).toBeLessThanOrEqual(file.length);
          } catch (error) {
            expect((error as Error).constructor).toBe(Error);
          }
        }
      }),
    );
  });
});
