import { expect, it } from 'vitest';
import { decoderName, describeDecoder } from './decoder.ts';

it('names the libraries that decode photos and the instruction set that they use', () => {
  expect(decoderName()).toMatch(/^sharp \d+\.\d+\.\d+, libvips \d+\.\d+\.\d+, \w+( \w+)?$/);
  const system = describeDecoder({ sharp: '1.0.0', vips: '8.0.0' }, 'arm64', '');
  expect(system).toBe('sharp 1.0.0, libvips 8.0.0 of the system, arm64');
});
