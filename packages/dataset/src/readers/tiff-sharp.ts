/** Pages of TIFF that only a codec can decode, JPEG and CCITT fax, through sharp; what it shows is turned back to what is stored. */
import sharp from 'sharp';
import type { Picture } from './picture.ts';
import { CCITT } from './tiff-compression.ts';
import { PHOTOMETRIC, type TiffLayout } from './tiff-layout.ts';

type Decoded = Pick<
  Picture,
  'channels' | 'values' | 'kind' | 'bits' | 'meaning' | 'numExtra' | 'hasAlpha' | 'isLossy'
>;

/** Throws a plain sentence for other than 1 bit of fax, and 8 bits of grey or colours of JPEG. */
export async function readPageWithSharp(bytes: Uint8Array, layout: TiffLayout): Promise<Decoded> {
  const { directory, samples, bits, photometric, compression, width, height } = layout;
  const isFax = CCITT.has(compression);
  if (isFax && (samples !== 1 || bits !== 1))
    throw new Error(`it is damaged: a fax of ${samples} x ${bits} bits`);
  if (!isFax && (bits !== 8 || (samples !== 1 && samples !== 3))) {
    throw new Error(
      `it is compressed by JPEG with ${samples} x ${bits} bits, which is not read; save it with deflate, LZW or none`,
    );
  }
  const isColour = samples === 3;
  const { data, info } = await sharp(bytes, {
    failOn: 'error',
    // What the tags claim has been checked, and it must be just that.
    limitInputPixels: width * height,
    page: directory.index,
    ignoreIcc: true,
  })
    .toColourspace(isColour ? 'srgb' : 'b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== samples || info.width !== width || info.height !== height) {
    throw new Error('it is damaged: its compressed data is another picture than its tags say');
  }
  const isInverted = photometric === PHOTOMETRIC.whiteIsZero;
  const stored = (value: number) => (isInverted ? 255 - value : value);
  return {
    channels: samples,
    values: isFax ? data.map((value) => (stored(value) === 0 ? 0 : 1)) : isInverted ? data.map(stored) : data,
    kind: 'u1',
    bits: isFax ? 1 : 8,
    meaning: isColour ? 'rgb' : isInverted ? 'inverted' : 'grey',
    numExtra: 0,
    hasAlpha: false,
    isLossy: !isFax,
  };
}
