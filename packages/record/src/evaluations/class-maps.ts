/** Class maps as workers send them: deflated, one byte a pixel up to 256 classes, else two, little-endian. */
import { promisify } from 'node:util';
import { inflate as inflateWithCallback } from 'node:zlib';

const inflate = promisify(inflateWithCallback);

/** The bytes, beside this thread; null unless they hold a class for each pixel, and no more. */
export async function inflateClasses(
  deflated: Uint8Array,
  numPixels: number,
  numClasses: number,
): Promise<Uint8Array | null> {
  const bytesPerPixel = numClasses > 256 ? 2 : 1;
  let bytes: Uint8Array;
  try {
    bytes = await inflate(deflated, { maxOutputLength: numPixels * bytesPerPixel });
  } catch {
    return null;
  }
  if (bytes.length !== numPixels * bytesPerPixel) return null;
  for (let at = 0; at < bytes.length; at += bytesPerPixel) {
    const value = bytesPerPixel === 1 ? bytes[at]! : bytes[at]! + 256 * bytes[at + 1]!;
    if (value >= numClasses) return null;
  }
  return bytes;
}
