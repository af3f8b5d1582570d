/** Which samples a step's leaves hold, by id: what people are told, and what the ledger has a hash of. */
import { createHash } from 'node:crypto';
import {
  epochOrder,
  type PlanConfig,
  type Step,
  stepPlan,
  trainLeafSamples,
  versionBefore,
} from '@unet-fleet/law';

export class StepSamples {
  readonly #plan: PlanConfig;
  readonly #trainIds: readonly string[];
  /** Of the epoch that was asked for last. */
  #order: { epoch: number; samples: Uint32Array } | null = null;

  /** `trainIds`: of the training samples, in the order of the plan's indices. */
  constructor(plan: PlanConfig, trainIds: readonly string[]) {
    this.#plan = plan;
    this.#trainIds = trainIds;
  }

  /** Ids of the samples of each leaf of the n-th step, counted from 1. */
  ofStep(step: Step): string[][] {
    const position = stepPlan(this.#plan, versionBefore(step));
    const { epoch, numLeaves } = position;
    if (this.#order?.epoch !== epoch) this.#order = { epoch, samples: epochOrder(this.#plan, epoch) };
    const { samples } = this.#order;
    return Array.from({ length: numLeaves }, (_, leaf) =>
      trainLeafSamples(this.#plan, samples, position, leaf).map((index) => this.#trainIds[index]!),
    );
  }
}

/** Of the ids in leaf order, each with its length before it, so that no two lists have one text. */
export function samplesSha256(leaves: readonly (readonly string[])[]): string {
  const hash = createHash('sha256');
  for (const id of leaves.flat()) hash.update(`${Buffer.byteLength(id)}:${id}\n`);
  return hash.digest('hex');
}
