import { describe, expect, it } from 'vitest';
import { PeerFaults } from './peer-faults.ts';

describe('faults of peers', () => {
  it('cut a peer off once, with the last fault named, and leave the others alone', () => {
    const faults = new PeerFaults();
    for (let i = 0; i < 5; i++) expect(faults.count('worker.a', 'a message that is none')).toBe(null);
    expect(faults.isCutOff('worker.a')).toBe(false);
    expect(faults.count('worker.a', 'a damaged frame')).toBe(
      'it has sent rubbish 6 times, the last time a damaged frame: it is cut off',
    );
    expect(faults.count('worker.a', 'a damaged frame')).toBe(null);
    expect(faults.isCutOff('worker.a')).toBe(true);
    expect(faults.isCutOff('worker.b')).toBe(false);
  });

  it('remember no more peers than there is room for, those at fault last the longest', () => {
    const faults = new PeerFaults();
    for (let i = 0; i < 6; i++) faults.count('worker.bad', 'x');
    for (let i = 0; i < 4_095; i++) faults.count(`worker.${i}`, 'x');
    expect(faults.isCutOff('worker.bad')).toBe(true);
    faults.count('worker.bad', 'x');
    for (let i = 0; i < 4_095; i++) faults.count(`worker.x${i}`, 'x');
    expect(faults.isCutOff('worker.bad')).toBe(true);
    faults.count('worker.last', 'x');
    expect(faults.isCutOff('worker.bad')).toBe(false);
  });
});
