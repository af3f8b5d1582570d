import { expect, test } from 'vitest';
import { Lru } from './lru.ts';

test('loads once and keeps what was used last', async () => {
  const loads: string[] = [];
  const cache = new Lru<string>({ max: 2, maxBytes: 100, bytesOf: () => 1 });
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

test('keeps no more bytes than it may, but always what was used last', async () => {
  const cache = new Lru<number>({ max: 10, maxBytes: 100, bytesOf: (bytes) => bytes });
  const get = (bytes: number) => cache.get(String(bytes), async () => bytes);
  await Promise.all([get(40), get(41), get(10)]);
  expect(cache.size).toBe(3);
  await get(30);
  // 40 went; 41, 10 and 30 stay.
  expect(cache.size).toBe(3);
  await get(500);
  expect(cache.size).toBe(1);
  await get(20);
  expect(cache.size).toBe(1);
  await get(80);
  expect(cache.size).toBe(2);
});

test('forgets a load that failed, so that it is tried again', async () => {
  const cache = new Lru<number>({ max: 2, maxBytes: 100, bytesOf: () => 1 });
  await expect(cache.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  await expect(cache.get('a', async () => 1)).resolves.toBe(1);
});
