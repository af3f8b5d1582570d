/**
 * Sine by arithmetic alone: Math.sin may differ in its last bit from one JavaScript engine to the next, and the weights
 * of a photo's pixels come from it. The polynomials and the reduction are those of fdlibm (s_sin.c, k_sin.c, k_cos.c and
 * e_rem_pio2.c, Sun Microsystems 1993), so that the bits are those that V8 gave wherever its sine is fdlibm's.
 */

const S = [
  -0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 2.7557313707070068e-6,
  -2.5050760253406863e-8, 1.58969099521155e-10,
] as const;
const C = [
  0.0416666666666666, -0.001388888888887411, 2.480158728947673e-5, -2.7557314351390663e-7,
  2.087572321298175e-9, -1.1359647557788195e-11,
] as const;
const TWO_OVER_PI = 0.6366197723675814;
const QUARTER_PI = 0.7853981633974484;
/** Pi / 2 in parts of 33 bits, each with what is left after it. */
const PARTS = [
  [1.5707963267341256, 6.077100506506192e-11],
  [6.077100506303966e-11, 2.0222662487959506e-21],
  [2.0222662487111665e-21, 8.4784276603689e-32],
] as const;
/** Bits that may cancel before the next part is needed. */
const CANCELLED = [16, 49] as const;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const high = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

function exponentOf(x: number): number {
  double[0] = x;
  return ((words[high] as number) >>> 20) & 0x7ff;
}

/** The upper half of the bits. */
function upperOf(x: number): number {
  double[0] = x;
  words[1 - high] = 0;
  return double[0];
}

/** sin(x + tail) for |x| up to pi / 4. */
function sineKernel(x: number, tail: number): number {
  const z = x * x;
  const v = z * x;
  const r = S[1] + z * (S[2] + z * (S[3] + z * (S[4] + z * S[5])));
  return tail === 0 ? x + v * (S[0] + z * r) : x - (z * (0.5 * tail - v * r) - tail - v * S[0]);
}

/** cos(x + tail) for |x| up to pi / 4. */
function cosineKernel(x: number, tail: number): number {
  const z = x * x;
  const r = z * (C[0] + z * (C[1] + z * (C[2] + z * (C[3] + z * (C[4] + z * C[5])))));
  const size = Math.abs(x);
  if (size < 0.3) return 1 - (0.5 * z - (z * r - x * tail));
  const q = size > 0.78125 ? 0.28125 : upperOf(size / 4);
  return 1 - q - (0.5 * z - q - (z * r - x * tail));
}

/** sin(x) for |x| up to some thousand. */
export function sine(x: number): number {
  if (Math.abs(x) <= QUARTER_PI) return sineKernel(x, 0);
  const numQuarters = Math.floor(x * TWO_OVER_PI + 0.5);
  let rest = x - numQuarters * PARTS[0][0];
  let error = numQuarters * PARTS[0][1];
  for (let part = 1; part < PARTS.length; part++) {
    if (exponentOf(x) - exponentOf(rest - error) <= (CANCELLED[part - 1] as number)) break;
    const [most, left] = PARTS[part] as readonly [number, number];
    const before = rest;
    const step = numQuarters * most;
    rest = before - step;
    error = numQuarters * left - (before - rest - step);
  }
  const y = rest - error;
  const tail = rest - y - error;
  const quadrant = ((numQuarters % 4) + 4) % 4;
  const value = quadrant % 2 === 0 ? sineKernel(y, tail) : cosineKernel(y, tail);
  return quadrant < 2 ? value : -value;
}
