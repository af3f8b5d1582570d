import { expect, test } from 'vitest';
import { hashOf, placeOf } from './place.ts';

test('comes back as it went, whatever a run is called', () => {
  const place = { view: 'masks', run: 'a&b=c #1', token: 'x+/=' } as const;
  expect(placeOf(hashOf(place))).toEqual(place);
});

test('begins at the curves of the live run', () => {
  expect(placeOf('')).toEqual({ view: 'curves', run: '', token: '' });
  expect(placeOf('#view=nothing&token=t')).toEqual({ view: 'curves', run: '', token: 't' });
  expect(placeOf('#view=runs', '?token=q')).toEqual({ view: 'runs', run: '', token: 'q' });
});
