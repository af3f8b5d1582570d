import { describe, expect, it } from 'vitest';
import { type RgbImage, toRgb } from './canvas.ts';
import { pixelAt } from './decode.test-helper.ts';
import { type LabelMap, labelsIn, resizeLabelMap } from './models/class-map.ts';
import { classColour } from './models/palette.ts';
import { colourMask, errorMap, overlayMask } from './overlay.ts';

const scheme = { classNames: ['null', 'hair', 'skin'], ignoreIndex: 255 };
const grey = (width: number, height: number): RgbImage => ({
  width,
  height,
  pixels: new Uint8Array(width * height * 3).fill(200),
});
/** 8 x 8: class 1 in the right half, one ignored pixel at the top left. */
const halves: LabelMap = {
  width: 8,
  height: 8,
  labels: Uint8Array.from({ length: 64 }, (_, i) => Number(i % 8 > 3)),
};
halves.labels[0] = 255;

describe('overlay', () => {
  it('tints by class, edges in full colour, background lightly', () => {
    const image = overlayMask(grey(8, 8), halves, scheme, { opacity: 0.5 });
    const mix = (classIndex: number, share: number) =>
      classColour(classIndex).map((value) => Math.round(200 * (1 - share) + value * share));
    expect(pixelAt(image, 7, 4)).toEqual(mix(1, 0.5));
    expect(pixelAt(image, 4, 4)).toEqual(mix(1, 1));
    expect(pixelAt(image, 3, 4)).toEqual(mix(0, 0.5 / 3));
    const plain = overlayMask(grey(8, 8), halves, scheme, { opacity: 0.5, outlines: false });
    expect(pixelAt(plain, 4, 4)).toEqual(mix(1, 0.5));
  });

  it('shows the mask in exactly the colours of its classes, ignored pixels white', () => {
    const image = colourMask(halves, scheme);
    expect(pixelAt(image, 0, 0)).toEqual([255, 255, 255]);
    expect(pixelAt(image, 1, 0)).toEqual([...classColour(0)]);
    expect(pixelAt(image, 6, 7)).toEqual([...classColour(1)]);
  });

  it('marks wrong pixels but never ignored ones', () => {
    const prediction = { ...halves, labels: halves.labels.slice() };
    prediction.labels[0] = 2;
    prediction.labels[63] = 2;
    const image = errorMap(grey(8, 8), halves, prediction, scheme);
    const [right, ignored, wrong] = [pixelAt(image, 3, 3), pixelAt(image, 0, 0), pixelAt(image, 7, 7)];
    expect(ignored).toEqual(right);
    expect(wrong[0]! - wrong[1]!).toBeGreaterThan(100);
  });

  it('refuses a mask of another size', () => {
    expect(() => overlayMask(grey(8, 7), halves, scheme)).toThrow('8 x 7 is not the size 8 x 8');
  });
});

describe('labels', () => {
  it('are listed by class with the ignored last', () => {
    expect(labelsIn([halves], scheme)).toEqual([0, 1, 255]);
    expect(labelsIn([halves], { ...scheme, ignoreIndex: -1 })).toEqual([0, 1, 255]);
    const wide = { width: 1, height: 2, labels: Uint16Array.of(300, 2) };
    expect(labelsIn([halves, wide], scheme)).toEqual([0, 1, 2, 300, 255]);
  });

  it('are resized by nearest pixel centre', () => {
    const map: LabelMap = { width: 2, height: 2, labels: Uint8Array.of(0, 1, 2, 3) };
    expect(Array.from(resizeLabelMap(map, 4, 2).labels)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(Array.from(resizeLabelMap(resizeLabelMap(map, 6, 4), 2, 2).labels)).toEqual([0, 1, 2, 3]);
    expect(resizeLabelMap({ ...map, labels: Uint16Array.of(0, 1, 2, 300) }, 1, 1).labels).toBeInstanceOf(
      Uint16Array,
    );
  });
});

describe('toRgb', () => {
  it('spreads grey, and lays transparency over white', () => {
    expect(Array.from(toRgb(Uint8Array.of(7), 1, 1, 1).pixels)).toEqual([7, 7, 7]);
    expect(Array.from(toRgb(Uint8Array.of(0, 100, 255, 0), 1, 1, 4).pixels)).toEqual([255, 255, 255]);
    expect(Array.from(toRgb(Uint8Array.of(0, 100, 255, 255), 1, 1, 4).pixels)).toEqual([0, 100, 255]);
    expect(() => toRgb(new Uint8Array(5), 1, 1, 4)).toThrow('no 1 x 1 x 4 image');
  });
});
