/** Four values at a time, or lane 0 alone: what lets every kernel have one formula for whole groups and for the rest. */

/** Four values, or lane 0 alone. `whole` is a constant at every call. */
@inline
export function get(p: usize, whole: bool): v128 {
  return whole ? v128.load(p) : v128.load32_zero(p);
}

@inline
export function set(p: usize, x: v128, whole: bool): void {
  if (whole) v128.store(p, x);
  else v128.store32_lane(p, x, 0);
}

/** Bytes of the vector that fill whole groups of four. */
@inline
export function wholeBytes(length: u32): usize {
  return (<usize>length << 2) & ~15;
}
