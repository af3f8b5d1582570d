/** Who is waited for, and for how long, before a bucket goes out to all who have asked. */
import type { Clock } from '@unet-fleet/shared';
import { beforeEach, expect, it } from 'vitest';
import { Gathering } from './gathering.ts';

const patienceMs = 50;
let timers: { atMs: number; work: () => void }[];
let nowMs: number;
let answers: string[];
let gathering: Gathering<string>;

const clock: Clock = {
  now: () => nowMs,
  after(ms, work) {
    const timer = { atMs: nowMs + ms, work };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  },
  every: () => () => {},
};

function pass(ms: number): void {
  nowMs += ms;
  for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
    if (!timers.includes(timer)) continue;
    timers = timers.filter((other) => other !== timer);
    timer.work();
  }
}

/** Answers as soon as it may. */
function serve(): void {
  for (let next = gathering.next(); next; next = gathering.next()) answers.push(next.join(' '));
}

const ask = (version: number, bucket: number, peer: string) =>
  gathering.add(version, `${version}-${bucket}`, peer, `${peer}${bucket}`);

beforeEach(() => {
  timers = [];
  nowMs = 0;
  answers = [];
  gathering = new Gathering(serve, clock);
  for (const peer of ['a', 'b', 'c']) ask(1, 0, peer);
  // Of the first version nobody is known, so nobody is waited for.
  expect(answers).toEqual(['a0', 'b0', 'c0']);
  answers = [];
});

it('answers all at once when the last of those who took the version before has asked', () => {
  for (const bucket of [0, 1]) for (const peer of ['a', 'b']) ask(2, bucket, peer);
  expect(answers).toEqual([]);
  ask(2, 1, 'c');
  ask(2, 0, 'c');
  expect(answers).toEqual(['a1 b1 c1', 'a0 b0 c0']);
  expect(timers).toEqual([]);
});

it('waits for one who does not ask once, and not for the other buckets of the version', () => {
  for (const bucket of [0, 1]) for (const peer of ['a', 'b']) ask(2, bucket, peer);
  pass(patienceMs - 1);
  expect(answers).toEqual([]);
  pass(1);
  expect(answers).toEqual(['a0 b0', 'a1 b1']);
  ask(2, 2, 'a');
  expect(answers).toHaveLength(2);
  ask(2, 2, 'b');
  expect(answers.at(-1)).toBe('a2 b2');
  // Late, it is answered by itself, and is one of all again in the next version.
  ask(2, 0, 'c');
  expect(answers.at(-1)).toBe('c0');
  for (const peer of ['a', 'b']) ask(3, 0, peer);
  expect(answers).toHaveLength(4);
  ask(3, 0, 'c');
  expect(answers.at(-1)).toBe('a0 b0 c0');
});

it('answers one who asks again by itself, and a newcomer with the others', () => {
  for (const peer of ['a', 'b', 'c']) ask(2, 0, peer);
  ask(2, 0, 'b');
  expect(answers).toEqual(['a0 b0 c0', 'b0']);
  for (const peer of ['new', 'a', 'b', 'c']) ask(2, 1, peer);
  expect(answers.at(-1)).toBe('new1 a1 b1 c1');
});

it('lets nobody wait for a version that is over, and takes no more than it can keep', () => {
  ask(2, 1, 'b');
  ask(2, 0, 'a');
  ask(3, 0, 'a');
  expect(answers).toEqual(['b1', 'a0']);
  gathering.clear();
  pass(patienceMs);
  expect(answers).toEqual(['b1', 'a0']);
  const taken = Array.from({ length: 5_000 }, (_, i) => ask(3, 1, `peer-${i}`)).filter(Boolean);
  expect(taken.length).toBeLessThanOrEqual(4_096);
});
