/**
 * Numeric kernels on float32 vectors in linear memory, 128-bit SIMD. Parameters that name a vector are byte offsets;
 * lengths are in values. What this file keeps true: the bits of a result depend on the values alone, never on how a
 * vector is cut or aligned. So every kernel has ONE formula, written on four lanes; the values left over at the end
 * run through the same formula in lane 0, and the other lanes are dropped. Relaxed-SIMD instructions and fused
 * multiply-add are not used: their results differ between processors.
 *
 * Rounding is that of the source: each operation rounds to float32, in the order written. The optimizers' order is
 * that of PyTorch 2.15's single-tensor CPU code.
 */

import { get, set, wholeBytes } from './lanes';

export * from './bf16';
export * from './checksum';
export * from './fold';
export * from './int8';

export function add(a: usize, x: usize, length: u32): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  const lines = bytes & ~63;
  let i: usize = 0;
  // A line of the cache at a time: more of them are awaited at once, which is all that adding waits for.
  for (; i < lines; i += 64) {
    const p = a + i, q = x + i;
    const sum0 = f32x4.add(v128.load(p), v128.load(q));
    const sum1 = f32x4.add(v128.load(p, 16), v128.load(q, 16));
    const sum2 = f32x4.add(v128.load(p, 32), v128.load(q, 32));
    const sum3 = f32x4.add(v128.load(p, 48), v128.load(q, 48));
    v128.store(p, sum0);
    v128.store(p, sum1, 16);
    v128.store(p, sum2, 32);
    v128.store(p, sum3, 48);
  }
  for (; i < whole; i += 16) set(a + i, f32x4.add(get(a + i, true), get(x + i, true)), true);
  for (; i < bytes; i += 4) set(a + i, f32x4.add(get(a + i, false), get(x + i, false)), false);
}

/** NaN stays NaN, as in torch.clamp. */
@inline
function clamp(x: v128, limit: v128): v128 {
  return f32x4.max(f32x4.min(x, limit), f32x4.neg(limit));
}

/**
 * Sum of squares in float64 of each block of 1024 values (the last one may be shorter), written as float64 to `sums`.
 * Order within a block: the square of the value at index n goes to partial sum n mod 8, in rising n; the eight are
 * combined as ((0+4)+(2+6)) + ((1+5)+(3+7)). A square of a float32 is exact in float64.
 */
