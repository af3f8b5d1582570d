/** The colours of a mask, 8 bits each: those that a palette file names. */
import { containerNamed } from './containers.ts';
import type { Picture } from './picture.ts';

/** Whether three channels of bytes differ anywhere, so that they are colours and no grey that was written as RGB. */
export function hasColours({ values, channels, numExtra, kind, meaning }: Picture): boolean {
  const numColors = channels - numExtra;
  const isColour = meaning === 'rgb' || (meaning === 'bands' && numColors === 3);
  if (!isColour || kind !== 'u1') return false;
  for (let at = 0; at < values.length; at += channels) {
    if (values[at] !== values[at + 1] || values[at] !== values[at + 2]) return true;
  }
  return false;
}

/**
 * 0xrrggbb of each pixel, as stored. Grey v is #vvvvvv; greys of fewer than 8 bits spread over 0..255, as every viewer
 * shows them. Arrays may hold their bytes in any type of number. Throws a plain sentence for more than bytes.
 */
export function coloursOf(picture: Picture): Uint32Array {
  const { values, channels, meaning, colors, bits, width, height, numExtra } = picture;
  const isColour = meaning === 'rgb' || (meaning === 'bands' && channels - numExtra === 3);
  if (meaning === 'bands' && !isColour) {
    throw new Error(`it has ${channels} channels, where colours have three`);
  }
  checkBytes(picture);
  const factor = meaning !== 'palette' && bits < 8 ? 255 / (2 ** bits - 1) : 1;
  const result = new Uint32Array(width * height);
  for (let i = 0, at = 0; i < result.length; i++, at += channels) {
    const value = Number(values[at]) * factor;
    if (meaning === 'palette') result[i] = colourAt(colors as Uint8Array, value);
    else if (!isColour) result[i] = value * 0x010101;
    else result[i] = (value << 16) | (Number(values[at + 1]) << 8) | Number(values[at + 2]);
  }
  return result;
}

/** What a --mask-threshold does not apply to. */
export const coloured = 'it has colours, where --mask-threshold is for black and white';

/** The grey of each pixel of a palette of greys, as BMP and GIF have them. Throws a plain sentence for colours. */
export function greysOf(picture: Picture): Uint8Array {
  return Uint8Array.from(coloursOf(picture), (color) => {
    const grey = color & 255;
    if (color !== grey * 0x010101) throw new Error(coloured);
    return grey;
  });
}

function checkBytes({ container, kind, bits, values }: Picture): void {
  if (kind === 'u1') return;
  if (!containerNamed(container).isArray) {
    throw new Error(
      `it has values of ${bits} bits, where the palette file has colours of 8; save it with 8 bits`,
    );
  }
  for (const value of values) {
    const number = Number(value);
    if (!(Number.isInteger(number) && number >= 0 && number <= 255)) {
      throw new Error(`it has the value ${value}, where the palette file has colours of 0 to 255`);
    }
  }
}

function colourAt(colors: Uint8Array, index: number): number {
  if (3 * index + 2 >= colors.length) throw new Error(`it is damaged: its palette has no colour ${index}`);
  return (
    ((colors[3 * index] as number) << 16) |
    ((colors[3 * index + 1] as number) << 8) |
    (colors[3 * index + 2] as number)
  );
}
