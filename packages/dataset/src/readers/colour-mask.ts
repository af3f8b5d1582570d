/** Colour masks (RGB, RGBA, palette or grey, PNG or TIFF) turned into class indices by the palette file's exact colours. */
import sharp from 'sharp';
import { maxPixelsOf } from '../limits.ts';
import { colorName, type Palette } from './palette.ts';
import { checkPictureKind } from './photo.ts';
import { NO_LABEL, type RawMask, StrangeValues } from './raster.ts';

/** A pixel whose colour the palette lacks has no label; the colour is counted among the strange values. */
export async function readColourMask(bytes: Uint8Array, palette: Palette): Promise<RawMask> {
  checkPictureKind(bytes);
  // An embedded colour profile must not move the colours.
  const { data, info } = await sharp(bytes, {
    failOn: 'error',
    limitInputPixels: maxPixelsOf(bytes.length),
    ignoreIcc: true,
  })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const classes = new Map(palette.entries.map(({ color, classIndex }) => [color, classIndex]));
  const highest = Math.max(...classes.values());
  const labels = new Uint16Array(width * height);
  const strange = new StrangeValues();
  let lastColor = -1;
  let lastClass = 0;
  for (let i = 0, at = 0; i < labels.length; i++, at += channels) {
    const r = data[at] as number;
    const color =
      channels === 3 ? (r << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number) : r * 0x010101;
    if (color !== lastColor) {
      lastColor = color;
      lastClass = classes.get(color) ?? NO_LABEL;
    }
    labels[i] = lastClass;
    if (lastClass === NO_LABEL) strange.add(colorName(color));
  }
  const isNarrow = highest <= 255 && strange.isEmpty;
  return { width, height, labels: isNarrow ? Uint8Array.from(labels) : labels, strange: strange.toList() };
}
