/**
 * A run's steps computed anew, one after another in this process: the same leaves, tree, clipping and optimizer, with
 * nobody else taking part. What it keeps true: each answer that the ledger names is computed for itself, from its
 * leaves alone, so that a difference belongs to whoever delivered that answer.
 */
import type { ModelState, StepUpdate } from '@unet-fleet/coordinator';
import { commitStep } from '@unet-fleet/coordinator/reducer/commit';
import {
  type GradientDigests,
  gradientSha256,
  nodeSha256,
  plainDigests,
  StepDigests,
} from '@unet-fleet/coordinator/reducer/hashing';
import {
  type FirstPass,
  firstPassOf,
  lossSums,
  type ModelDescription,
  nodeKey,
  type PlanConfig,
  rootOf,
  type StepPlan,
  skippedOf,
  stepPlan,
  type TrainConfig,
  totalsOf,
  versionBefore,
  wireFormats,
} from '@unet-fleet/law';
import {
  blockSumsOfSquares,
  createOptimizer,
  type FloatVector,
  NumericMemory,
  type Optimizer,
  roundValues,
  updateRunningStatistics,
} from '@unet-fleet/numerics';
import { type LedgerLine, numbersSha256 } from '@unet-fleet/record';
import type { ComputeThread } from '@unet-fleet/worker';
import type { Batches } from '@unet-fleet/worker/shell/batches';
import {
  finiteWherePossible,
  type LeafSums,
  leftOut,
  plainLeafSums,
} from '@unet-fleet/worker/shell/leaf-sums';
import { NodeComputer, type NodeSum, statisticsOf } from '@unet-fleet/worker/shell/nodes';

export interface TrainerOptions {
  model: ModelDescription;
  plan: PlanConfig;
  train: TrainConfig;
  batches: Pick<Batches, 'train'>;
  engine: Pick<ComputeThread, 'setWeights' | 'trainLeaf' | 'addendsOfLeaf'>;
  /** Told after each leaf. */
  onLeaf(): void;
}

/** What a step comes to here. */
export interface Recomputed {
  /** Of the answers that the ledger names, by node. */
  answers: Map<string, { sha256: string; leaves: LeafSums[] }>;
  /** Of a loss of two passes; null for any other. */
  firstPass: { totalsSha256: string; addendsSha256: (string | null)[] } | null;
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
  /** The weights as workers have them. */
  readonly #held: FloatVector;
  readonly #slots: FloatVector[];
  readonly #statistics: Float32Array;
  readonly #digests: StepDigests;

  get #retriesInFloat32(): boolean {
    return this.#options.train.onNonFinite === 'retry-float32';
  }

  /** Begins with a copy of the state. */
  constructor(options: TrainerOptions, state: ModelState) {
    this.#options = options;
    const memory = new NumericMemory({ shared: true });
    const { gradients: format, weights } = wireFormats[options.train.wire];
    this.#digests = new StepDigests(memory);
    this.#nodes = new NodeComputer(options.model, {
      ...{ memory, format },
      retriesInFloat32: this.#retriesInFloat32,
    });
    this.#optimizer = createOptimizer(options.train);
    this.#parameters = memory.from(state.parameters);
    this.#held = weights === 'float32' ? this.#parameters : memory.allocate(state.parameters.length);
    this.#slots = state.slots.map((slot) => memory.from(slot));
    this.#statistics = new Float32Array(new SharedArrayBuffer(state.statistics.byteLength));
    this.#statistics.set(state.statistics);
  }

  /**
   * Takes the weights over a step at the rate that the ledger gives. The rate is the ledger's because a plateau
   * schedule depends on validations, which are not computed again.
   */
  async step({ step, answers, learningRate, hashKey }: LedgerLine): Promise<Recomputed> {
    const { batches, engine, onLeaf, plan, train } = this.#options;
    if (this.#held !== this.#parameters) {
      this.#held.view.set(this.#parameters.view);
      roundValues(this.#held, wireFormats[train.wire].weights);
    }
    await engine.setWeights(this.#held.view, this.#statistics);
    const position = stepPlan(plan, versionBefore(step));
    const { numLeaves } = position;
    const firstPass = await this.#firstPass(position);
    const digests = this.#digestsOf(hashKey);
    const wanted = new Set(answers.map(({ node }) => nodeKey(node)));
    const recomputed: Recomputed['answers'] = new Map();
    const root = await this.#nodes.sum(
      rootOf(numLeaves),
      numLeaves,
      async (leaf, gradients, statistics, precision) => {
        if (firstPass?.skippedLeaves.includes(leaf)) return leftOut;
        const batch = await batches.train(position, leaf);
        const loss = await engine.trainLeaf(batch, gradients, statistics, null, firstPass?.totals, precision);
        onLeaf();
        return loss;
      },
      (sum) => {
        if (wanted.has(nodeKey(sum.node))) recomputed.set(nodeKey(sum.node), answerOf(sum, digests));
      },
    );
    const leaves = root.leaves.map(({ sums }) => sums);
    const hash = gradientSha256(root.gradients, digests);
    const gradientNorm = await commitStep(
      {
        sumsOfSquares: async () => [{ bucket: 0, blocks: blockSumsOfSquares(root.gradients) }],
        apply: async (update) => this.#apply(root, update),
      },
      {
        version: versionBefore(step),
        numLeaves,
        weightSum: lossSums(leaves).weightSum,
        learningRate,
        skippedLeaves: skippedOf(leaves),
      },
      train,
    );
    this.#nodes.release(root);
    const hashes = firstPass && {
      totalsSha256: numbersSha256(firstPass.totals),
      addendsSha256: firstPass.leaves.map(({ addends }) => (addends ? numbersSha256(addends) : null)),
    };
    return { answers: recomputed, firstPass: hashes, gradientSha256: hash, gradientNorm, leaves };
  }

  /** Over all leaves of the step; null for a loss that has one pass. */
  async #firstPass(position: StepPlan): Promise<(FirstPass & { leaves: LeafSums[] }) | null> {
    const { batches, engine, model, train } = this.#options;
    const ofLoss = totalsOf(train.loss);
    if (!ofLoss) return null;
    const leaves: LeafSums[] = [];
    for (let leaf = 0; leaf < position.numLeaves; leaf++) {
      const sums = finiteWherePossible(this.#retriesInFloat32, async (precision) => {
        const addends = await engine.addendsOfLeaf(await batches.train(position, leaf), precision);
        return plainLeafSums({ lossSum: 0, weightSum: 0, addends });
      });
      leaves.push(await sums);
    }
    return { ...firstPassOf(ofLoss, model.config.numClasses, leaves), leaves };
  }

  #digestsOf(hashKey: string | undefined): GradientDigests {
    if (hashKey === undefined) return plainDigests;
    this.#digests.key = hashKey;
    return this.#digests;
  }

  #apply({ gradients, leaves }: NodeSum, { skippedLeaves, scalars }: StepUpdate): void {
    this.#optimizer.apply({ parameters: this.#parameters, gradients, slots: this.#slots }, scalars);
    leaves.forEach(({ statistics }, leaf) => {
      if (!skippedLeaves.includes(leaf)) updateRunningStatistics(this.#statistics, statistics);
    });
  }
}

/** As the ledger has it. */
const answerOf = (sum: NodeSum, digests: GradientDigests): { sha256: string; leaves: LeafSums[] } => ({
  sha256: nodeSha256(sum.gradients, statisticsOf(sum), digests),
  leaves: sum.leaves.map(({ sums }) => sums),
});