export function blockSumsOfSquares(a: usize, length: u32, sums: usize): void {
  const end = a + (<usize>length << 2);
  let partial0 = f64x2.splat(0);
  let partial2 = f64x2.splat(0);
  let partial4 = f64x2.splat(0);
  let partial6 = f64x2.splat(0);
  for (let block = a; block < end; block += 4096) {
    const bytes = min(end - block, 4096);
    const whole = bytes & ~31;
    partial0 = partial2 = partial4 = partial6 = f64x2.splat(0);
    let i: usize = 0;
    for (; i < whole; i += 32) {
      const low = v128.load(block + i);
      const high = v128.load(block + i, 16);
      const x0 = f64x2.promote_low_f32x4(low);
      const x2 = f64x2.promote_low_f32x4(i8x16.shuffle(low, low, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
      const x4 = f64x2.promote_low_f32x4(high);
      const x6 = f64x2.promote_low_f32x4(i8x16.shuffle(high, high, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
      partial0 = f64x2.add(partial0, f64x2.mul(x0, x0));
      partial2 = f64x2.add(partial2, f64x2.mul(x2, x2));
      partial4 = f64x2.add(partial4, f64x2.mul(x4, x4));
      partial6 = f64x2.add(partial6, f64x2.mul(x6, x6));
    }
    // At most seven values are left, one for each of the first partial sums.
    for (let lane = 0; i < bytes; i += 4, lane++) {
      const x = <f64>load<f32>(block + i);
      const square = lane & 1 ? f64x2(0, x * x) : f64x2(x * x, 0);
      if (lane < 2) partial0 = f64x2.add(partial0, square);
      else if (lane < 4) partial2 = f64x2.add(partial2, square);
      else if (lane < 6) partial4 = f64x2.add(partial4, square);
      else partial6 = f64x2.add(partial6, square);
    }
    const both = f64x2.add(f64x2.add(partial0, partial4), f64x2.add(partial2, partial6));
    store<f64>(sums, f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1));
    sums += 8;
  }
}

/** The gradient as the optimizer sees it: mean over the batch, clipped by norm (coefficient), then by value. */
@inline
function prepared(g: v128, meanScale: v128, coefficient: v128, limit: v128): v128 {
  return clamp(f32x4.mul(f32x4.mul(g, meanScale), coefficient), limit);
}

@inline
function multiplyAdd(a: v128, x: v128, y: v128): v128 {
  return f32x4.add(a, f32x4.mul(x, y));
}

@inline
function sgdLanes(
  p: usize, g: usize, buffer: usize, whole: bool,
  meanScale: v128, coefficient: v128, limit: v128, weightDecay: v128, momentum: v128, negativeRate: v128,
): void {
  const parameter = get(p, whole);
  let update = prepared(get(g, whole), meanScale, coefficient, limit);
  update = multiplyAdd(update, weightDecay, parameter);
  if (buffer) {
    update = f32x4.add(f32x4.mul(get(buffer, whole), momentum), update);
    set(buffer, update, whole);
  }
  set(p, multiplyAdd(parameter, negativeRate, update), whole);
}

/** `buffer` 0: no momentum. A buffer of zeros before the first update gives PyTorch's first step. */
export function sgd(
  p: usize, g: usize, buffer: usize, length: u32,
  meanScale: f32, coefficient: f32, limit: f32, weightDecay: f32, momentum: f32, negativeRate: f32,
): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  const s = f32x4.splat(meanScale), c = f32x4.splat(coefficient), l = f32x4.splat(limit);
  const w = f32x4.splat(weightDecay), m = f32x4.splat(momentum), r = f32x4.splat(negativeRate);
  let i: usize = 0;
  for (; i < whole; i += 16) sgdLanes(p + i, g + i, buffer ? buffer + i : 0, true, s, c, l, w, m, r);
  for (; i < bytes; i += 4) sgdLanes(p + i, g + i, buffer ? buffer + i : 0, false, s, c, l, w, m, r);
}

@inline
function rmspropLanes(
  p: usize, g: usize, squares: usize, buffer: usize, whole: bool,
  meanScale: v128, coefficient: v128, limit: v128,
  weightDecay: v128, alpha: v128, oneMinusAlpha: v128, epsilon: v128, momentum: v128, negativeRate: v128,
): void {
  const parameter = get(p, whole);
  let gradient = prepared(get(g, whole), meanScale, coefficient, limit);
  gradient = multiplyAdd(gradient, weightDecay, parameter);
  const square = multiplyAdd(f32x4.mul(get(squares, whole), alpha), f32x4.mul(oneMinusAlpha, gradient), gradient);
  set(squares, square, whole);
  const root = f32x4.add(f32x4.sqrt(square), epsilon);
  if (buffer) {
    const update = f32x4.add(f32x4.mul(get(buffer, whole), momentum), f32x4.div(gradient, root));
    set(buffer, update, whole);
    set(p, multiplyAdd(parameter, negativeRate, update), whole);
  } else {
    set(p, f32x4.add(parameter, f32x4.div(f32x4.mul(negativeRate, gradient), root)), whole);
  }
}

/** `buffer` 0: no momentum. */
export function rmsprop(
  p: usize, g: usize, squares: usize, buffer: usize, length: u32,
  meanScale: f32, coefficient: f32, limit: f32,
  weightDecay: f32, alpha: f32, oneMinusAlpha: f32, epsilon: f32, momentum: f32, negativeRate: f32,
): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  const s = f32x4.splat(meanScale), c = f32x4.splat(coefficient), l = f32x4.splat(limit);
  const w = f32x4.splat(weightDecay), a = f32x4.splat(alpha), b = f32x4.splat(oneMinusAlpha);
  const e = f32x4.splat(epsilon), m = f32x4.splat(momentum), r = f32x4.splat(negativeRate);
  let i: usize = 0;
  for (; i < whole; i += 16) {
    rmspropLanes(p + i, g + i, squares + i, buffer ? buffer + i : 0, true, s, c, l, w, a, b, e, m, r);
  }
  for (; i < bytes; i += 4) {
    rmspropLanes(p + i, g + i, squares + i, buffer ? buffer + i : 0, false, s, c, l, w, a, b, e, m, r);
  }
}

@inline
function adamLanes(
  p: usize, g: usize, average: usize, squares: usize, whole: bool,
  meanScale: v128, coefficient: v128, limit: v128, decay: v128, weightDecay: v128,
  lerpWeight: v128, fromGradient: v128, beta2: v128, oneMinusBeta2: v128,
  rootCorrection: v128, epsilon: v128, negativeStep: v128,
): void {
  const parameter = f32x4.mul(get(p, whole), decay);
  let gradient = prepared(get(g, whole), meanScale, coefficient, limit);
  gradient = multiplyAdd(gradient, weightDecay, parameter);
  const old = get(average, whole);
  // torch.lerp starts from the end that is nearer.
  const start = v128.bitselect(gradient, old, fromGradient);
  const mean = multiplyAdd(start, lerpWeight, f32x4.sub(gradient, old));
  set(average, mean, whole);
  const square = multiplyAdd(f32x4.mul(get(squares, whole), beta2), f32x4.mul(oneMinusBeta2, gradient), gradient);
  set(squares, square, whole);
  const root = f32x4.add(f32x4.div(f32x4.sqrt(square), rootCorrection), epsilon);
  set(p, f32x4.add(parameter, f32x4.div(f32x4.mul(negativeStep, mean), root)), whole);
}

/**
 * Adam (`decay` 1) and AdamW (`weightDecay` 0). The running mean is lerped by `lerpWeight` from the old mean, or from
 * the gradient (then the weight is negative) if `fromGradient`.
 */
export function adam(
  p: usize, g: usize, average: usize, squares: usize, length: u32,
  meanScale: f32, coefficient: f32, limit: f32, decay: f32, weightDecay: f32,
  lerpWeight: f32, fromGradient: bool, beta2: f32, oneMinusBeta2: f32,
  rootCorrection: f32, epsilon: f32, negativeStep: f32,
): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  const s = f32x4.splat(meanScale), c = f32x4.splat(coefficient), l = f32x4.splat(limit);
  const d = f32x4.splat(decay), w = f32x4.splat(weightDecay);
  const k = f32x4.splat(lerpWeight), from = i32x4.splat(fromGradient ? -1 : 0);
  const b = f32x4.splat(beta2), o = f32x4.splat(oneMinusBeta2);
  const q = f32x4.splat(rootCorrection), e = f32x4.splat(epsilon), n = f32x4.splat(negativeStep);
  let i: usize = 0;
  for (; i < whole; i += 16) {
    adamLanes(p + i, g + i, average + i, squares + i, true, s, c, l, d, w, k, from, b, o, q, e, n);
  }
  for (; i < bytes; i += 4) {
    adamLanes(p + i, g + i, average + i, squares + i, false, s, c, l, d, w, k, from, b, o, q, e, n);
  }
}
