/**
 * Masks whose colours carry the classes, where no palette file says which: colours without an index, and palettes that
 * differ from file to file, so that an index means one thing here and another there. Pure.
 */
import { colorName } from './readers/palette.ts';
import type { MaskFacts } from './scan-cache.ts';

export interface NamedMask {
  /** Relative to the masks folder. */
  name: string;
  facts: Pick<MaskFacts, 'histogram' | 'strange' | 'isColour' | 'colors'>;
}

export interface ColourFault {
  /** Why training stops, with what to do. */
  fault: string;
  /** Lines of a palette file for these masks, to be ordered and named; empty where there are too many colours. */
  palette: string[];
}

/** More than a person names; compression and photos have thousands. */
const MAX_COLOURS = 256;

const remedy =
  'name the colour of each class in a file for --palette, one line each in the order of the classes, such as "#000000 background" (`unet-fleet inspect` prints the lines)';

/** For masks of colours. */
export function colourFault(masks: readonly NamedMask[]): ColourFault {
  const pixels = pixelsByColour(masks);
  if (pixels.size > MAX_COLOURS || masks.some(({ facts }) => facts.strange.length > 0)) {
    const fault = `Masks hold more than ${MAX_COLOURS} colours, as photos do, or as compression and resizing make them at edges: check --masks, or save the masks as PNG from where they come.`;
    return { fault, palette: [] };
  }
  const lines = paletteLines(pixels);
  const shown = lines.slice(0, 8).join(', ') + (lines.length > 8 ? ` and ${lines.length - 8} more` : '');
  return {
    fault: `Masks hold ${lines.length} colours (${shown}), not class indices: ${remedy}.`,
    palette: lines,
  };
}

/** For masks with palettes of their own: null where an index has one colour and a colour one index, in all of them. */
export function paletteFault(masks: readonly NamedMask[]): ColourFault | null {
  const own = masks.filter(({ facts }) => facts.colors !== null);
  const differs = differenceIn(own) ?? greyDifference(own, masks);
  if (differs === null) return null;
  return {
    fault: `Masks have palettes of their own that differ: ${differs}; ${remedy}.`,
    palette: paletteLines(pixelsByColour(masks)),
  };
}

function differenceIn(masks: readonly NamedMask[]): string | null {
  const colorOf = new Map<number, { color: number; name: string }>();
  const indexOf = new Map<number, { index: number; name: string }>();
  // A palette that shows several indices alike (a program left it black) says nothing about which is which.
  const areDistinct = masks.every(({ facts }) => {
    const colors = facts.colors ?? [];
    return new Set(colors.map(([, color]) => color)).size === colors.length;
  });
  for (const { name, facts } of masks) {
    for (const [index, color] of facts.colors ?? []) {
      const known = colorOf.get(index);
      if (known && known.color !== color) {
        return `${index} is ${colorName(known.color)} in ${known.name} and ${colorName(color)} in ${name}`;
      }
      colorOf.set(index, { color, name });
      const other = areDistinct ? indexOf.get(color) : undefined;
      if (other && other.index !== index) {
        return `${colorName(color)} is ${other.index} in ${other.name} and ${index} in ${name}`;
      }
      indexOf.set(color, { index, name });
    }
  }
  return null;
}

/** A grey that one mask has as its value and another, by its palette, under another index. */
function greyDifference(own: readonly NamedMask[], masks: readonly NamedMask[]): string | null {
  const indexOf = new Map(
    own.flatMap(({ name, facts }) =>
      (facts.colors ?? []).map(([index, color]) => [color, { index, name }] as const),
    ),
  );
  for (const { name, facts } of masks) {
    if (facts.colors !== null || facts.isColour) continue;
    for (const [value] of facts.histogram) {
      const same = value >= 0 && value <= 255 ? indexOf.get(value * 0x010101) : undefined;
      if (same && same.index !== value) {
        return `${colorName(value * 0x010101)} is ${same.index} in ${same.name} and ${value} in ${name}`;
      }
    }
  }
  return null;
}

function pixelsByColour(masks: readonly NamedMask[]): Map<number, number> {
  const pixels = new Map<number, number>();
  for (const { facts } of masks) {
    const colors = facts.colors && new Map(facts.colors);
    for (const [value, count] of facts.histogram) {
      const color = facts.isColour ? value : (colors?.get(value) ?? value * 0x010101);
      pixels.set(color, (pixels.get(color) ?? 0) + count);
    }
  }
  return pixels;
}

/** Black, the usual background, first; then by pixels. */
function paletteLines(pixels: ReadonlyMap<number, number>): string[] {
  return [...pixels]
    .sort(([a, m], [b, n]) => Number(b === 0) - Number(a === 0) || n - m || a - b)
    .map(([color]) => colorName(color));
}
