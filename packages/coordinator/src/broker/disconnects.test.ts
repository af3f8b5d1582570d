import { expect, test } from 'vitest';
import { workerOf } from './disconnects.ts';

const event = (client: unknown) => Buffer.from(JSON.stringify({ client }));

test('names the worker, where the name is the user’s own', () => {
  expect(workerOf(event({ name: 'worker-3.ab', user: 'worker-3' }))).toBe('worker-3.ab');
  // Keys are no tokens: the permissions vouch for the subjects, and a name is all there is here.
  expect(workerOf(event({ name: 'worker-3.ab', user: 'UAJ3…' }))).toBe('worker-3.ab');
  expect(workerOf(event({ name: 'worker-3.ab' }))).toBe('worker-3.ab');
});

test.each([
  ['another one’s name', event({ name: 'worker-3.ab', user: 'worker-4' })],
  ['a name that only begins like it', event({ name: 'worker-33.ab', user: 'worker-3' })],
  ['the bulk connection', event({ name: 'worker-3.ab bulk', user: 'worker-3' })],
  ['no name', event({ user: 'worker-3' })],
  ['a name that is none', event({ name: 7 })],
  ['no client', Buffer.from('{}')],
  ['no JSON', Buffer.from('{')],
  ['null', Buffer.from('null')],
  ['nothing', Buffer.alloc(0)],
  ['more than any event has', event({ name: 'a.b', filler: 'x'.repeat(70_000) })],
])('%s names nobody', (_, data) => {
  expect(workerOf(data)).toBe(null);
});
