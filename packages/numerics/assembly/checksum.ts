/**
 * XXH3 with 64 bits, of more than 240 bytes and without a seed, as its specification has it: a checksum at the speed of
 * memory. `secret`: place of its 192 default bytes.
 */

const stripe: usize = 64;
const stripesOfBlock: usize = 16;
const secretBytes: usize = 192;

const prime32x1: u64 = 0x9e3779b1;
const prime32x2: u64 = 0x85ebca77;
const prime32x3: u64 = 0xc2b2ae3d;
const prime64x1: u64 = 0x9e3779b185ebca87;
const prime64x2: u64 = 0xc2b2ae3d27d4eb4f;
const prime64x3: u64 = 0x165667b19e3779f9;
const prime64x4: u64 = 0x85ebca77c2b2ae63;
const prime64x5: u64 = 0x27d4eb2f165667c5;

/** Two 64-bit lanes: each adds the other's value, and the product of the halves of its own with the secret. */
@inline
function added(sum: v128, data: v128, key: v128): v128 {
  const mixed = v128.xor(data, key);
  const low = i32x4.shuffle(mixed, mixed, 0, 2, 0, 2);
  const high = i32x4.shuffle(mixed, mixed, 1, 3, 1, 3);
  const swapped = i64x2.shuffle(data, data, 1, 0);
  return i64x2.add(i64x2.add(sum, swapped), i64x2.extmul_low_i32x4_u(low, high));
}

@inline
function scrambled(sum: v128, key: v128): v128 {
  const mixed = v128.xor(v128.xor(sum, i64x2.shr_u(sum, 47)), key);
  return i64x2.mul(mixed, i64x2.splat(<i64>prime32x1));
}

/** Both halves of the product of 128 bits, xored. */
@inline
function folded(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const cross = aHigh * bLow + (low >> 32);
  const middle = aLow * bHigh + (cross & 0xffffffff);
  const high = aHigh * bHigh + (cross >> 32) + (middle >> 32);
  return ((middle << 32) | (low & 0xffffffff)) ^ high;
}

@inline
function merged(sum: v128, secret: usize): u64 {
  return folded(
    <u64>i64x2.extract_lane(sum, 0) ^ load<u64>(secret),
    <u64>i64x2.extract_lane(sum, 1) ^ load<u64>(secret, 8),
  );
}

/** The lower 32 bits of it. */
export function checksum(data: usize, length: u32, secret: usize): u32 {
  let sum0 = i64x2(<i64>prime32x3, <i64>prime64x1);
  let sum1 = i64x2(<i64>prime64x2, <i64>prime64x3);
  let sum2 = i64x2(<i64>prime64x4, <i64>prime32x2);
  let sum3 = i64x2(<i64>prime64x5, <i64>prime32x1);
  const numStripes = (<usize>length - 1) / stripe;
  let at = data;
  let key = secret;
  const keyEnd = secret + 8 * stripesOfBlock;
  for (let n: usize = 0; n < numStripes; n++) {
    sum0 = added(sum0, v128.load(at), v128.load(key));
    sum1 = added(sum1, v128.load(at, 16), v128.load(key, 16));
    sum2 = added(sum2, v128.load(at, 32), v128.load(key, 32));
    sum3 = added(sum3, v128.load(at, 48), v128.load(key, 48));
    at += stripe;
    key += 8;
    if (key == keyEnd) {
      key = secret;
      sum0 = scrambled(sum0, v128.load(keyEnd));
      sum1 = scrambled(sum1, v128.load(keyEnd, 16));
      sum2 = scrambled(sum2, v128.load(keyEnd, 32));
      sum3 = scrambled(sum3, v128.load(keyEnd, 48));
    }
  }
  at = data + length - stripe;
  key = secret + secretBytes - stripe - 7;
  sum0 = added(sum0, v128.load(at), v128.load(key));
  sum1 = added(sum1, v128.load(at, 16), v128.load(key, 16));
  sum2 = added(sum2, v128.load(at, 32), v128.load(key, 32));
  sum3 = added(sum3, v128.load(at, 48), v128.load(key, 48));
  let hash = <u64>length * prime64x1;
  hash += merged(sum0, secret + 11);
  hash += merged(sum1, secret + 11 + 16);
  hash += merged(sum2, secret + 11 + 32);
  hash += merged(sum3, secret + 11 + 48);
  hash ^= hash >> 37;
  hash *= 0x165667919e3779f9;
  return <u32>(hash ^ (hash >> 32));
}
