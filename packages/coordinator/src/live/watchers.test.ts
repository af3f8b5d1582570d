import type { TimedEvent } from '@unet-fleet/law';
import { expect, it, vi } from 'vitest';
import type { LiveRun } from './live-run.ts';
import { Listeners, startObservers } from './watchers.ts';

const event = (message: string): TimedEvent => ({ at: '2026-01-01T00:00:00.000Z', type: 'warning', message });
const run = {} as LiveRun;

it('tells listeners until they leave, also one that leaves while it is told', () => {
  const listeners = new Listeners(() => {});
  const told: string[] = [];
  const stop = listeners.add(() => {
    told.push('first');
    stop();
  });
  listeners.add(() => told.push('second'));
  listeners.tell(event('a'));
  listeners.tell(event('b'));
  expect(told).toEqual(['first', 'second', 'second']);
});

it('warns once of a listener that throws, and tells the others of it', () => {
  const told: TimedEvent[] = [];
  const listeners: Listeners = new Listeners((message) => listeners.tell(event(message)));
  listeners.add(() => {
    throw new Error('broken');
  });
  listeners.add((heard) => told.push(heard));
  listeners.tell(event('a'));
  listeners.tell(event('b'));
  expect(told.map((heard) => heard.type === 'warning' && heard.message)).toEqual([
    'one that watches the run has failed and is told no more: broken',
    'a',
    'b',
  ]);
});

it('closes observers, also those that have not started yet, and warns of those that fail', async () => {
  const warnings: string[] = [];
  const log: string[] = [];
  let start = () => {};
  const close = startObservers(
    [
      () => Promise.reject(new Error('no port')),
      () => {
        throw new Error('thrown at once');
      },
      async () => ({ close: () => Promise.reject(new Error('not closed')) }),
      () =>
        new Promise((resolve) => {
          start = () => resolve({ close: async () => void log.push('closed') });
        }),
    ],
    run,
    (message) => warnings.push(message),
  );
  const closing = close();
  start();
  await closing;
  expect(log).toEqual(['closed']);
  expect(warnings.map((warning) => warning.split(': ')[1]).sort()).toEqual([
    'no port',
    'not closed',
    'thrown at once',
  ]);
});

it('does not wait for ever for one that does not close', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const warnings: string[] = [];
    const close = startObservers([() => new Promise(() => {})], run, (message) => warnings.push(message));
    const closing = close();
    await vi.advanceTimersByTimeAsync(10_000);
    await closing;
    expect(warnings).toEqual(['one that watches the run has not closed within 10 s: it is left']);
  } finally {
    vi.useRealTimers();
  }
});
