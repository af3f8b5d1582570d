/** Buckets that add as it comes: what the fixed tree is there to prevent. Part of a mutant. */

import type { BucketSquares, ModelState, StepUpdate } from '@unet-fleet/coordinator/reducer/bucket-owner';
import { type ParameterBucketOptions, ParameterBuckets } from '@unet-fleet/coordinator/reducer/parameters';
import { nodeKey, type TreeNode, wireFormats } from '@unet-fleet/law';
import {
  add,
  blockSumsOfSquares,
  createOptimizer,
  type FloatVector,
  type NumericMemory,
  pack,
  packedPlace,
  unpack,
} from '@unet-fleet/numerics';
import type { BulkInbox, BulkOutbox } from '@unet-fleet/wire';

export class ArrivalOrderBuckets extends ParameterBuckets {
  readonly #memory: NumericMemory;
  readonly #options: ParameterBucketOptions;
  readonly #sums: FloatVector[];
  readonly #parameters: FloatVector[];
  readonly #slots: FloatVector[][];
  readonly #seen = new Set<string>();
  #version = 0;

  constructor(memory: NumericMemory, options: ParameterBucketOptions) {
    super(memory, options);
    this.#memory = memory;
    this.#options = options;
    const { buckets, train } = options;
    const numSlots = createOptimizer(train).slots.length;
    this.#sums = buckets.map(({ length }) => memory.allocate(length));
    this.#parameters = buckets.map(({ length }) => memory.allocate(length));
    this.#slots = buckets.map(({ length }) =>
      Array.from({ length: numSlots }, () => memory.allocate(length)),
    );
  }

  override load(version: number, { parameters, slots }: ModelState, outboxes: readonly BulkOutbox[]): void {
    this.#version = version;
    this.#options.buckets.forEach(({ offset, length }, i) => {
      this.#parameters[i]!.view.set(parameters.subarray(offset, offset + length));
      this.#slots[i]!.forEach((slot, k) => {
        slot.view.set(slots[k]!.subarray(offset, offset + length));
      });
    });
    this.#offerAll(outboxes);
  }

  override save({ parameters, slots }: ModelState): void {
    this.#options.buckets.forEach(({ offset }, i) => {
      parameters.set(this.#parameters[i]!.view, offset);
      this.#slots[i]!.forEach((slot, k) => {
        slots[k]!.set(slot.view, offset);
      });
    });
  }

  override async collect(inbox: BulkInbox, peer: string, version: number, node: TreeNode): Promise<void> {
    const { term, train } = this.#options;
    const format = wireFormats[train.wire].gradients;
    const key = { kind: 'gradient', term, version, ...node, format } as const;
    await Promise.all(
      this.#options.buckets.map(async ({ id, length }, i) => {
        const values = this.#memory.allocate(length);
        await inbox.fetch(peer, key, id, packedPlace(values, format));
        unpack(values, format);
        const seen = `${id} ${nodeKey(node)}`;
        if (version !== this.#version || this.#seen.has(seen)) return;
        this.#seen.add(seen);
        add(this.#sums[i]!, values);
      }),
    );
  }

  override sumsOfSquares(): BucketSquares[] {
    return this.#options.buckets.map(({ id }, i) => ({
      bucket: id,
      blocks: blockSumsOfSquares(this.#sums[i]!),
    }));
  }

  override apply({ scalars }: StepUpdate, outboxes: readonly BulkOutbox[]): void {
    const optimizer = createOptimizer(this.#options.train);
    this.#options.buckets.forEach((_, i) => {
      const [parameters, gradients, slots] = [this.#parameters[i]!, this.#sums[i]!, this.#slots[i]!];
      optimizer.apply({ parameters, gradients, slots }, scalars);
      gradients.view.fill(0);
    });
    this.#seen.clear();
    this.#version = scalars.updateIndex;
    this.#offerAll(outboxes);
  }

  #offerAll(outboxes: readonly BulkOutbox[]): void {
    const { term, train } = this.#options;
    const format = wireFormats[train.wire].weights;
    const key = { kind: 'weights', term, version: this.#version, level: 0, index: 0, format } as const;
    this.#options.buckets.forEach(({ id, length }, i) => {
      const bytes = pack(this.#parameters[i]!, format, this.#memory.allocate(length));
      for (const outbox of outboxes) outbox.offer(key, id, bytes);
    });
  }
}
