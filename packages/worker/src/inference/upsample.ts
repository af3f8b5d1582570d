/**
 * Class maps at another size. The engine answers with classes at training size; keeping the probabilities of every
 * class at the photo's size would take a gigabyte for 59 classes and a 5-megapixel photo. Instead each output pixel
 * lets the four nearest predictions vote with their bilinear weights, which is bilinear interpolation of the one-hot
 * maps followed by argmax: no class that was not predicted nearby can appear, and edges are smooth lines rather than
 * the blocks that nearest neighbour gives.
 */

/** Labels HW at from.width x from.height as labels at width x height. Ties go to the lower class. */
export function voteResize(
  labels: Uint16Array,
  from: { width: number; height: number },
  { width, height }: { width: number; height: number },
): Uint16Array {
  if (from.width === width && from.height === height) return labels;
  const out = new Uint16Array(width * height);
  const columns = neighbours(from.width, width);
  const rows = neighbours(from.height, height);
  for (let y = 0; y < height; y++) {
    const above = rows.first[y]! * from.width;
    const below = rows.second[y]! * from.width;
    const down = rows.weight[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.first[x]!;
      const right = columns.second[x]!;
      const a = labels[above + left]!;
      const b = labels[above + right]!;
      const c = labels[below + left]!;
      const d = labels[below + right]!;
      const across = columns.weight[x]!;
      out[y * width + x] = a === b && a === c && a === d ? a : vote(a, b, c, d, across, down);
    }
  }
  return out;
}

function vote(a: number, b: number, c: number, d: number, across: number, down: number): number {
  const labels = [a, b, c, d];
  const weights = [(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down];
  let best = a;
  let most = -1;
  for (const label of labels) {
    let sum = 0;
    for (let i = 0; i < 4; i++) if (labels[i] === label) sum += weights[i]!;
    // Sums of the same weights in another order may differ in the last bit; that is a tie all the same.
    if (sum > most + 1e-9 || (sum > most - 1e-9 && label < best)) {
      best = label;
      most = sum;
    }
  }
  return best;
}

/** For each output position the two nearest inputs by pixel centres, and the share of the second. */
function neighbours(from: number, to: number) {
  const first = new Int32Array(to);
  const second = new Int32Array(to);
  const weight = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const centre = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    first[i] = Math.floor(centre);
    second[i] = Math.min(from - 1, first[i]! + 1);
    weight[i] = centre - first[i]!;
  }
  return { first, second, weight };
}
