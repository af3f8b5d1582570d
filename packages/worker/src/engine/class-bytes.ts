/** Class maps as they travel and lie in files: one byte a pixel up to 256 classes, else two, little-endian. */
export function classBytes(
  classes: ArrayLike<number>,
  first: number,
  numPixels: number,
  numClasses: number,
): Uint8Array<ArrayBuffer> {
  const bytesPerPixel = numClasses > 256 ? 2 : 1;
  const bytes = new Uint8Array(numPixels * bytesPerPixel);
  if (bytesPerPixel === 1) for (let i = 0; i < numPixels; i++) bytes[i] = classes[first + i]!;
  else {
    for (let i = 0; i < numPixels; i++) {
      const value = classes[first + i]!;
      bytes[2 * i] = value & 255;
      bytes[2 * i + 1] = value >> 8;
    }
  }
  return bytes;
}
