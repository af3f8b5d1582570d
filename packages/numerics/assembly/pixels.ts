/**
 * Reducing a picture of bytes: each axis first by a whole factor (the mean of so many rows or columns), then by a filter
 * of 12-bit weights. Parameters that name memory are byte offsets. All arithmetic is on integers, so the bits depend on
 * nothing but the bytes: sums of products of 32 bits, half of the divisor added, shifted, cut to 0..255.
 *
 * Where an axis has `count` results, `places` has two i32 for each: the first row or column under the filter, counted from
 * `pad` before the picture, whose edges go on for ever; and which of the filters it is. A filter has `taps` weights, rounded
 * up to a multiple of four by zeros.
 */

const shift = 12;

/** Multiplied by what the divisor is turned into, of which the upper 8 bits are the quotient. */
@inline
function quotientOf(sum: u32, multiplier: u32): u32 {
  return (sum * multiplier) >>> 24;
}

/** Means of `factor` rows; the last row of the picture is repeated where it is no multiple. `rowBytes` is at least 16. */
export function meanRows(from: usize, rowBytes: u32, height: u32, factor: u32, to: usize): void {
  const multiplier = <u32>(<u64>0x1_0000_0000 / (256 * <u64>factor));
  const half = factor >> 1;
  const amend = i32x4.splat(half);
  const times = i32x4.splat(multiplier);
  const count = (height + factor - 1) / factor;
  for (let y: u32 = 0; y < count; y++) {
    if (factor === 2) {
      const one = from + (y << 1) * rowBytes;
      meanOfTwo(one, (y << 1) + 1 < height ? one + rowBytes : one, rowBytes, to + y * rowBytes);
      continue;
    }
    for (let x: u32 = 0; x < rowBytes; x += 16) {
      // The last group overlaps the one before it.
      const at = x + 16 <= rowBytes ? x : rowBytes - 16;
      let sum0 = amend;
      let sum1 = amend;
      let sum2 = amend;
      let sum3 = amend;
      for (let k: u32 = 0; k < factor; k++) {
        const row = min(height - 1, y * factor + k);
        const bytes = v128.load(from + row * rowBytes + at);
        const low = i16x8.extend_low_i8x16_u(bytes);
        const high = i16x8.extend_high_i8x16_u(bytes);
        sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_u(low));
        sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_u(low));
        sum2 = i32x4.add(sum2, i32x4.extend_low_i16x8_u(high));
        sum3 = i32x4.add(sum3, i32x4.extend_high_i16x8_u(high));
      }
      const low = i16x8.narrow_i32x4_u(
        i32x4.shr_u(i32x4.mul(sum0, times), 24),
        i32x4.shr_u(i32x4.mul(sum1, times), 24),
      );
      const high = i16x8.narrow_i32x4_u(
        i32x4.shr_u(i32x4.mul(sum2, times), 24),
        i32x4.shr_u(i32x4.mul(sum3, times), 24),
      );
      v128.store(to + y * rowBytes + at, i8x16.narrow_i16x8_u(low, high));
    }
  }
}

/** Of two numbers the same formula is the mean that the processor has. */
@inline
function meanOfTwo(one: usize, other: usize, rowBytes: u32, to: usize): void {
  for (let x: u32 = 0; x < rowBytes; x += 16) {
    const at = x + 16 <= rowBytes ? x : rowBytes - 16;
    v128.store(to + at, i8x16.avgr_u(v128.load(one + at), v128.load(other + at)));
  }
}

/** Beyond the edges the first or last row. */
@inline
function rowAt(from: usize, rowBytes: u32, height: i32, y: i32): usize {
  return from + <u32>min(height - 1, max(0, y)) * rowBytes;
}

/** The filter over rows. `rowBytes` is at least 16. */
export function filterRows(
  from: usize,
  rowBytes: u32,
  height: i32,
  to: usize,
  count: u32,
  places: usize,
  weights: usize,
  taps: u32,
  pad: i32,
): void {
  const round = i32x4.splat(1 << (shift - 1));
  const filterBytes = ((taps + 3) & ~3) << 1;
  for (let y: u32 = 0; y < count; y++) {
    const first = load<i32>(places + (y << 3)) - pad;
    const filter = weights + load<i32>(places + (y << 3), 4) * filterBytes;
    const isInside = first >= 0 && first + <i32>taps < height;
    for (let x: u32 = 0; x < rowBytes; x += 16) {
      const at = x + 16 <= rowBytes ? x : rowBytes - 16;
      let sum0 = round;
      let sum1 = round;
      let sum2 = round;
      let sum3 = round;
      let p = from + first * rowBytes + at;
      for (let k: u32 = 0; k < taps; k += 2) {
        // Two rows at once; behind the last weight there is a zero.
        const pair = v128.load32_splat(filter + (k << 1));
        const top = v128.load(isInside ? p : rowAt(from, rowBytes, height, first + k) + at);
        const bottom = v128.load(isInside ? p + rowBytes : rowAt(from, rowBytes, height, first + k + 1) + at);
        p += 2 * rowBytes;
        const low = i8x16.shuffle(top, bottom, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const high = i8x16.shuffle(top, bottom, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), pair));
        sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), pair));
        sum2 = i32x4.add(sum2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), pair));
        sum3 = i32x4.add(sum3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), pair));
      }
      const low = i16x8.narrow_i32x4_s(i32x4.shr_s(sum0, shift), i32x4.shr_s(sum1, shift));
      const high = i16x8.narrow_i32x4_s(i32x4.shr_s(sum2, shift), i32x4.shr_s(sum3, shift));
      v128.store(to + y * rowBytes + at, i8x16.narrow_i16x8_u(low, high));
    }
  }
}

