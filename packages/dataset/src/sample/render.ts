/** Draws one scene twice from the same paths: as a photo with light, shade and noise, and as a mask without any blending. */
import { RandomStream } from '@unet-fleet/law';
import sharp from 'sharp';
import { randomBackground } from './background.ts';
import { type Figure, type Part, randomFigure, sampleClasses } from './figure.ts';

export interface Scene {
  width: number;
  height: number;
  /** JPEG file. */
  photo: Uint8Array;
  /** HW class indices. */
  labels: Uint8Array;
}

interface Placed {
  figure: Figure;
  transform: string;
  /** Where the figure stands, in pixels, and its height. */
  x: number;
  y: number;
  size: number;
}

/** Scene `index` of the set of `seed`. */
export async function renderScene(
  seed: number,
  index: number,
  width: number,
  height: number,
): Promise<Scene> {
  const random = new RandomStream(seed, 'sample', index);
  const background = randomBackground(random, width, height);
  const placed = placeFigures(random, width, height);
  const photo = await renderPhoto(random, photoSvg(random, background, placed, width, height), width, height);
  const labels = await renderLabels(maskSvg(placed, width, height), width, height);
  return { width, height, photo, labels };
}

/** One figure, or sometimes two smaller ones side by side, all within the picture. */
function placeFigures(random: RandomStream, width: number, height: number): Placed[] {
  const isPair = random.uniform() < 0.2;
  const middles = isPair ? [0.28, 0.73] : [random.between(0.4, 0.6)];
  const scale = Math.min(height, width * 1.4);
  return middles.map((middle, i) => {
    const size = scale * (isPair ? random.between(0.58, 0.7) : random.between(0.74, 0.87));
    const x = width * middle;
    const y = height * (isPair ? random.between(0.86, 0.96) : random.between(0.93, 0.98));
    const tilt = random.between(-5, 5);
    const unit = size / 1000;
    const mirror = random.uniform() < 0.5 ? -unit : unit;
    const transform = `translate(${x.toFixed(2)} ${(y - size).toFixed(2)}) scale(${(mirror * 1.1).toFixed(5)} ${unit.toFixed(5)}) rotate(${tilt.toFixed(2)} 0 1000)`;
    return { figure: randomFigure(random, `f${i}`), transform, x, y, size };
  });
}

const svg = (width: number, height: number, content: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${content}</svg>`;

function photoSvg(
  random: RandomStream,
  background: { svg: string; defs: string },
  placed: readonly Placed[],
  width: number,
  height: number,
): string {
  // Light from one side of the body; a gradient in the figure's own units shades every part alike.
  const [dark, light] = random.uniform() < 0.5 ? [-130, 130] : [130, -130];
  const defs =
    `<linearGradient id="side" gradientUnits="userSpaceOnUse" x1="${light}" y1="0" x2="${dark}" y2="60">` +
    `<stop offset="0" stop-color="#fff" stop-opacity=".16"/><stop offset=".45" stop-color="#000" stop-opacity="0"/>` +
    `<stop offset="1" stop-color="#000" stop-opacity=".38"/></linearGradient>` +
    // What lies behind the figure is out of focus and hazier, as in a portrait.
    `<filter id="depth" x="0" y="0" width="1" height="1"><feGaussianBlur stdDeviation="${(width * random.between(0.006, 0.012)).toFixed(2)}"/>` +
    `<feComponentTransfer>${['R', 'G', 'B'].map((c) => `<feFunc${c} type="linear" slope=".6" intercept=".3"/>`).join('')}</feComponentTransfer></filter>`;
  const figures = placed.map(({ figure, transform, x, y, size }) => {
    const shadow = `<ellipse cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" rx="${(size * 0.19).toFixed(1)}" ry="${(size * 0.028).toFixed(1)}" fill="#000" fill-opacity=".35"/>`;
    const parts = figure.parts.map(photoPart).join('');
    return `${shadow}<g transform="${transform}">${parts}${figure.details}</g>`;
  });
  const allDefs = defs + background.defs + placed.map(({ figure }) => figure.defs).join('');
  return svg(
    width,
    height,
    `<defs>${allDefs}</defs><g filter="url(#depth)">${background.svg}</g>${figures.join('')}`,
  );
}

function photoPart({ d, paint, edge, transform }: Part): string {
  // The edge is a hair's breadth, so that neighbours in one colour can be told apart.
  return `<g transform="${transform}"><path d="${d}" fill="none" stroke="${edge}" stroke-width="5"/><path d="${d}" fill="${paint}"/><path d="${d}" fill="url(#side)"/></g>`;
}

function maskSvg(placed: readonly Placed[], width: number, height: number): string {
  const figures = placed.map(({ figure, transform }) => {
    const parts = figure.parts.map(
      ({ label, d, transform }) =>
        `<path transform="${transform}" d="${d}" fill="${maskColor(sampleClasses.indexOf(label))}"/>`,
    );
    return `<g transform="${transform}">${parts.join('')}</g>`;
  });
  const ground = `<rect width="${width}" height="${height}" fill="#000"/>`;
  return svg(width, height, `<g shape-rendering="crispEdges">${ground}${figures.join('')}</g>`);
}

const MASK_STEP = 32;

/** Far enough apart that a blend of two classes, should there be one, is no class and is noticed. */
function maskColor(index: number): string {
  const level = (index * MASK_STEP).toString(16).padStart(2, '0');
  return `#${level}${level}${level}`;
}

async function renderLabels(drawing: string, width: number, height: number): Promise<Uint8Array> {
  const pixels = await rasterize(drawing, width, height);
  const labels = new Uint8Array(width * height);
  for (let i = 0; i < labels.length; i++) {
    const level = pixels[3 * i] as number;
    if (level % MASK_STEP !== 0) throw new Error(`the mask was drawn with a blended edge (${level})`);
    labels[i] = level / MASK_STEP;
  }
  return labels;
}

async function rasterize(drawing: string, width: number, height: number): Promise<Uint8Array> {
  const { data, info } = await sharp(Buffer.from(drawing))
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== width || info.height !== height || info.channels !== 3)
    throw new Error('drawn at another size');
  return data;
}

/** Adds the room's light (gain, cast, fall-off) and the camera's noise, and encodes. */
async function renderPhoto(
  random: RandomStream,
  drawing: string,
  width: number,
  height: number,
): Promise<Uint8Array> {
  const pixels = await rasterize(drawing, width, height);
  const gains = [0, 0, 0].map(() => random.between(0.93, 1.07));
  const gain = random.between(0.78, 1.15);
  const [slopeX, slopeY] = [random.between(-0.22, 0.22), random.between(-0.15, 0.15)];
  const sigma = random.between(2, 6);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = gain * (1 + slopeX * (x / width - 0.5) + slopeY * (y / height - 0.5));
      const noise = sigma * normalFrom(random.uint32());
      for (let c = 0; c < 3; c++, at++) {
        const value = (pixels[at] as number) * light * (gains[c] as number) + noise;
        pixels[at] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
}

/** Nearly normal, of variance 1: the sum of a word's four bytes. */
function normalFrom(word: number): number {
  const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  return (sum - 510) / 147.8;
}
