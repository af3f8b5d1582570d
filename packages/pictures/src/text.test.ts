import { describe, expect, it } from 'vitest';
import { renderPng } from './canvas.ts';
import { darkPixels, decode } from './decode.test-helper.ts';
import { textSvg, textWidth } from './text.ts';

describe('text', () => {
  it('is a path without any markup of its own', () => {
    const svg = textSvg('</svg><script>alert("x")</script>&lt;', 0, 20, { sizePx: 16 });
    expect(svg).toMatch(/^<path fill="#1c1e21" d="[-MLQCZ0-9. ]+"\/>$/);
  });

  it('is drawn where it is anchored', async () => {
    const draw = async (anchor: 'start' | 'middle' | 'end') => {
      const svg = [textSvg('HHHH', 100, 30, { sizePx: 20, anchor })];
      return decode(await renderPng({ width: 200, height: 40, layers: [], svg }));
    };
    const [start, middle, end] = [await draw('start'), await draw('middle'), await draw('end')];
    expect(darkPixels(start, 0, 0, 100, 40)).toBe(0);
    expect(darkPixels(start, 100, 0, 200, 40)).toBeGreaterThan(50);
    expect(darkPixels(end, 100, 0, 200, 40)).toBe(0);
    expect(darkPixels(middle, 0, 0, 100, 40)).toBeGreaterThan(20);
    expect(darkPixels(middle, 100, 0, 200, 40)).toBeGreaterThan(20);
  });

  it('is cut with an ellipsis to the width it is given', () => {
    const long = 'a name that goes on '.repeat(50);
    expect(textWidth(long, { sizePx: 12 })).toBeGreaterThan(1000);
    const cut = textWidth(long, { sizePx: 12, maxWidthPx: 100 });
    expect(cut).toBeLessThanOrEqual(100);
    expect(cut).toBeGreaterThan(80);
    expect(textWidth('short', { sizePx: 12, maxWidthPx: 100 })).toBe(textWidth('short', { sizePx: 12 }));
  });

  it('turns line breaks and control characters into spaces', () => {
    const style = { sizePx: 12 };
    expect(textSvg('a\n\u0000b', 0, 0, style)).toBe(textSvg('a b', 0, 0, style));
    expect(textSvg('a\u202eb', 0, 0, style)).toBe(textSvg('a b', 0, 0, style));
    expect(textSvg('', 0, 0, style)).toBe('');
  });

  it('draws a box for characters that the font lacks, and accents and Greek as they are', () => {
    const style = { sizePx: 12 };
    expect(textSvg('中', 0, 0, style)).toBe(textSvg('漢', 0, 0, style));
    expect(textSvg('é', 0, 0, style)).not.toBe(textSvg('中', 0, 0, style));
    expect(textSvg('µ', 0, 0, style)).not.toBe(textSvg('e', 0, 0, style));
  });
});