/**
 * A row with its edges repeated: `pad` pixels before it, `after` behind it, its pixels being means of `factor` (1: as they
 * are). The last pixel is repeated where the width is no multiple.
 */
@inline
function padRow(
  from: usize,
  width: u32,
  channels: u32,
  factor: u32,
  multiplier: u32,
  to: usize,
  pad: u32,
  after: u32,
): void {
  const start = to + pad * channels;
  const count = (width + factor - 1) / factor;
  if (factor === 1) memory.copy(start, from, width * channels);
  else if (factor === 2 && channels === 3) {
    // Three means of two pixels lie in the first, third and fifth pixel of the means with the pixel behind.
    const pairs = width >> 1;
    let x: u32 = 0;
    for (; x + 4 <= pairs; x += 3) {
      const p = from + x * 6;
      const means = i8x16.avgr_u(v128.load(p), v128.load(p, 3));
      const three = i8x16.shuffle(means, means, 0, 1, 2, 6, 7, 8, 12, 13, 14, 15, 15, 15, 15, 15, 15, 15);
      v128.store(start + x * 3, three);
    }
    for (let p = from + x * 6, q = start + x * 3; x < pairs; x++, p += 6, q += 3) {
      for (let c = 0; c < 3; c++) store<u8>(q + c, (1 + <u32>load<u8>(p + c) + <u32>load<u8>(p + c, 3)) >> 1);
    }
    if (width & 1) memory.copy(start + pairs * 3, from + (width - 1) * 3, 3);
  } else {
    for (let x: u32 = 0; x < count; x++) {
      for (let c: u32 = 0; c < channels; c++) {
        let sum: u32 = factor >> 1;
        for (let k: u32 = 0; k < factor; k++) {
          sum += <u32>load<u8>(from + min(width - 1, x * factor + k) * channels + c);
        }
        store<u8>(start + x * channels + c, quotientOf(sum, multiplier));
      }
    }
  }
  const end = start + count * channels;
  for (let x: u32 = 0; x < pad * channels; x++) store<u8>(to + x, load<u8>(start + (x % channels)));
  for (let x: u32 = 0; x < after * channels; x++) {
    store<u8>(end + x, load<u8>(end - channels + (x % channels)));
  }
}

/**
 * Columns: means of `factor`, then the filter (none where `taps` is 0: `count` are the means themselves). `row` has room for
 * a row with its edges: (width / factor, rounded up, + pad + taps + 16) pixels.
 */
export function reduceColumns(
  from: usize,
  width: u32,
  height: u32,
  channels: u32,
  factor: u32,
  to: usize,
  count: u32,
  places: usize,
  weights: usize,
  taps: u32,
  pad: u32,
  row: usize,
): void {
  const multiplier = <u32>(<u64>0x1_0000_0000 / (256 * <u64>factor));
  const rowBytes = width * channels;
  const outBytes = count * channels;
  const filterBytes = ((taps + 3) & ~3) << 1;
  for (let y: u32 = 0; y < height; y++) {
    padRow(from + y * rowBytes, width, channels, factor, multiplier, row, pad, taps);
    const out = to + y * outBytes;
    if (taps === 0) {
      memory.copy(out, row, outBytes);
      continue;
    }
    for (let x: u32 = 0; x < count; x++) {
      const start = row + load<i32>(places + (x << 3)) * channels;
      const filter = weights + load<i32>(places + (x << 3), 4) * filterBytes;
      if (channels === 3) filterColour(start, filter, taps, out + x * 3);
      else filterGrey(start, filter, taps, out + x);
    }
  }
}

/** Four pixels of three bytes at a time. */
@inline
function filterColour(start: usize, filter: usize, taps: u32, to: usize): void {
  const zero = i8x16.splat(0);
  let sum = i32x4.splat(1 << (shift - 1));
  for (let k: u32 = 0, p = start; k < taps; k += 4, p += 12) {
    const pixels = v128.load(p);
    const first = i8x16.shuffle(pixels, zero, 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
    const second = i8x16.shuffle(pixels, zero, 6, 16, 9, 16, 7, 16, 10, 16, 8, 16, 11, 16, 16, 16, 16, 16);
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(first, v128.load32_splat(filter + (k << 1))));
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(second, v128.load32_splat(filter + (k << 1), 4)));
  }
  const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, shift), zero);
  const bytes = i32x4.extract_lane(i8x16.narrow_i16x8_u(words, zero), 0);
  store<u16>(to, bytes);
  store<u8>(to, bytes >>> 16, 2);
}

@inline
function filterGrey(start: usize, filter: usize, taps: u32, to: usize): void {
  let sum: i32 = 1 << (shift - 1);
  for (let k: u32 = 0; k < taps; k++) sum += <i32>load<u8>(start + k) * load<i16>(filter + (k << 1));
  store<u8>(to, max(0, min(255, sum >> shift)));
}
