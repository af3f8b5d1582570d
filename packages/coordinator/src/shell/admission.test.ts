import { protocolVersion, upMessage } from '@unet-fleet/wire/protocol/messages';
import { describe, expect, it } from 'vitest';
import { refusalOf, refusalOfVersion } from './admission.ts';

describe('a worker of another version', () => {
  const request = { name: 'far', protocolVersion, softwareVersion: '0.2.0' };

  it('is refused with both versions and the remedy', () => {
    expect(refusalOfVersion(request, '0.2.0')).toBeNull();
    expect(refusalOfVersion(request, '0.1.0')).toBe(
      'worker far is of unet-fleet 0.2.0 but the coordinator is of 0.1.0: install the same version of unet-fleet on both',
    );
  });

  it('is told of the protocol where that differs, too', () => {
    expect(refusalOfVersion({ ...request, protocolVersion: 1 }, '0.1.0')).toBe(
      `worker far speaks protocol 1 (unet-fleet 0.2.0) but the coordinator speaks ${protocolVersion} (unet-fleet 0.1.0): install the same version of unet-fleet on both`,
    );
  });
});

describe('a worker with another engine', () => {
  const fingerprint = { library: 'tf', device: 'gpu A', intraOpThreads: 2, decoder: 'sharp 1', settings: '' };
  const manifestSha256 = 'a'.repeat(64);
  const run = { numSamples: 1, manifestSha256, fingerprint, allowMixedEngines: false };
  const readyWith = (changes: Partial<typeof fingerprint>) => {
    const message = {
      ...{ type: 'ready', term: 1, sequence: 1, name: 'far', numSamples: 1, manifestSha256 },
      ...{ sharesMemory: false, fingerprint: { ...fingerprint, ...changes } },
    };
    return upMessage.parse(message) as Extract<ReturnType<typeof upMessage.parse>, { type: 'ready' }>;
  };

  it('is refused by the part that differs, what decodes its photos among them', () => {
    expect(refusalOf(readyWith({}), run)).toBeNull();
    expect(refusalOf(readyWith({ decoder: 'sharp 2' }), run)).toMatch(
      /^worker far has another engine than the run \(decoder sharp 2, the run's is sharp 1\), which would change/,
    );
    expect(refusalOf(readyWith({ settings: 'A=1' }), run)).toMatch(/settings A=1, the run's is none/);
    expect(refusalOf(readyWith({ settings: 'A=1' }), { ...run, allowMixedEngines: true })).toBeNull();
  });

  it('is welcome in an old run whose record lacks what differs', () => {
    const { library, device, intraOpThreads } = fingerprint;
    const old = { ...run, fingerprint: { library, device, intraOpThreads } };
    expect(refusalOf(readyWith({ decoder: 'sharp 9' }), old)).toBeNull();
    expect(refusalOf(readyWith({ device: 'gpu B' }), old)).toMatch(/device gpu B/);
  });
});
