/**
 * Colours and patterns of the sample set. Clothes and backgrounds draw from the same ones, so that a model has to learn
 * shapes: no colour or texture tells a class.
 */
import type { RandomStream } from '@unet-fleet/law';

export const colors = [
  '#c8443c',
  '#e08a3c',
  '#e6c14e',
  '#6f9a4a',
  '#2f6f5e',
  '#3c8fa8',
  '#34568b',
  '#5b4a8a',
  '#a8558f',
  '#d98fa3',
  '#f0e9dc',
  '#c9b89a',
  '#8a6a4c',
  '#5a3d2b',
  '#2b2f3a',
  '#7c828c',
  '#b9c4cc',
  '#e9b08f',
]; // prettier-ignore
export const skinTones = ['#f3d0b5', '#e9b996', '#d79f78', '#b97a52', '#94603d', '#6d432a', '#4f3020'];
export const hairColors = ['#1d1a1b', '#33241c', '#5a3a24', '#8a4a28', '#b98a4c', '#d9bc7a', '#8d8d90']; // prettier-ignore

export const pick = <T>(random: RandomStream, items: readonly T[]): T =>
  items[random.below(items.length)] as T;

/** A fill for SVG: `paint` is what fill="" takes; `defs` defines the pattern that it names. */
export interface Fabric {
  base: string;
  paint: string;
  defs: string;
}

/** One repeat of a pattern of `unit` size on the base colour, in two further colours. */
type Weave = (unit: number, a: string, b: string) => string;

const rect = (x: number, y: number, width: number, height: number, fill: string, opacity = 1) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" fill-opacity="${opacity}"/>`;
const circle = (x: number, y: number, r: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`;

const stripes: Weave = (u, a) => rect(0, 0, u * 0.5, u, a);
const pinstripes: Weave = (u, a) => rect(0, 0, u * 0.18, u, a, 0.8);
const dots: Weave = (u, a) => circle(u * 0.3, u * 0.3, u * 0.19, a) + circle(u * 0.8, u * 0.8, u * 0.19, a);
const gingham: Weave = (u, a) => rect(0, 0, u / 2, u, a, 0.55) + rect(0, 0, u, u / 2, a, 0.55);
const plaid: Weave = (u, a, b) =>
  rect(0, 0, u * 0.4, u, a, 0.6) +
  rect(0, 0, u, u * 0.4, a, 0.6) +
  rect(u * 0.65, 0, u * 0.1, u, b, 0.8) +
  rect(0, u * 0.65, u, u * 0.1, b, 0.8);
const floral: Weave = (u, a, b) => {
  const petals = [0, 1, 2, 3, 4].map((k) => {
    const angle = (k * 2 * Math.PI) / 5;
    return circle(u * (0.5 + 0.17 * Math.cos(angle)), u * (0.5 + 0.17 * Math.sin(angle)), u * 0.12, a);
  });
  return petals.join('') + circle(u * 0.5, u * 0.5, u * 0.09, b);
};
const bricks: Weave = (u, a) =>
  rect(0, 0, u, u * 0.08, a) +
  rect(0, u * 0.5, u, u * 0.08, a) +
  rect(0, 0, u * 0.08, u * 0.5, a) +
  rect(u * 0.5, u * 0.5, u * 0.08, u * 0.5, a);
const zigzag: Weave = (u, a) =>
  `<path d="M0 ${u * 0.3}L${u * 0.5} ${u * 0.7}L${u} ${u * 0.3}" stroke="${a}" stroke-width="${u * 0.2}" fill="none"/>`;
const twill: Weave = (u, a, b) => rect(0, 0, u * 0.25, u, a, 0.35) + rect(0, u * 0.5, u, u * 0.2, b, 0.2);

const weaves: Weave[] = [stripes, pinstripes, dots, gingham, plaid, floral, bricks, zigzag, twill];

/**
 * A random fabric on a base colour that is none of `avoid`. `unit` is the repeat in user units; `id` must be unique
 * in the drawing. A third of the fabrics are plain.
 */
export function randomFabric(
  random: RandomStream,
  id: string,
  unit: number,
  avoid: readonly string[],
): Fabric {
  const base = pick(
    random,
    colors.filter((color) => !avoid.includes(color)),
  );
  const others = colors.filter((color) => color !== base);
  const a = pick(random, others);
  const b = pick(random, others);
  const weave = pick(random, weaves);
  const turn = pick(random, [0, 0, 90, 45, 30]);
  const size = unit * random.between(0.7, 1.4);
  if (random.uniform() < 0.33) return { base, paint: base, defs: '' };
  const defs =
    `<pattern id="${id}" width="${size}" height="${size}" patternUnits="userSpaceOnUse" patternTransform="rotate(${turn})">` +
    `${rect(0, 0, size, size, base)}${weave(size, a, b)}</pattern>`;
  return { base, paint: `url(#${id})`, defs };
}

/** Distance of two colours in RGB, 0 to 442. */
function distance(a: string, b: string): number {
  const channel = (color: string, i: number) => Number.parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  return Math.hypot(...[0, 1, 2].map((i) => channel(a, i) - channel(b, i)));
}

/** Colours of cloth that nobody would tell from this one by lamp light. */
export function alike(color: string): string[] {
  return colors.filter((other) => distance(color, other) < 90);
}

/** The colour made darker (amount < 0) or lighter, by a share of the way to black or white. */
export function shaded(color: string, amount: number): string {
  const value = Number.parseInt(color.slice(1), 16);
  const target = amount < 0 ? 0 : 255;
  const mixed = [16, 8, 0].map((shift) => {
    const channel = (value >> shift) & 255;
    return Math.round(channel + (target - channel) * Math.abs(amount));
  });
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
