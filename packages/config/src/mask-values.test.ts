import { formatMaskValues, ignoredLabel, parseMaskValues } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withSettled } from './identity.ts';
import { loadConfig } from './load.ts';

describe('--mask-values', () => {
  it('is auto, as-is, or values and runs of them', () => {
    expect(parseMaskValues('auto')).toBe('auto');
    expect(parseMaskValues('0, 255')).toEqual([0, 255]);
    expect(parseMaskValues('-1..2,255')).toEqual([-1, 0, 1, 2, 255]);
    expect(formatMaskValues([0, 1, 2, 5, 6, 255])).toBe('0..2,5,6,255');
  });

  it('reads what it writes', () => {
    const lists = fc.uniqueArray(fc.integer({ min: -300, max: 300 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(lists, (values) => {
        expect(parseMaskValues(formatMaskValues(values))).toEqual(values);
      }),
    );
  });

  it.each(['', '0', '0,,1', '0;1', '5..2,7', '0,1,0', '1e3,2', '0..99999999', '0.5,1'])(
    'refuses %j',
    (text) => {
      expect(() => loadConfig({ flags: { maskValues: text } })).toThrow(/--mask-values/);
    },
  );

  it('may be a list in a config file', () => {
    const files = [{ name: 'a.yaml', values: { data: { maskValues: [0, 255] } } }];
    expect(loadConfig({ files }).data.maskValues).toBe('0,255');
  });

  it('stays what it became when the run is gone on with by the same command', () => {
    const wanted = loadConfig({});
    const made = { ...wanted, data: { ...wanted.data, maskValues: '0,255' } };
    expect(withSettled(wanted, made).data.maskValues).toBe('0,255');
    const other = loadConfig({ flags: { maskValues: 'as-is' } });
    expect(withSettled(other, made).data.maskValues).toBe('as-is');
  });
});

it('the label of what is left out is that of no class', () => {
  expect(ignoredLabel({ ignoreIndex: 255, maskValues: 'as-is' })).toBe(255);
  expect(ignoredLabel({ ignoreIndex: 255, maskValues: '0..254,256' })).toBe(65_535);
  expect(ignoredLabel({ ignoreIndex: 0, maskValues: '75,113' })).toBe(65_535);
  expect(ignoredLabel({ ignoreIndex: '255,0', maskValues: 'as-is' })).toBe(255);
  expect(ignoredLabel({ ignoreIndex: '0,255', maskValues: '1,2' })).toBe(65_535);
  expect(ignoredLabel({ ignoreIndex: -1, maskValues: 'as-is' })).toBe(65_535);
});
