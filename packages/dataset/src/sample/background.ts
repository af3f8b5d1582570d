/** Backgrounds of the sample photos: rooms, streets and parks in the colours and patterns that the clothes have too. */
import type { RandomStream } from '@unet-fleet/law';
import { colors, hairColors, pick, randomFabric, shaded, skinTones } from './fabric.ts';
import { polygon } from './geometry.ts';

export interface Background {
  svg: string;
  defs: string;
}

const softened = (random: RandomStream, color: string): string => shaded(color, random.between(-0.3, 0.5));
const anyColor = (random: RandomStream): string => pick(random, [...colors, ...skinTones, ...hairColors]);
const rect = (x: number, y: number, width: number, height: number, fill: string, opacity = 1): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${fill}" fill-opacity="${opacity.toFixed(2)}"/>`;
const circle = (x: number, y: number, r: number, fill: string): string =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r.toFixed(1)}" fill="${fill}"/>`;

/** A scene of the given size, with the ground line where a figure stands. */
export function randomBackground(random: RandomStream, width: number, height: number): Background {
  const horizon = height * random.between(0.62, 0.82);
  const scene = pick(random, [room, street, park]);
  const { svg, defs } = scene(random, width, height, horizon);
  const things = Array.from({ length: 2 + random.below(4) }, () => thing(random, width, height, horizon));
  return { svg: svg + things.join(''), defs };
}

type Scene = (random: RandomStream, width: number, height: number, horizon: number) => Background;

const room: Scene = (random, width, height, horizon) => {
  const wall = randomFabric(random, 'wall', width * 0.11, []);
  const floor = randomFabric(random, 'floor', width * 0.14, [wall.base]);
  const poster = randomFabric(random, 'poster', width * 0.07, [wall.base]);
  const x = random.between(0, width * 0.7);
  const y = random.between(0, horizon * 0.35);
  const w = width * random.between(0.18, 0.34);
  const h = horizon * random.between(0.22, 0.42);
  const svg =
    rect(0, 0, width, horizon, wall.paint) +
    rect(0, 0, width, horizon, '#fff', random.between(0, 0.35)) +
    rect(0, horizon, width, height - horizon, floor.paint) +
    rect(0, horizon - height * 0.02, width, height * 0.02, softened(random, wall.base)) +
    rect(x - 4, y - 4, w + 8, h + 8, shaded(poster.base, -0.5)) +
    rect(x, y, w, h, poster.paint);
  return { svg, defs: wall.defs + floor.defs + poster.defs };
};

const street: Scene = (random, width, height, horizon) => {
  const defs: string[] = [];
  let svg = rect(0, 0, width, horizon, softened(random, pick(random, ['#b9c4cc', '#9fc3dd', '#e6cfa8'])));
  for (let x = -width * 0.05, i = 0; x < width; i++) {
    const house = randomFabric(random, `house${i}`, width * 0.08, []);
    const w = width * random.between(0.22, 0.4);
    const y = horizon * random.between(0, 0.45);
    svg += rect(x, y, w, horizon - y, house.paint);
    const glass = softened(random, '#7c95a8');
    for (let row = y + w * 0.15; row < horizon - w * 0.35; row += w * 0.42) {
      for (const column of [0.14, 0.56]) svg += rect(x + w * column, row, w * 0.28, w * 0.28, glass);
    }
    defs.push(house.defs);
    x += w;
  }
  const ground = randomFabric(random, 'ground', width * 0.12, []);
  svg += rect(0, horizon, width, height - horizon, ground.paint);
  svg += rect(0, horizon, width, height - horizon, '#777', 0.4);
  return { svg, defs: defs.join('') + ground.defs };
};

const park: Scene = (random, width, height, horizon) => {
  const sky = softened(random, pick(random, ['#9fc3dd', '#e6cfa8', '#d98fa3', '#b9c4cc']));
  const grass = pick(random, ['#6f9a4a', '#87a850', '#b0a04c', '#c9b89a']);
  const defs =
    `<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${shaded(sky, -0.15)}"/>` +
    `<stop offset="1" stop-color="${shaded(sky, 0.5)}"/></linearGradient>`;
  let svg = rect(0, 0, width, horizon, 'url(#sky)') + rect(0, horizon, width, height - horizon, grass);
  for (let i = 0; i < 3 + random.below(4); i++) {
    const x = random.between(0, width);
    const crown = width * random.between(0.1, 0.2);
    const y = horizon - crown * random.between(1.6, 2.8);
    svg += rect(x - crown * 0.14, y, crown * 0.28, horizon - y + 4, pick(random, hairColors));
    const leaf = pick(random, ['#2f6f5e', '#6f9a4a', '#4d7a3c', '#e08a3c', '#c8443c']);
    for (let k = 0; k < 5; k++) {
      const [dx, dy] = [random.between(-0.7, 0.7) * crown, random.between(-0.6, 0.6) * crown];
      svg += circle(x + dx, y + dy, crown * random.between(0.4, 0.7), softened(random, leaf));
    }
  }
  for (let i = 0; i < 40; i++) {
    const [x, y] = [random.between(0, width), random.between(horizon, height)];
    svg += rect(x, y, width * 0.012, height * 0.016, softened(random, grass));
  }
  return { svg, defs };
};

/** Balls, boxes, posts and bags in any colour of clothes, skin and hair: what only its shape tells from a figure. */
function thing(random: RandomStream, width: number, height: number, horizon: number): string {
  const color = anyColor(random);
  const x = random.between(0, width);
  const y = random.between(horizon - height * 0.08, height);
  const size = width * random.between(0.05, 0.13);
  switch (random.below(5)) {
    case 0:
      return (
        circle(x, y, size * 0.8, color) +
        circle(x - size * 0.25, y - size * 0.3, size * 0.25, shaded(color, 0.35))
      );
    case 1:
      return (
        rect(x - size, y - size * 1.3, size * 2, size * 1.3, color) +
        rect(x - size, y - size * 1.3, size * 2, size * 0.3, shaded(color, -0.25))
      );
    case 2:
      return (
        rect(x, 0, size * 0.35, y, color) +
        circle(x + size * 0.17, size * 0.8, size * 0.7, shaded(color, 0.5))
      );
    case 3: {
      const balloonY = random.between(height * 0.04, horizon * 0.6);
      return `<path d="M${x.toFixed(1)} ${balloonY.toFixed(1)}L${(x + size * 0.4).toFixed(1)} ${(balloonY + size * 3.5).toFixed(1)}" stroke="#555" stroke-width="1"/>${circle(x, balloonY, size * 0.8, color)}`;
    }
    default: {
      const leaves = [-0.9, -0.4, 0.1, 0.6, 1].map((tilt) => {
        const tip: [number, number] = [x + tilt * size * 1.5, y - size * random.between(2.2, 3.4)];
        return `<path d="${polygon([[x - size * 0.2, y - size], [x + size * 0.2, y - size], tip])}" fill="${softened(random, '#4d7a3c')}"/>`;
      });
      const pot = polygon([
        [x - size * 0.6, y - size],
        [x + size * 0.6, y - size],
        [x + size * 0.4, y],
        [x - size * 0.4, y],
      ]);
      return `${leaves.join('')}<path d="${pot}" fill="${color}"/>`;
    }
  }
}
