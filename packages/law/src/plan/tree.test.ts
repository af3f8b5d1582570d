import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  balancedRanges,
  childrenOf,
  coverOf,
  endLeaf,
  firstLeaf,
  isNodeOf,
  leavesOf,
  parentOf,
  rootOf,
  sameNode,
} from './tree.ts';

const numLeavesAndRange = fc.integer({ min: 1, max: 200 }).chain((numLeaves) =>
  fc.record({
    numLeaves: fc.constant(numLeaves),
    range: fc
      .tuple(fc.integer({ min: 0, max: numLeaves }), fc.integer({ min: 0, max: numLeaves }))
      .map(([a, b]) => ({ first: Math.min(a, b), end: Math.max(a, b) })),
  }),
);

describe('reduction tree', () => {
  it('has a root over all leaves, whose children split it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (numLeaves) => {
        const visit = (node: { level: number; index: number }): number[] => {
          const children = childrenOf(node, numLeaves);
          if (node.level === 0) return [node.index];
          for (const child of children) expect(sameNode(parentOf(child), node)).toBe(true);
          return children.flatMap(visit);
        };
        expect(visit(rootOf(numLeaves))).toEqual([...Array(numLeaves).keys()]);
      }),
    );
  });

  it('covers a range with the fewest nodes, in order and without gap or overlap', () => {
    fc.assert(
      fc.property(numLeavesAndRange, ({ numLeaves, range }) => {
        const nodes = coverOf(range.first, range.end, numLeaves);
        const leaves = nodes.flatMap((node) => leavesOf(node, numLeaves));
        expect(leaves).toEqual([...Array(numLeaves).keys()].slice(range.first, range.end));
        // Fewest: no node's parent would fit into the range as well.
        for (const node of nodes) {
          if (sameNode(node, rootOf(numLeaves))) continue;
          const parent = parentOf(node);
          const fits = firstLeaf(parent) >= range.first && endLeaf(parent, numLeaves) <= range.end;
          expect(fits).toBe(false);
        }
      }),
    );
  });

  it('knows which nodes exist', () => {
    expect(isNodeOf({ level: 0, index: 4 }, 5)).toBe(true);
    expect(isNodeOf({ level: 0, index: 5 }, 5)).toBe(false);
    expect(isNodeOf({ level: 3, index: 0 }, 5)).toBe(true);
    expect(isNodeOf({ level: 4, index: 0 }, 5)).toBe(false);
    expect(isNodeOf({ level: 1.5, index: 0 }, 5)).toBe(false);
    expect(isNodeOf({ level: 0, index: -1 }, 5)).toBe(false);
  });

  it('splits evenly, larger parts first', () => {
    expect(balancedRanges(7, 3)).toEqual([
      { first: 0, end: 3 },
      { first: 3, end: 5 },
      { first: 5, end: 7 },
    ]);
  });
});
