/**
 * What the values of a photo depend on beside its file: the libraries that decode and reduce it, and the instruction set
 * by which they choose their code. A worker on a GPU decodes on its processor, so the engine's device says nothing of it.
 */
import { arch } from 'node:os';
import { thisProcessor } from '@unet-fleet/shared';
import sharp from 'sharp';

/** `versions`: of sharp and what it holds; a libvips of the system comes without its parts. */
export function describeDecoder(
  versions: { sharp?: string | undefined; vips: string; glib?: string | undefined },
  architecture: string,
  instructionSet: string,
): string {
  const own = versions.glib === undefined ? ' of the system' : '';
  const processor = [architecture, instructionSet].filter((part) => part !== '').join(' ');
  return `sharp ${versions.sharp ?? 'unknown'}, libvips ${versions.vips}${own}, ${processor}`;
}

/** Such as "sharp 0.35.5, libvips 8.18.7, x64 avx2". */
export const decoderName = (): string =>
  describeDecoder(sharp.versions, arch(), thisProcessor().instructionSet);

/**
 * The library keeps what it has decoded, in case it is asked for the same again. Who decodes each photo once, and keeps
 * what becomes of it, is better off without.
 */
export function decodesOnce(): void {
  sharp.cache(false);
}
