/** One rule for each kind of node. */
import type { GraphNode, NodeKind } from '@unet-fleet/law';
import type { Tensor } from '../tensorflow.ts';
import { conv } from './conv.ts';
import { add, concat, padTo } from './joins.ts';
import { batchNorm, groupNorm } from './norms.ts';
import { relu } from './relu.ts';
import { averagePool, bilinear, maxPool } from './resampling.ts';
import type { Rule } from './rule.ts';
import { transposedConv } from './transposed-conv.ts';

export interface Computed {
  y: Tensor;
  kept: unknown;
}

/** The photo is given, not computed. */
type ComputedKind = Exclude<NodeKind, 'input'>;

const rules = {
  conv,
  transposedConv,
  batchNorm,
  groupNorm,
  relu,
  maxPool,
  averagePool,
  bilinear,
  padTo,
  concat,
  add,
} satisfies { [K in ComputedKind]: unknown };

/** What a node keeps is only ever handed back to its own rule. */
export const ruleOf = (node: GraphNode): Rule<NodeKind, unknown> =>
  rules[node.kind as ComputedKind] as unknown as Rule<NodeKind, unknown>;
