/**
 * A run's steps computed anew, one after another in this process: the same leaves, tree, clipping and optimizer, with
 * nobody else taking part. What it keeps true: each answer that the ledger names is computed for itself, from its
 * leaves alone, so that a difference belongs to whoever delivered that answer.
 */
import { gradientSha256, nodeSha256 } from '@unet-fleet/coordinator/reducer/hashing';
import type { ModelState } from '@unet-fleet/coordinator/reducer/protocol';
import type { LedgerLine } from '@unet-fleet/coordinator/run-folder/ledger-line';
import {
  blockSumsOfSquares,
  clipNormCoefficient,
  createOptimizer,
  type FloatVector,
  NumericMemory,
  type Optimizer,
  sumBlocks,
  updateRunningStatistics,
} from '@unet-fleet/numerics';
import {
  childrenOf,
  type ModelDescription,
  nodeKey,
  type PlanConfig,
  rootOf,
  stepPlan,
  type TrainConfig,
  type TreeNode,
} from '@unet-fleet/shared';
import type { ComputeThread } from '@unet-fleet/worker';
import type { Batches } from '@unet-fleet/worker/shell/batches';
import type { LeafSums } from '@unet-fleet/worker/shell/leaf-sums';
import { NodeComputer, type NodeSum, statisticsOf } from '@unet-fleet/worker/shell/nodes';

export interface TrainerOptions {
  model: ModelDescription;
  plan: PlanConfig;
  train: TrainConfig;
  batches: Pick<Batches, 'train'>;
  engine: Pick<ComputeThread, 'setWeights' | 'trainLeaf'>;
  /** Told after each leaf. */
  onLeaf(): void;
}

/** What a step comes to here. */
export interface Recomputed {
  /** Of the answers that the ledger names, by node. */
  answers: Map<string, { sha256: string; leaves: LeafSums[] }>;
  gradientSha256: string;
  gradientNorm: number;
  /** Of all leaves, in leaf order. */
  leaves: LeafSums[];
}

export class Trainer {
  readonly #options: TrainerOptions;
  readonly #optimizer: Optimizer;
  readonly #nodes: NodeComputer;
  readonly #parameters: FloatVector;
  readonly #slots: FloatVector[];
  readonly #statistics: Float32Array;

  /** Begins with a copy of the state. */
  constructor(options: TrainerOptions, state: ModelState) {
    this.#options = options;
    const memory = new NumericMemory({ shared: true });
    this.#nodes = new NodeComputer(options.model, memory);
    this.#optimizer = createOptimizer(options.train);
    this.#parameters = memory.from(state.parameters);
    this.#slots = state.slots.map((slot) => memory.from(slot));
    this.#statistics = new Float32Array(new SharedArrayBuffer(state.statistics.byteLength));
    this.#statistics.set(state.statistics);
  }

  /**
   * Takes the weights over a step at the rate that the ledger gives. The rate is the ledger's because a plateau
   * schedule depends on validations, which are not computed again.
   */
  async step({ step, answers, learningRate }: LedgerLine): Promise<Recomputed> {
    const { engine, plan, train } = this.#options;
    await engine.setWeights(this.#parameters.view, this.#statistics);
    const { numLeaves } = stepPlan(plan, step - 1);
    const recomputed: Recomputed['answers'] = new Map();
    const wanted = new Set(answers.map(({ node }) => nodeKey(node)));
    const root = await this.#sum(rootOf(numLeaves), step, wanted, recomputed);
    const leaves = root.leaves.map(({ sums }) => sums);
    const weightSum = leaves.reduce((sum, leaf) => sum + leaf.weightSum, 0);
    const scale = weightSum > 0 ? 1 / weightSum : 0;
    const gradientNorm = Math.sqrt(sumBlocks([blockSumsOfSquares(root.gradients)])) * scale;
    const normCoefficient = train.clip === 'norm' ? clipNormCoefficient(train.clipLimit, gradientNorm) : 1;
    const hash = gradientSha256(root.gradients.view);
    this.#optimizer.apply(
      { parameters: this.#parameters, gradients: root.gradients, slots: this.#slots },
      { scale, normCoefficient, learningRate, updateIndex: step },
    );
    for (const { sums, statistics } of root.leaves) {
      if (sums.isFinite) updateRunningStatistics(this.#statistics, statistics);
    }
    this.#nodes.release(root);
    return { answers: recomputed, gradientSha256: hash, gradientNorm, leaves };
  }

  /** Sums a node from the answers below it; what no answer covers, from its leaves. */
  async #sum(
    node: TreeNode,
    step: number,
    wanted: ReadonlySet<string>,
    recomputed: Recomputed['answers'],
  ): Promise<NodeSum> {
    const position = stepPlan(this.#options.plan, step - 1);
    const isAnswer = wanted.has(nodeKey(node));
    if (!isAnswer && node.level > 0) {
      const [left, right] = childrenOf(node, position.numLeaves);
      const first = await this.#sum(left!, step, wanted, recomputed);
      if (!right) return { ...first, node };
      return this.#nodes.combine(node, first, await this.#sum(right, step, wanted, recomputed));
    }
    const { batches, engine, onLeaf } = this.#options;
    const sum = await this.#nodes.sum(node, position.numLeaves, async (leaf, gradients, statistics) => {
      const loss = await engine.trainLeaf(await batches.train(position, leaf), gradients, statistics);
      onLeaf();
      return loss;
    });
    if (isAnswer) {
      const sha256 = nodeSha256(sum.gradients.view, statisticsOf(sum));
      recomputed.set(nodeKey(node), { sha256, leaves: sum.leaves.map(({ sums }) => sums) });
    }
    return sum;
  }
}
