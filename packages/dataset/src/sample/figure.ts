/**
 * One clothed figure: parts from back to front, each a path with a class and a paint. In units of a thousandth of the
 * figure's height, the crown of the head at y = 0, the soles at y = 1000, the middle at x = 0.
 */
import type { RandomStream } from '@unet-fleet/law';
import { alike, type Fabric, hairColors, pick, randomFabric, shaded, skinTones } from './fabric.ts';
import { at, ellipse, type Joint, limb, limbUntil, polygon } from './geometry.ts';

export const sampleClasses = ['null', 'skin', 'hair', 'top', 'trousers', 'skirt', 'shoes'] as const;
export type SampleClass = (typeof sampleClasses)[number];

export interface Part {
  label: SampleClass;
  d: string;
  paint: string;
  edge: string;
  /** SVG transform within the figure; '' for none. */
  transform: string;
}

export interface Figure {
  parts: Part[];
  /** Drawn on the photo only: face, folds, hems. */
  details: string;
  defs: string;
}

interface Pose {
  arms: [Joint[], Joint[]];
  legs: [Joint[], Joint[]];
}

const SHOULDER_Y = 225;
const HIP_Y = 505;
/** A large head, as in a cartoon, so that hair and face have pixels enough at small training sizes. */
const HEAD_TRANSFORM = 'translate(0 190) scale(1.18) translate(0 -190)';

/** Draws the figure's looks and pose from `random`. `id` keeps the names of its patterns apart. */
export function randomFigure(random: RandomStream, id: string): Figure {
  const pose = randomPose(random);
  const skin = pick(random, skinTones);
  const top = randomFabric(random, `${id}top`, 38, alike(skin));
  const bottom = randomFabric(random, `${id}bottom`, 38, [...alike(skin), ...alike(top.base)]);
  const shoes = shaded(
    randomFabric(random, `${id}shoes`, 30, [...alike(skin), ...alike(bottom.base)]).base,
    -0.15,
  );
  const hair = randomHair(random, pick(random, hairColors));
  const isSkirt = random.uniform() < 0.5;
  const sleeve = pick(random, [0.18, 0.4, 0.95]);
  const shaftY = pick(random, [905, 905, 890, 810]);
  const hemY = random.between(478, 540);
  const skinPart = (d: string): Part => ({
    label: 'skin',
    d,
    paint: skin,
    edge: shaded(skin, -0.25),
    transform: '',
  });
  const parts: Part[] = [
    ...hair.back,
    ...pose.legs.map((leg) => skinPart(limb(leg))),
    ...pose.legs.map((leg, side) => shoe(leg, side, shaftY, shoes)),
    ...(isSkirt ? [skirt(random, bottom)] : trousers(random, pose, bottom)),
    skinPart(
      limb([
        { x: 0, y: 130, r: 34 },
        { x: 0, y: 215, r: 40 },
      ]),
    ),
    torso(random, top, hemY),
    ...pose.arms.flatMap((arm) => [
      skinPart(limb(arm) + hand(arm)),
      clothing('top', limb(limbUntil(arm, sleeve, 9)), top),
    ]),
    neckline(random, skinPart),
    {
      ...skinPart(ellipse(-64, 92, 13, 20) + ellipse(64, 92, 13, 20) + ellipse(0, 88, 66, 82)),
      transform: HEAD_TRANSFORM,
    },
    ...hair.front,
  ];
  return { parts, details: details(random, skin, hemY), defs: top.defs + bottom.defs };
}

function clothing(label: SampleClass, d: string, { paint, base }: Fabric): Part {
  return { label, d, paint, edge: shaded(base, -0.35), transform: '' };
}

function randomPose(random: RandomStream): Pose {
  const arm = (side: number): Joint[] => {
    // 0 hangs down; half a turn points up.
    const upper = random.between(0.08, 0.95);
    const lower = upper + random.between(-0.9, 1.5);
    const shoulder = { x: side * 106, y: SHOULDER_Y + 8, r: 40 };
    const elbow = {
      x: shoulder.x + side * 150 * Math.sin(upper),
      y: shoulder.y + 150 * Math.cos(upper),
      r: 36,
    };
    const wrist = { x: elbow.x + side * 140 * Math.sin(lower), y: elbow.y + 140 * Math.cos(lower), r: 31 };
    return [shoulder, elbow, wrist];
  };
  const leg = (side: number): Joint[] => {
    const stance = random.between(0.07, 0.22);
    const bend = random.between(-0.05, 0.1);
    const hip = { x: side * 52, y: HIP_Y, r: 50 };
    const knee = { x: hip.x + side * 215 * Math.sin(stance), y: HIP_Y + 215, r: 38 };
    const ankle = { x: knee.x + side * 205 * Math.sin(stance - bend), y: 925, r: 25 };
    return [hip, knee, ankle];
  };
  return { arms: [arm(-1), arm(1)], legs: [leg(-1), leg(1)] };
}

function hand(arm: readonly Joint[]): string {
  const [, elbow, wrist] = arm as [Joint, Joint, Joint];
  const length = Math.hypot(wrist.x - elbow.x, wrist.y - elbow.y);
  const reach = 22 / length;
  return ellipse(wrist.x + (wrist.x - elbow.x) * reach, wrist.y + (wrist.y - elbow.y) * reach, 36, 36);
}

