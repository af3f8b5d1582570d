/** Options that entries of a registry have, in the schema. */

import { type NumberOption, optionsOf } from '@unet-fleet/law';
import { expect, test } from 'vitest';

const common: NumberOption = { doc: 'all have it', format: 'number', default: 1, min: 0, max: 2 };
const shared: NumberOption = { ...common, doc: 'two have it' };
const own: NumberOption = { ...common, doc: 'one has it' };

test('an option goes with the entries that have it, in the order of first mention; one that all have goes always', () => {
  const options = optionsOf('kind', {
    a: { options: { common, shared } },
    b: { options: { common, own } },
    c: { options: { common, shared } },
  });
  expect(Object.entries(options)).toEqual([
    ['common', common],
    ['shared', { ...shared, onlyWith: { key: 'kind', values: ['a', 'c'] } }],
    ['own', { ...own, onlyWith: { key: 'kind', values: ['b'] } }],
  ]);
});

test('two options with one name are refused with the entries that have them', () => {
  const twice = { a: { options: { rate: common } }, b: { options: { rate: { ...common } } } };
  expect(() => optionsOf('kind', twice)).toThrow('a and b have two options with the name rate');
});
