/**
 * bfloat16: the upper half of a float32, rounded to nearest, ties to even. In memory a rounded value stays a float32 whose
 * lower half is zero, so it takes part in every other kernel; packed it is two bytes. Values beyond the largest bfloat16
 * round to infinity, and NaN of any bits becomes the one NaN 0x7fc0: a sum that is not finite stays so.
 */
import { get, set, wholeBytes } from './lanes';

@inline
export function roundedBf16(x: v128): v128 {
  const lowestKept = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const carried = i32x4.add(x, i32x4.add(lowestKept, i32x4.splat(0x7fff)));
  const value = v128.and(carried, i32x4.splat(0xffff0000));
  return v128.bitselect(value, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

export function roundBf16(a: usize, length: u32): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  let i: usize = 0;
  for (; i < whole; i += 16) set(a + i, roundedBf16(get(a + i, true)), true);
  for (; i < bytes; i += 4) set(a + i, roundedBf16(get(a + i, false)), false);
}

/** a = a + x in float32, rounded. */
export function addBf16(a: usize, x: usize, length: u32): void {
  const bytes = <usize>length << 2;
  const whole = wholeBytes(length);
  let i: usize = 0;
  for (; i < whole; i += 16) set(a + i, roundedBf16(f32x4.add(get(a + i, true), get(x + i, true))), true);
  for (; i < bytes; i += 4) set(a + i, roundedBf16(f32x4.add(get(a + i, false), get(x + i, false))), false);
}

/** Rounds as well. Forwards: `target` may be `a`. */
export function packBf16(target: usize, a: usize, length: u32): void {
  const whole = length & ~7;
  let i: usize = 0;
  for (; i < whole; i += 8) {
    const low = roundedBf16(v128.load(a + (i << 2)));
    const high = roundedBf16(v128.load(a + (i << 2), 16));
    const packed = i8x16.shuffle(low, high, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
    v128.store(target + (i << 1), packed);
  }
  for (; i < length; i++) {
    store<u16>(target + (i << 1), i32x4.extract_lane(roundedBf16(get(a + (i << 2), false)), 0) >>> 16);
  }
}

/** Backwards: `packed` may be `target`. */
export function unpackBf16(target: usize, packed: usize, length: u32): void {
  const whole = length & ~7;
  let i: usize = length;
  while (i > whole) {
    i--;
    store<u32>(target + (i << 2), <u32>load<u16>(packed + (i << 1)) << 16);
  }
  const zero = i32x4.splat(0);
  while (i > 0) {
    i -= 8;
    const x = v128.load(packed + (i << 1));
    const low = i8x16.shuffle(zero, x, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
    const high = i8x16.shuffle(zero, x, 0, 1, 24, 25, 2, 3, 26, 27, 4, 5, 28, 29, 6, 7, 30, 31);
    v128.store(target + (i << 2), low);
    v128.store(target + (i << 2), high, 16);
  }
}
