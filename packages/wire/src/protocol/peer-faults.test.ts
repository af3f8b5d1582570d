import { describe, expect, it } from 'vitest';
import { PeerFaults } from './peer-faults.ts';

describe('faults of peers', () => {
  it('cut a peer off once, with the last fault named, and leave the others alone', () => {
    const faults = new PeerFaults();
    for (let i = 0; i < 5; i++) expect(faults.count('worker.a', 'a message that is none', 0)).toBe(null);
    expect(faults.isCutOff('worker.a')).toBe(false);
    expect(faults.count('worker.a', 'a damaged frame', 0)).toBe(
      'it has sent rubbish 6 times, the last time a damaged frame: it is cut off',
    );
    expect(faults.count('worker.a', 'a damaged frame', 0)).toBe(null);
    expect(faults.isCutOff('worker.a')).toBe(true);
    expect(faults.isCutOff('worker.b')).toBe(false);
  });

  it('are forgotten after a while, unless they were too many', () => {
    const faults = new PeerFaults();
    const minuteMs = 60_000;
    for (let i = 0; i < 100; i++) expect(faults.count('worker.unlucky', 'x', i * 10 * minuteMs)).toBe(null);
    for (let i = 0; i < 6; i++) faults.count('worker.bad', 'x', i * 9 * minuteMs);
    expect(faults.isCutOff('worker.bad')).toBe(true);
    expect(faults.count('worker.bad', 'x', 1_000 * minuteMs)).toBe(null);
    expect(faults.isCutOff('worker.bad')).toBe(true);
  });

  it('remember no more peers than there is room for, those at fault last the longest', () => {
    const faults = new PeerFaults();
    for (let i = 0; i < 6; i++) faults.count('worker.bad', 'x', 0);
    for (let i = 0; i < 4_095; i++) faults.count(`worker.${i}`, 'x', 0);
    expect(faults.isCutOff('worker.bad')).toBe(true);
    faults.count('worker.bad', 'x', 0);
    for (let i = 0; i < 4_095; i++) faults.count(`worker.x${i}`, 'x', 0);
    expect(faults.isCutOff('worker.bad')).toBe(true);
    faults.count('worker.last', 'x', 0);
    expect(faults.isCutOff('worker.bad')).toBe(false);
  });
});
