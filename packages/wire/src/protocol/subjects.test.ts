import { describe, expect, it } from 'vitest';
import {
  anyPeer,
  discoverSubject,
  inboxOf,
  isPeer,
  peerOf,
  reducerPeer,
  senderOf,
  subjectsOf,
  workerIdentityOf,
} from './subjects.ts';

const hostile = [
  '*',
  '>',
  'a.b.c',
  'a',
  '',
  'a.',
  '.b',
  'a.*',
  'a.>',
  'A.b',
  'a b.c',
  'a\n.b',
  'ä.b',
  '-a.b',
];

describe('subjects', () => {
  it.each(hostile)('%j is no peer', (text) => {
    expect(isPeer(text)).toBe(false);
    expect(senderOf(`unet-fleet.run.r.up.${text}`) === text).toBe(false);
  });

  it.each(['*', '>', 'a.b', 'a b', '', '../x'])('%j is no run and no part of a peer', (text) => {
    expect(() => subjectsOf(text)).toThrow(/not a run's id/);
    expect(() => peerOf('worker', text)).toThrow(/not a peer's name/);
    expect(() => peerOf(text, 'x')).toThrow(/not a peer's name/);
  });

  it('name the sender last, as the broker vouches for it', () => {
    const worker = peerOf('worker-3', 'a1');
    const subjects = subjectsOf('run-1');
    for (const subject of [
      subjects.up(worker),
      subjects.join(worker),
      subjects.fetch(reducerPeer(2, 0), worker),
      discoverSubject(worker),
    ]) {
      expect(senderOf(subject)).toBe(worker);
    }
    expect(subjects.up(anyPeer)).toBe('unet-fleet.run.run-1.up.*.*');
    expect(inboxOf(worker)).toBe('_INBOX.worker-3.a1');
    expect(reducerPeer(2, 0)).toBe('coordinator.t2-r0');
    expect(reducerPeer(2, 0, 'reducer')).toBe('reducer.t2-r0');
  });

  it('take a user name for an identity only where it is a token and of no other role', () => {
    expect(workerIdentityOf('worker-3')).toBe('worker-3');
    for (const user of ['', 'coordinator', 'reducer', 'My User', 'a.b', '*'])
      expect(workerIdentityOf(user)).toBe('worker');
  });
});