/** shaftY: where the shoe ends on the leg; boots reach higher. side: 0 left, 1 right. */
function shoe(leg: readonly Joint[], side: number, shaftY: number, color: string): Part {
  const { x, y } = leg.at(-1) as Joint;
  const knee = leg.at(-2) as Joint;
  const shaftX = x + ((knee.x - x) * (y - shaftY)) / (y - knee.y);
  const toeX = x + (side === 0 ? -22 : 22);
  const foot = limb([
    { x: toeX - 30, y: 966, r: 34 },
    { x: toeX + 30, y: 966, r: 34 },
  ]);
  const shaft = limb([
    { x: shaftX, y: shaftY, r: 34 },
    { x, y: 945, r: 36 },
  ]);
  return { label: 'shoes', d: shaft + foot, paint: color, edge: shaded(color, -0.4), transform: '' };
}

function trousers(random: RandomStream, { legs }: Pose, fabric: Fabric): Part[] {
  const share = pick(random, [0.52, 0.93, 0.97, 1]);
  const flare = pick(random, [-8, 0, 8, 16]);
  const seat = polygon([
    [-70, 440],
    [70, 440],
    [106, 520],
    [60, 580],
    [-60, 580],
    [-106, 520],
  ]);
  const d = legs.map((leg) => {
    const part = limbUntil(leg, share, 11);
    const last = part.at(-1) as Joint;
    return limb([...part.slice(0, -1), { ...last, r: last.r + flare * share }]);
  });
  return [clothing('trousers', seat + d.join(''), fabric)];
}

function skirt(random: RandomStream, fabric: Fabric): Part {
  const hemY = random.between(640, 800);
  const half = random.between(190, 250);
  const d =
    `M${at(-70, 440)}L${at(70, 440)}Q${at(118, 520)} ${at(half, hemY)}` +
    `Q${at(0, hemY + 36)} ${at(-half, hemY)}Q${at(-118, 520)} ${at(-70, 440)}Z`;
  return clothing('skirt', d, fabric);
}

function torso(random: RandomStream, fabric: Fabric, hemY: number): Part {
  const waist = random.between(76, 96);
  const hem = waist + random.between(12, 30);
  const side = (x: number) => `${at(x * 118, SHOULDER_Y - 8)}`;
  const d =
    `M${at(-44, 186)}L${at(44, 186)}Q${side(1)} ${at(132, 262)}L${at(108, 300)}Q${at(waist, 380)} ${at(waist, 430)}` +
    `L${at(hem, hemY)}Q${at(0, hemY + 16)} ${at(-hem, hemY)}L${at(-waist, 430)}` +
    `Q${at(-waist, 380)} ${at(-108, 300)}L${at(-132, 262)}Q${side(-1)} ${at(-44, 186)}Z`;
  return clothing('top', d, fabric);
}

function neckline(random: RandomStream, skinPart: (d: string) => Part): Part {
  const depth = random.between(14, 60);
  return skinPart(
    `M${at(-42, 184)}L${at(42, 184)}Q${at(24, 190 + depth)} ${at(0, 196 + depth)}Q${at(-24, 190 + depth)} ${at(-42, 184)}Z`,
  );
}

/** Short, bob, long, afro or bun: what lies behind the figure and what falls over the face. */
function randomHair(random: RandomStream, color: string): { back: Part[]; front: Part[] } {
  const part = (d: string): Part => ({
    label: 'hair',
    d,
    paint: color,
    edge: shaded(color, -0.3),
    transform: HEAD_TRANSFORM,
  });
  const fringe = random.between(30, 62);
  const lean = random.between(-34, 34);
  const cap =
    `M${at(-76, 100)}Q${at(-88, -14)} ${at(0, -16)}Q${at(88, -14)} ${at(76, 100)}` +
    `Q${at(64, fringe + 14)} ${at(lean, fringe)}Q${at(-64, fringe + 14)} ${at(-76, 100)}Z`;
  switch (random.below(5)) {
    case 0:
      return { back: [part(ellipse(0, 76, 80, 88))], front: [part(cap)] };
    case 1:
      return { back: [part(ellipse(0, 96, 100, 108))], front: [part(cap)] };
    case 2: {
      const length = random.between(260, 350);
      const d = `M${at(-84, 60)}Q${at(0, -60)} ${at(84, 60)}L${at(116, length)}Q${at(0, length + 40)} ${at(-116, length)}Z`;
      return { back: [part(d)], front: [part(cap)] };
    }
    case 3:
      return { back: [part(ellipse(0, 56, 112, 104))], front: [part(cap)] };
    default: {
      const x = random.between(-50, 50);
      return { back: [part(ellipse(x, -34, 48, 46) + ellipse(0, 70, 80, 84))], front: [part(cap)] };
    }
  }
}

function details(random: RandomStream, skin: string, hemY: number): string {
  const ink = shaded(skin, -0.7);
  const smile = random.between(2, 14);
  const gaze = random.between(-5, 5);
  const eyes = [-26, 26]
    .map((x) => `<ellipse cx="${x + gaze}" cy="96" rx="7" ry="9" fill="${ink}"/>`)
    .join('');
  const mouth = `<path d="M-20 134Q0 ${134 + smile * 2} 20 134" stroke="${shaded('#b0413e', -0.1)}" stroke-width="7" fill="none" stroke-linecap="round"/>`;
  const nose = `<path d="M2 104L-5 118L4 119" stroke="${shaded(skin, -0.3)}" stroke-width="4" fill="none"/>`;
  const hem = `<path d="M-98 ${hemY + 6}Q0 ${hemY + 22} 98 ${hemY + 6}" stroke="#000" stroke-opacity=".28" stroke-width="10" fill="none"/>`;
  const folds = [-1, 1].map((side) => {
    const x = side * random.between(30, 70);
    return `<path d="M${x} 300Q${x + side * 14} 380 ${x - side * 6} 460" stroke="#000" stroke-opacity=".14" stroke-width="9" fill="none" stroke-linecap="round"/>`;
  });
  return `<g transform="${HEAD_TRANSFORM}">${eyes}${mouth}${nose}</g>${hem}${folds.join('')}`;
}
