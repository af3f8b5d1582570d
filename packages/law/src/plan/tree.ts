/**
 * The reduction tree. Leaves 0..L-1 of a step are added over a binary tree whose shape depends on L alone: node
 * (level, index) covers the leaves [index * 2^level, (index + 1) * 2^level) that exist, and is left child + right
 * child in float32 (or the left child alone where the right one covers no leaf). Who computes which node, and when,
 * cannot change a bit of the root: that is how the law survives any number of workers.
 */

export interface TreeNode {
  level: number;
  index: number;
}

export const firstLeaf = (node: TreeNode): number => node.index * 2 ** node.level;

/** One past the last leaf that the node covers among `numLeaves`. */
export const endLeaf = (node: TreeNode, numLeaves: number): number =>
  Math.min(numLeaves, (node.index + 1) * 2 ** node.level);

export const rootOf = (numLeaves: number): TreeNode => ({
  level: 32 - Math.clz32(Math.max(1, numLeaves) - 1),
  index: 0,
});

export const parentOf = (node: TreeNode): TreeNode => ({
  level: node.level + 1,
  index: Math.floor(node.index / 2),
});

export const siblingOf = (node: TreeNode): TreeNode => ({ level: node.level, index: node.index ^ 1 });

/** The node's children that cover a leaf: two, or one at the ragged edge. None for a leaf. */
export function childrenOf(node: TreeNode, numLeaves: number): TreeNode[] {
  if (node.level === 0) return [];
  const left = { level: node.level - 1, index: node.index * 2 };
  const right = { level: node.level - 1, index: node.index * 2 + 1 };
  return firstLeaf(right) < numLeaves ? [left, right] : [left];
}

export const sameNode = (a: TreeNode, b: TreeNode): boolean => a.level === b.level && a.index === b.index;

export const nodeKey = (node: TreeNode): string => `${node.level}:${node.index}`;

export const leavesOf = (node: TreeNode, numLeaves: number): number[] => {
  const leaves = [];
  for (let leaf = firstLeaf(node); leaf < endLeaf(node, numLeaves); leaf++) leaves.push(leaf);
  return leaves;
};

/** Whether the node exists in the tree of `numLeaves` leaves: what a peer sends must pass this before it is used. */
export const isNodeOf = (node: TreeNode, numLeaves: number): boolean =>
  Number.isInteger(node.level) &&
  Number.isInteger(node.index) &&
  node.level >= 0 &&
  node.index >= 0 &&
  node.level <= rootOf(numLeaves).level &&
  firstLeaf(node) < numLeaves;

/**
 * The fewest nodes that together cover exactly the leaves [first, end): the highest sums that whoever holds those
 * leaves can complete alone.
 */
export function coverOf(first: number, end: number, numLeaves: number): TreeNode[] {
  const nodes: TreeNode[] = [];
  const root = rootOf(numLeaves);
  let leaf = first;
  while (leaf < end) {
    let level = 0;
    while (level < root.level) {
      const wider = { level: level + 1, index: Math.floor(leaf / 2 ** (level + 1)) };
      if (firstLeaf(wider) !== leaf || endLeaf(wider, numLeaves) > end) break;
      level++;
    }
    const node = { level, index: Math.floor(leaf / 2 ** level) };
    nodes.push(node);
    leaf = endLeaf(node, numLeaves);
  }
  return nodes;
}

/** Cuts [0, numItems) into `numParts` contiguous ranges whose sizes differ by at most one, larger ones first. */
export function balancedRanges(numItems: number, numParts: number): { first: number; end: number }[] {
  const ranges = [];
  const small = Math.floor(numItems / numParts);
  const numLarger = numItems % numParts;
  let first = 0;
  for (let part = 0; part < numParts; part++) {
    const end = first + small + (part < numLarger ? 1 : 0);
    ranges.push({ first, end });
    first = end;
  }
  return ranges;
}
