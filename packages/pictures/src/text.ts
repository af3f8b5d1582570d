/**
 * Text as vector paths. Pictures must look the same on a machine without any font installed (containers have none),
 * so glyphs come from a font that is a dependency of this package, and the SVG renderer never sees a <text> element.
 * That also makes every name safe: markup in a class name or file name is drawn, not interpreted.
 *
 * Glyphs are laid out one by one, left to right, with kerning but without ligatures or contextual forms. A character
 * that the font lacks is drawn as its "missing" box.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export type FontWeight = 'regular' | 'bold';

export interface TextStyle {
  sizePx: number;
  weight?: FontWeight;
  /** Any SVG colour; default near-black. */
  fill?: string;
  /** Which part of the text lies at x; default start. */
  anchor?: 'start' | 'middle' | 'end';
  /** Degrees clockwise about (x, y). */
  rotate?: number;
  /** Longer text is cut and ends in an ellipsis. */
  maxWidthPx?: number;
}

/** The part of opentype.js that is used; its package has no types. */
interface Glyph {
  advanceWidth?: number;
  getPath(x: number, y: number, sizePx: number): { toPathData(decimals: number): string };
}
interface Font {
  unitsPerEm: number;
  charToGlyph(character: string): Glyph;
  getKerningValue(left: Glyph, right: Glyph): number;
}

const require = createRequire(import.meta.url);
const fontFiles = {
  regular: '@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff',
  bold: '@fontsource/dejavu-sans/files/dejavu-sans-latin-700-normal.woff',
};
const fonts = new Map<FontWeight, Font>();

/** Parsing takes a tenth of a second, so a font is loaded when the first text needs it. */
function fontOf(weight: FontWeight): Font {
  let font = fonts.get(weight);
  if (font === undefined) {
    const { parse } = require('opentype.js') as { parse(data: ArrayBuffer): Font };
    const file = readFileSync(require.resolve(fontFiles[weight]));
    font = parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer);
    fonts.set(weight, font);
  }
  return font;
}

const ellipsis = '…';

/** The characters that are drawn: control characters, line breaks and direction marks become spaces. */
const drawable = (text: string): string[] => Array.from(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' '));

interface PlacedGlyph {
  glyph: Glyph;
  /** Left edge, in pixels from the start of the text. */
  offsetPx: number;
  endPx: number;
}

function layOut(characters: string[], sizePx: number, weight: FontWeight): PlacedGlyph[] {
  const font = fontOf(weight);
  const scale = sizePx / font.unitsPerEm;
  const placed: PlacedGlyph[] = [];
  let endPx = 0;
  for (const character of characters) {
    const glyph = font.charToGlyph(character);
    const previous = placed.at(-1);
    const offsetPx = endPx + (previous ? font.getKerningValue(previous.glyph, glyph) * scale : 0);
    endPx = offsetPx + (glyph.advanceWidth ?? 0) * scale;
    placed.push({ glyph, offsetPx, endPx });
  }
  return placed;
}

const widthOf = (placed: PlacedGlyph[]): number => placed.at(-1)?.endPx ?? 0;

function fit(text: string, sizePx: number, weight: FontWeight, maxWidthPx: number): PlacedGlyph[] {
  const characters = drawable(text);
  const whole = layOut(characters, sizePx, weight);
  if (widthOf(whole) <= maxWidthPx) return whole;
  const room = maxWidthPx - widthOf(layOut([ellipsis], sizePx, weight));
  const numKept = whole.filter(({ endPx }) => endPx <= room).length;
  return layOut([...characters.slice(0, numKept), ellipsis], sizePx, weight);
}

/** Width in pixels of a line of text, as {@link textSvg} draws it. */
export function textWidth(
  text: string,
  { sizePx, weight = 'regular', maxWidthPx = Infinity }: TextStyle,
): number {
  return widthOf(fit(text, sizePx, weight, maxWidthPx));
}

/** One line of text as an SVG path; (x, y) is its anchor on the baseline, in pixels. */
export function textSvg(text: string, x: number, y: number, style: TextStyle): string {
  const {
    sizePx,
    weight = 'regular',
    fill = '#1c1e21',
    anchor = 'start',
    rotate,
    maxWidthPx = Infinity,
  } = style;
  const placed = fit(text, sizePx, weight, maxWidthPx);
  const share = anchor === 'middle' ? 0.5 : anchor === 'end' ? 1 : 0;
  const start = x - widthOf(placed) * share;
  const data = placed
    .map(({ glyph, offsetPx }) => glyph.getPath(start + offsetPx, y, sizePx).toPathData(2))
    .join('');
  if (data === '') return '';
  const turn = rotate === undefined ? '' : ` transform="rotate(${rotate} ${x} ${y})"`;
  return `<path fill="${fill}"${turn} d="${data}"/>`;
}
