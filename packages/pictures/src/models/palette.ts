/**
 * A colour for each class. The colour of class k depends on k alone, never on how many classes there are, so
 * pictures of different runs and subsets can be compared.
 *
 * Class 0 is dark grey, as it is the background in most sets. The first classes have the colours of Okabe and Ito
 * ("Color Universal Design", 2008) that are far from grey; up to class 255, each further colour is the one that
 * lies farthest from all before it as seen by normal, protanopic and deuteranopic eyes (simulated after Viénot,
 * Brettel and Mollon, 1999; distances in OKLab). Beyond that, colours are spread by the golden ratio and may come
 * close to another: nobody tells 256 colours apart anyway, so the pictures name what they show.
 */

export type Rgb = readonly [red: number, green: number, blue: number];

const background: Rgb = [64, 66, 72];
const firstColours: Rgb[] = [
  background,
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [213, 94, 0],
  [0, 84, 190],
  [240, 228, 66],
  [204, 121, 167],
];
const numSpread = 256;

/** Pixels that neither count in the loss nor in the metrics. */
export const ignoredColour: Rgb = [255, 255, 255];

/** Colour of a class, 0..65535. Throws for anything else. */
export function classColour(classIndex: number): Rgb {
  if (!Number.isInteger(classIndex) || classIndex < 0 || classIndex > 65535) {
    throw new Error(`${classIndex} is no class index`);
  }
  return classIndex < numSpread ? spreadColour(classIndex) : goldenColour(classIndex);
}

export const cssColour = ([red, green, blue]: Rgb): string =>
  `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`;

/** The colour that {@link cssColour} wrote. */
export function rgbOf(css: string): Rgb {
  const value = Number.parseInt(css.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

interface Spread {
  chosen: Rgb[];
  candidates: Rgb[];
  views: Triple[][];
  /** Distance of each candidate from the nearest chosen colour. */
  nearest: number[];
}

/** Grows as classes ask for colours: the search takes a millisecond a colour. */
let spread: Spread | null = null;

function spreadColour(classIndex: number): Rgb {
  spread ??= beginSpread();
  const { chosen, candidates, nearest } = spread;
  while (chosen.length <= classIndex) {
    let farthest = 0;
    for (let candidate = 1; candidate < nearest.length; candidate++) {
      if (nearest[candidate]! > nearest[farthest]!) farthest = candidate;
    }
    chosen.push(candidates[farthest]!);
    keepAwayFrom(spread, candidates[farthest]!);
  }
  return chosen[classIndex]!;
}

function beginSpread(): Spread {
  const candidates = candidateColours();
  const begun: Spread = {
    chosen: [...firstColours],
    candidates,
    views: candidates.map(viewsOf),
    nearest: candidates.map(() => Number.POSITIVE_INFINITY),
  };
  // White is what ignored pixels and the paper have.
  for (const colour of [...firstColours, ignoredColour]) keepAwayFrom(begun, colour);
  return begun;
}

function keepAwayFrom({ views, nearest }: Spread, colour: Rgb): void {
  const seen = viewsOf(colour);
  views.forEach((view, candidate) => {
    nearest[candidate] = Math.min(nearest[candidate]!, distanceOf(view, seen));
  });
}

/** A grid of sRGB without what is too dark, too pale or too grey to be told from a photo's own tones. */
function candidateColours(): Rgb[] {
  const candidates: Rgb[] = [];
  for (let red = 0; red <= 255; red += 17) {
    for (let green = 0; green <= 255; green += 17) {
      for (let blue = 0; blue <= 255; blue += 17) {
        const [lightness, a, b] = okLab([red, green, blue]);
        if (lightness > 0.32 && lightness < 0.94 && Math.hypot(a, b) > 0.06)
          candidates.push([red, green, blue]);
      }
    }
  }
  return candidates;
}

function goldenColour(classIndex: number): Rgb {
  const hue = (classIndex * 0.618033988749895) % 1;
  const saturation = 0.55 + 0.4 * ((classIndex * 0.7548776662466927) % 1);
  const lightness = 0.35 + 0.35 * ((classIndex * 0.5698402909980532) % 1);
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const channel = (shift: number): number => {
    const turn = (shift + hue * 12) % 12;
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

type Triple = [number, number, number];

const linear = (value: number): number =>
  value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;

const linearOf = ([red, green, blue]: Rgb): Triple => [linear(red), linear(green), linear(blue)];

const viewsOf = (colour: Rgb): Triple[] => {
  const [red, green, blue] = linearOf(colour);
  const protan = 0.11238 * red + 0.88762 * green;
  const deutan = 0.29275 * red + 0.70725 * green;
  return [
    okLabOfLinear([red, green, blue]),
    okLabOfLinear([protan, protan, clamp(0.00401 * red - 0.00401 * green + blue)]),
    okLabOfLinear([deutan, deutan, clamp(-0.02234 * red + 0.02234 * green + blue)]),
  ];
};

/** Normal sight weighs full; the simulated ones half, since they have a dimension less to tell colours apart in. */
const distanceOf = (left: Triple[], right: Triple[]): number => {
  const [normal, protan, deutan] = left.map((view, index) => {
    const other = right[index]!;
    return Math.hypot(view[0] - other[0], view[1] - other[1], view[2] - other[2]);
  }) as Triple;
  return normal + 0.5 * Math.min(protan, deutan);
};

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** Ottosson's OKLab: equal distances look about equally different. */
export const okLab = (colour: Rgb): Triple => okLabOfLinear(linearOf(colour));

function okLabOfLinear([red, green, blue]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
