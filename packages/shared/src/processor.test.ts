import { expect, it } from 'vitest';
import { processorFrom } from './processor.ts';

it('reads the first processor of /proc/cpuinfo, and its widest instruction set', () => {
  const x86 =
    'processor\t: 0\nvendor_id\t: A\ncpu family\t: 23\nmodel\t\t: 1\nflags\t\t: fpu avx avx2 sse4_1\n';
  const other = 'vendor_id\t: B\nflags\t\t: avx512f\n';
  expect(processorFrom(`${x86}\n${other}`)).toEqual({
    ...{ vendor: 'A', family: '23', model: '1', instructionSet: 'avx2' },
  });
  const arm = 'processor\t: 0\nFeatures\t: fp asimd sve\nCPU part\t: 0xd40\n';
  expect(processorFrom(arm)).toEqual({ vendor: '', family: '', model: '', instructionSet: 'sve' });
  expect(processorFrom('')).toMatchObject({ instructionSet: '' });
});
