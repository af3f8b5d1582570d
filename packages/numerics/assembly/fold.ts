/**
 * Blocks of 1024 values folded into 16 bytes each, under a key: NH, the first layer of UMAC (Black and others, 1999). Words of
 * the block and of the key are added modulo 2^32, and products of the sums, in 64 bits, are added modulo 2^64. Whoever does not
 * know the key finds no two blocks that are folded alike but with a chance of 2^-64, whatever he chooses; whoever does,
 * does. A second sum takes the key 16 bytes further on.
 */

/** Bytes of a block, and of a group of eight values that are multiplied in pairs. */
const blockBytes: usize = 4096;
const groupBytes: usize = 32;

/**
 * `key`: a block and 16 bytes more, then 32 bytes to work in. `sums`: 16 bytes for each block. What is missing in the last block
 * counts as zeros, so the length has to be told beside.
 */
export function foldBlocks(a: usize, length: u32, key: usize, sums: usize): void {
  const rest = key + blockBytes + 16;
  const end = a + (<usize>length << 2);
  for (let block = a; block < end; block += blockBytes) {
    const bytes = min(end - block, blockBytes);
    const whole = bytes & ~(groupBytes - 1);
    let low0 = i64x2.splat(0), high0 = i64x2.splat(0);
    let low1 = i64x2.splat(0), high1 = i64x2.splat(0);
    for (let i: usize = 0; i < bytes; i += groupBytes) {
      let place = block + i;
      if (i == whole) {
        memory.fill(rest, 0, groupBytes);
        memory.copy(rest, place, bytes - whole);
        place = rest;
      }
      const x = v128.load(place), y = v128.load(place, 16);
      const k = v128.load(key + i, 16);
      const x0 = i32x4.add(x, v128.load(key + i)), y0 = i32x4.add(y, k);
      const x1 = i32x4.add(x, k), y1 = i32x4.add(y, v128.load(key + i, 32));
      low0 = i64x2.add(low0, i64x2.extmul_low_i32x4_u(x0, y0));
      high0 = i64x2.add(high0, i64x2.extmul_high_i32x4_u(x0, y0));
      low1 = i64x2.add(low1, i64x2.extmul_low_i32x4_u(x1, y1));
      high1 = i64x2.add(high1, i64x2.extmul_high_i32x4_u(x1, y1));
    }
    const sum0 = i64x2.add(low0, high0), sum1 = i64x2.add(low1, high1);
    store<i64>(sums, i64x2.extract_lane(sum0, 0) + i64x2.extract_lane(sum0, 1));
    store<i64>(sums, i64x2.extract_lane(sum1, 0) + i64x2.extract_lane(sum1, 1), 8);
    sums += 16;
  }
}
