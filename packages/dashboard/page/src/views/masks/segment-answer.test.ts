import { expect, test } from 'vitest';
import { segmentedOf } from './segment-answer.ts';

test('reads a segmented photo, and says what is no answer', () => {
  const header = `${JSON.stringify({ step: 9, width: 2, height: 1, bytesPerPixel: 1 })}\n`;
  const bytes = Uint8Array.of(...new TextEncoder().encode(header), 1, 2, 3, 4, 5, 6, 10, 3);
  const { step, photo, prediction } = segmentedOf(bytes);
  expect([step, [...photo.data], [...prediction.labels]]).toEqual([9, [1, 2, 3, 255, 4, 5, 6, 255], [10, 3]]);
  expect(() => segmentedOf(bytes.subarray(0, -1))).toThrow('1 bytes are no 2 x 1');
  expect(() => segmentedOf(Uint8Array.of(1, 2, 3))).toThrow('no header');
});
