import { loadConfig } from '@unet-fleet/config/load';
import { expect, test } from 'vitest';
import { slowPrecisionNote } from './run-facts.ts';

test('a processor that has no bf16 is told where it would compute in it', () => {
  const note = (instructionSet: string, flags = {}, numWorkers = 1) =>
    slowPrecisionNote(loadConfig({ flags: { precision: 'bf16', ...flags } }).engine, numWorkers, {
      instructionSet,
    });
  for (const slow of ['avx512f', 'avx2']) {
    expect(note(slow)).toMatch(`processor (${slow}) has no instructions for bf16`);
  }
  expect(note('amx_bf16')).toBeNull();
  expect(note('avx512_bf16')).toBeNull();
  // Of others nothing is known.
  expect(note('sve2')).toBeNull();
  expect(note('avx2', { precision: 'float32' })).toBeNull();
  expect(note('avx2', { device: 'gpu' })).toBeNull();
  expect(note('avx2', {}, 0)).toBeNull();
});
