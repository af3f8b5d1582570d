/**
 * int8 with a step per block of 128 values: the block's largest magnitude over 127, as the nearest bfloat16 (and no smaller
 * than 2^-126, so that its inverse is finite). A value becomes the nearest multiple of it, ties to even: whole numbers from
 * -127 to 127. A step has 8 significant bits, so every multiple is exact in float32, and of the largest multiple comes the same
 * step again: rounding what is rounded changes no bit.
 *
 * In memory a rounded value is a float32, and zero is always +0. Packed, a block is two bytes for its step and one for each
 * value. A block with a value that is not finite has the step NaN and is NaN throughout: a sum that is not finite stays so.
 */
import { roundedBf16 } from './bf16';
import { get, set, wholeBytes } from './lanes';

const blockValues: usize = 128;
const stepBytes: usize = 2;
const nan: u32 = 0x7fc00000;
const smallestStep: f32 = 1.1754943508222875e-38;

/** Added to a value below 2^22 and taken away again, it rounds to a whole number, ties to even, and -0 becomes +0. */
@inline
function magic(): v128 {
  return f32x4.splat(12582912);
}

@inline
function larger(largest: v128, x: v128): v128 {
  // As whole numbers: the bits of magnitudes rise with them, and NaN is above all.
  return i32x4.max_u(largest, v128.and(x, i32x4.splat(0x7fffffff)));
}

@inline
function largestLane(x: v128): u32 {
  const a = max(<u32>i32x4.extract_lane(x, 0), <u32>i32x4.extract_lane(x, 1));
  return max(a, max(<u32>i32x4.extract_lane(x, 2), <u32>i32x4.extract_lane(x, 3)));
}

/** Of a block, from the bits of its largest magnitude; NaN where that is not finite. */
@inline
function stepOf(largest: u32): f32 {
  if (largest >= 0x7f800000) return reinterpret<f32>(nan);
  const step = f32x4.extract_lane(roundedBf16(f32x4.splat(reinterpret<f32>(largest) / 127)), 0);
  return max(step, smallestStep);
}

@inline
function isFinite(step: f32): bool {
  return step == step;
}

@inline
function rounded(x: v128, inverse: v128, step: v128): v128 {
  return f32x4.mul(f32x4.sub(f32x4.add(f32x4.mul(x, inverse), magic()), magic()), step);
}

/** Four whole numbers. */
@inline
function multiples(x: v128, inverse: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(x, inverse), magic()), magic());
}

function largestOf(a: usize, length: usize): u32 {
  const bytes = length << 2;
  const whole = wholeBytes(<u32>length);
  let largest = i32x4.splat(0);
  let i: usize = 0;
  for (; i < whole; i += 16) largest = larger(largest, get(a + i, true));
  for (; i < bytes; i += 4) largest = larger(largest, get(a + i, false));
  return largestLane(largest);
}

function fillNan(a: usize, length: usize): void {
  const end = a + (length << 2);
  for (let p = a; p < end; p += 4) store<u32>(p, nan);
}

function roundBlock(a: usize, length: usize, step: f32): void {
  if (!isFinite(step)) return fillNan(a, length);
  const steps = f32x4.splat(step);
  const inverse = f32x4.splat(<f32>1 / step);
  const bytes = length << 2;
  const whole = wholeBytes(<u32>length);
  let i: usize = 0;
  for (; i < whole; i += 16) set(a + i, rounded(get(a + i, true), inverse, steps), true);
  for (; i < bytes; i += 4) set(a + i, rounded(get(a + i, false), inverse, steps), false);
}

export function roundInt8(a: usize, length: u32): void {
  for (let first: usize = 0; first < length; first += blockValues) {
    const block = a + (first << 2);
    const values = min(length - first, blockValues);
    roundBlock(block, values, stepOf(largestOf(block, values)));
  }
}

/** a = a + x in float32, rounded. */
export function addInt8(a: usize, x: usize, length: u32): void {
  for (let first: usize = 0; first < length; first += blockValues) {
    const values = min(length - first, blockValues);
    const sums = a + (first << 2);
    const addends = x + (first << 2);
    const bytes = values << 2;
    const whole = wholeBytes(<u32>values);
    let largest = i32x4.splat(0);
    let i: usize = 0;
    for (; i < whole; i += 16) {
      const sum = f32x4.add(get(sums + i, true), get(addends + i, true));
      set(sums + i, sum, true);
      largest = larger(largest, sum);
    }
    for (; i < bytes; i += 4) {
      const sum = f32x4.add(get(sums + i, false), get(addends + i, false));
      set(sums + i, sum, false);
      largest = larger(largest, sum);
    }
    roundBlock(sums, values, stepOf(largestLane(largest)));
  }
}

/** Rounds as well. Forwards, a value read before a byte is written over it: `target` may be `a`. */
export function packInt8(target: usize, a: usize, length: u32): void {
  let to = target;
  for (let first: usize = 0; first < length; first += blockValues) {
    const block = a + (first << 2);
    const values = min(length - first, blockValues);
    packBlock(to, block, values);
    to += stepBytes + values;
  }
}

function packBlock(to: usize, a: usize, length: usize): void {
  const step = stepOf(largestOf(a, length));
  const bytes = to + stepBytes;
  if (!isFinite(step)) {
    memory.fill(bytes, 0, length);
  } else {
    const inverse = f32x4.splat(<f32>1 / step);
    const whole = length & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      const p = a + (i << 2);
      const low = i16x8.narrow_i32x4_s(multiples(v128.load(p), inverse), multiples(v128.load(p, 16), inverse));
      const high = i16x8.narrow_i32x4_s(multiples(v128.load(p, 32), inverse), multiples(v128.load(p, 48), inverse));
      v128.store(bytes + i, i8x16.narrow_i16x8_s(low, high));
    }
    for (; i < length; i++) {
      store<u8>(bytes + i, <u8>i32x4.extract_lane(multiples(get(a + (i << 2), false), inverse), 0));
    }
  }
  store<u16>(to, reinterpret<u32>(step) >>> 16);
}

/** Backwards: `packed` may be `target`. */
export function unpackInt8(target: usize, packed: usize, length: u32): void {
  if (length == 0) return;
  let first: usize = (<usize>length - 1) & ~(blockValues - 1);
  for (;;) {
    const values = min(length - first, blockValues);
    unpackBlock(target + (first << 2), packed + first + (first / blockValues) * stepBytes, values);
    if (first == 0) return;
    first -= blockValues;
  }
}

function unpackBlock(target: usize, packed: usize, length: usize): void {
  const value = reinterpret<f32>(<u32>load<u16>(packed) << 16);
  if (!isFinite(value)) return fillNan(target, length);
  const step = f32x4.splat(value);
  const bytes = packed + stepBytes;
  const whole = length & ~15;
  let i = length;
  while (i > whole) {
    i--;
    const multiple = f32x4.convert_i32x4_s(i32x4.splat(load<i8>(bytes + i)));
    set(target + (i << 2), f32x4.mul(multiple, step), false);
  }
  while (i > 0) {
    i -= 16;
    const x = v128.load(bytes + i);
    const p = target + (i << 2);
    const low = i16x8.extend_low_i8x16_s(x);
    const high = i16x8.extend_high_i8x16_s(x);
    v128.store(p, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), step));
    v128.store(p, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), step), 16);
    v128.store(p, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), step), 32);
    v128.store(p, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), step), 48);
  }
}
