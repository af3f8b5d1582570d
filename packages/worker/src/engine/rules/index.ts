/** One rule for each kind of node, by its name in the law's layers. */
import type { GraphNode, NodeKind } from '@unet-fleet/law';
import type { Tensor } from '../tensorflow.ts';
import * as activations from './activations.ts';
import { conv } from './conv.ts';
import * as dropout from './dropout.ts';
import * as joins from './joins.ts';
import * as norms from './norms.ts';
import * as resampling from './resampling.ts';
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
  ...norms,
  ...activations,
  ...dropout,
  ...resampling,
  ...joins,
} satisfies {
  [K in ComputedKind]: unknown;
};

/** What a node keeps is only ever handed back to its own rule. */
export const ruleOf = (node: GraphNode): Rule<NodeKind, unknown> =>
  rules[node.kind as ComputedKind] as unknown as Rule<NodeKind, unknown>;
