import { expect, test } from 'vitest';
import { Lru } from './lru.ts';

test('loads once and keeps what was used last', async () => {
  const loads: string[] = [];
  const cache = new Lru<string>(2);
  const get = (key: string) =>
    cache.get(key, async () => {
      loads.push(key);
      return key;
    });
  await Promise.all([get('a'), get('a'), get('b')]);
  await get('a');
  await get('c');
  expect(cache.size).toBe(2);
  await get('a');
  await get('b');
  expect(loads).toEqual(['a', 'b', 'c', 'b']);
});

test('forgets a load that failed, so that it is tried again', async () => {
  const cache = new Lru<number>(2);
  await expect(cache.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  await expect(cache.get('a', async () => 1)).resolves.toBe(1);
});
