/** Whose request is served next, and what is not taken. */
import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

const all = <T>(turns: Turns<T>): T[] => {
  const served: T[] = [];
  for (let next = turns.next(); next !== undefined; next = turns.next()) served.push(next);
  return served;
};

it('serves peers in turn and each one in order', () => {
  const turns = new Turns<string>();
  for (const request of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) turns.add(request[0]!, request);
  expect(turns.of('b')).toEqual(['b1', 'b2']);
  expect(all(turns)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  expect(turns.of('b')).toEqual([]);
});

it('takes no more than 64 of one peer and 4,096 of all, and takes again when some are served', () => {
  const turns = new Turns<number>();
  const taken = (peer: string, count: number) =>
    Array.from({ length: count }, (_, i) => turns.add(peer, i)).filter(Boolean).length;
  expect(taken('a', 70)).toBe(64);
  turns.next();
  expect(turns.add('a', 1)).toBe(true);
  for (let i = 0; i < 62; i++) taken(`peer-${i}`, 64);
  expect(taken('last', 80)).toBe(64);
  expect(turns.add('late', 1)).toBe(false);
  turns.clear();
  expect(turns.next()).toBeUndefined();
  expect(turns.add('late', 1)).toBe(true);
});
