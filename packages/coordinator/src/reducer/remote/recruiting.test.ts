/** Who is taken for a reducer's process, and how long a coordinator waits for one. */
import { type Clock, realClock } from '@unet-fleet/shared';
import type { Offer, Wanted } from '@unet-fleet/wire';
import { protocolVersion } from '@unet-fleet/wire/protocol/messages';
import { expect, test } from 'vitest';
import { Recruiting } from './recruiting.ts';

const wanted: Wanted = { type: 'wanted', term: 4, sharedMemoryFolder: '', sharedMemoryToken: '' };
const offer = (name: string, change: Partial<Offer> = {}): Offer => ({
  ...{ type: 'offer', term: 4, name, protocolVersion, softwareVersion: '1', numThreads: 2 },
  sharesMemory: false,
  ...change,
});

function recruiting(numProcesses: number, patienceMs = 60_000, signal = new AbortController().signal) {
  let nowMs = 0;
  const clock: Clock = {
    ...realClock,
    now: () => nowMs,
    after: (ms, work) => {
      nowMs += ms;
      return realClock.after(0, work);
    },
  };
  const told: string[] = [];
  const one = new Recruiting(
    {
      want: () => told.push('want'),
      refuse: (id, reason) => told.push(`${id} refused: ${reason}`),
      onWait: (numThere) => told.push(`${numThere} there`),
      onWarning: () => told.push('warning'),
    },
    { wanted, numProcesses, patienceMs, softwareVersion: '1', clock, signal },
  );
  return { one, told };
}

const idsOf = (recruits: { id: string }[]) => recruits.map(({ id }) => id);

test('as many are taken as are wanted, each once, whoever comes first', async () => {
  const { one, told } = recruiting(2);
  const all = one.run();
  one.offered('reducer.b', offer('b'));
  one.offered('reducer.b', offer('b'));
  one.offered('reducer.a', offer('a'));
  one.offered('reducer.c', offer('c'));
  expect(idsOf(await all)).toEqual(['reducer.a', 'reducer.b']);
  expect(told).toEqual(['want', '0 there', '1 there']);
});

test('after a while it goes on with those that are there, and they are asked for until then', async () => {
  const { one, told } = recruiting(2, 5_000);
  const some = one.run();
  one.offered('reducer.b', offer('b'));
  expect(idsOf(await some)).toEqual(['reducer.b']);
  expect(told.filter((what) => what === 'want')).toHaveLength(5);
});

test('one that has gone again is not taken', async () => {
  const { one } = recruiting(2, 2_000);
  const some = one.run();
  one.offered('reducer.b', offer('b'));
  one.left('reducer.b');
  one.offered('reducer.a', offer('a'));
  expect(idsOf(await some)).toEqual(['reducer.a']);
});

test('another version is refused by name, once; an offer to an older start of the run is none', async () => {
  const { one, told } = recruiting(1, 1_000);
  const none = one.run();
  one.offered('reducer.b', offer('b', { softwareVersion: '2' }));
  one.offered('reducer.b', offer('b', { softwareVersion: '2' }));
  one.offered('reducer.a', offer('a', { term: 3 }));
  expect(await none).toEqual([]);
  const refusals = told.filter((what) => what.includes('refused'));
  expect(refusals).toEqual([expect.stringMatching(/^reducer\.b refused: reducer b is of unet-fleet 2 but/)]);
});

test('who is asked to stop waits for nobody', async () => {
  const controller = new AbortController();
  const { one } = recruiting(1, 60_000, controller.signal);
  const none = one.run();
  controller.abort();
  expect(await none).toEqual([]);
});
