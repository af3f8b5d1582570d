import { ignoredValues } from '@unet-fleet/law';
import { describe, expect, it } from 'vitest';
import { settleMaskValues } from './settle-values.ts';

interface Said {
  ignoreIndex?: number | string;
  numClasses?: number;
  classNames?: string[];
}

/** Values with their pixels; 1,000 each unless they are given. */
function settle(values: readonly (number | [value: number, numPixels: number])[], said: Said = {}) {
  const { ignoreIndex = -1, classNames = null, numClasses = classNames?.length ?? 0 } = said;
  const pairs = values.map((entry) => (typeof entry === 'number' ? ([entry, 1_000] as const) : entry));
  return settleMaskValues({
    numPixels: new Map(pairs),
    numMasks: new Map(pairs.map(([value]) => [value, 2])),
    ignored: ignoredValues(ignoreIndex),
    numClasses,
    isNumClassesGiven: numClasses > 0 && classNames === null,
    classNames,
  });
}

const upTo = (last: number, first = 0) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('values that are classes by themselves', () => {
  it.each([
    ['dense', upTo(20), {}],
    ['with a class that does not occur', [0, 1, 2, 5], {}],
    ['55 of 59', upTo(58).filter((value) => ![4, 9, 31, 40].includes(value)), {}],
    ['below the number that is known', [0, 7], { numClasses: 21 }],
    ['without 0, where the number is known', [1, 2, 3], { numClasses: 4 }],
    ['with the ignored value among them', [0, 1, 2], { ignoreIndex: 0 }],
    ['with an ignored value beside them', [0, 1, 2, 255], { ignoreIndex: 255 }],
    ['with several ignored values', [0, 1, 2, 3, 254, 255], { ignoreIndex: '0,254,255' }],
    ['with -1 beside them', [-1, 0, 1, 2], {}],
    ['many, as the number is known', upTo(255), { numClasses: 256 }],
  ])('%s', (_, values, said) => {
    expect(settle(values, said)).toEqual({ maskValues: 'as-is', note: null, fault: null });
  });
});

describe('values with gaps', () => {
  it.each([
    ['0 and 255', [0, 255], {}, '0,255'],
    ['0, 128 and 255', [0, 128, 255], {}, '0,128,255'],
    ['four greys', [0, 38, 75, 113], {}, '0,38,75,113'],
    ['evenly spread', [0, 85, 170, 255], {}, '0,85,170,255'],
    ['1 to n without 0', [1, 2, 3, 4], {}, '1..4'],
    ['1 to n without 0 and an ignored 255', [1, 2, 255], { ignoreIndex: 255 }, '1,2'],
    ['1 and 255', [1, 255], {}, '1,255'],
    ['-1 and 1, where -1 is not the ignored one', [-1, 1], { ignoreIndex: 255 }, '-1,1'],
    ['as many as classes are known', [0, 255], { numClasses: 2 }, '0,255'],
    ['as many as there are names', [0, 100, 200], { classNames: ['sky', 'road', 'car'] }, '0,100,200'],
    ['16 bits', [0, 1_000, 65_535], {}, '0,1000,65535'],
  ])('%s', (_, values, said, maskValues) => {
    const settled = settle(values, said);
    expect(settled).toMatchObject({ maskValues, fault: null });
    expect(settled.note).toContain(`(--mask-values ${maskValues})`);
  });

  it('are told in one line, with names where there are some', () => {
    expect(settle([0, 255]).note).toBe(
      'Masks hold 0 and 255: read as class 0 and class 1 (--mask-values 0,255).',
    );
    expect(settle([0, 255], { classNames: ['soil', 'plant'] }).note).toContain(
      'class 0 (soil) and class 1 (plant)',
    );
    expect(settle(upTo(20, 1)).note).toContain('Masks hold 1..20: read as classes 0 to 19');
  });
});

describe('values whose meaning only a person can say', () => {
  const edges = (between: number[], numPixels: number): [number, number][] => [
    [0, 50_000],
    [255, 50_000],
    ...between.map((value) => [value, numPixels] as [number, number]),
  ];
  it.each([
    [
      'VOC',
      [...upTo(20), 255],
      {},
      '--ignore-index 255, or, if it is a class, with --mask-values 0..20,255.',
    ],
    [
      'VOC with its number of classes',
      [...upTo(20), 255],
      { numClasses: 21 },
      '--mask-values 0..20,255 --num-classes 22.',
    ],
    [
      'VOC of which a class is absent',
      [0, 1, 2, 255],
      { numClasses: 4 },
      '--mask-values 0..3,255 --num-classes 5.',
    ],
    [
      '1 to n and 255',
      [1, 2, 3, 255],
      {},
      '--ignore-index 255, or, if it is a class, with --mask-values 1..3,255.',
    ],
    ['16 bits and 65535', [0, 1, 2, 65_535], {}, '--ignore-index 65535'],
    ['255 and -1, which is ignored by default', [-1, 0, 1, 255], {}, '--ignore-index -1,255, or'],
    ['255 beside what is ignored already', [0, 1, 2, 255], { ignoreIndex: 0 }, '--ignore-index 0,255, or'],
    ['edges of JPEG', edges([1, 2, 3, 252, 253, 254], 100), {}, '--mask-threshold 128, or, if each'],
    ['edges of JPEG that reach everywhere', edges(upTo(254, 1), 60), {}, '--mask-threshold 128.'],
    [
      'edges of JPEG where two classes are known',
      edges(upTo(254, 1), 60),
      { numClasses: 2 },
      '--mask-threshold 128.',
    ],
    [
      'antialiased edges',
      edges([64, 128, 191], 500),
      {},
      '--mask-threshold 128, or, if each is a class, list them with --mask-values 0,64,128,191,255.',
    ],
    ['a photo', upTo(255), {}, 'set --num-classes 256'],
    ['numbers of objects', upTo(1_000).map((value) => value * 37), {}, 'hardly classes: check --masks'],
    ['one value', [255], {}, 'All masks hold the value 255 alone'],
    ['one value and -1', [-1, 1], {}, 'such as --mask-values -1,1.'],
    ['a negative value that is not ignored', [-2, 0, 1], {}, '--ignore-index -2'],
    ['nothing but what is ignored', [255], { ignoreIndex: 255 }, '--ignore-index leaves out'],
  ])('%s', (_, values, said, sentence) => {
    const { fault, maskValues } = settle(values as number[], said);
    expect(fault).toContain(sentence);
    expect(maskValues).toBe('as-is');
  });
});
