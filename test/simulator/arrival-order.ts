/** A reducer that adds as it comes: what the fixed tree is there to prevent. Part of a mutant. */

import { Reducer, type ReducerOptions } from '@unet-fleet/coordinator/reducer/reducer';
import {
  add,
  blockSumsOfSquares,
  createOptimizer,
  type FloatVector,
  type NumericMemory,
  type UpdateScalars,
} from '@unet-fleet/numerics';
import { type BulkInbox, type BulkOutbox, nodeKey, type TreeNode } from '@unet-fleet/shared';

export class ArrivalOrderReducer extends Reducer {
  readonly #memory: NumericMemory;
  readonly #options: ReducerOptions;
  readonly #sums: FloatVector[];
  readonly #parameters: FloatVector[];
  readonly #slots: FloatVector[][];
  readonly #seen = new Set<string>();
  #step = 0;

  constructor(memory: NumericMemory, options: ReducerOptions) {
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

  override load(version: number, parameters: Float32Array, slots: Float32Array[]): void {
    this.#step = version;
    this.#options.buckets.forEach(({ offset, length }, i) => {
      this.#parameters[i]!.view.set(parameters.subarray(offset, offset + length));
      this.#slots[i]!.forEach((slot, k) => {
        slot.view.set(slots[k]!.subarray(offset, offset + length));
      });
    });
  }

  override save(parameters: Float32Array, slots: Float32Array[]): void {
    this.#options.buckets.forEach(({ offset }, i) => {
      parameters.set(this.#parameters[i]!.view, offset);
      this.#slots[i]!.forEach((slot, k) => {
        slots[k]!.set(slot.view, offset);
      });
    });
  }

  override async collect(inbox: BulkInbox, peer: string, step: number, node: TreeNode): Promise<void> {
    const key = { kind: 'gradient', term: this.#options.term, step, ...node } as const;
    await Promise.all(
      this.#options.buckets.map(async ({ id, length }, i) => {
        const values = this.#memory.allocate(length);
        const { view } = values;
        await inbox.fetch(peer, key, id, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        const seen = `${id} ${nodeKey(node)}`;
        if (step !== this.#step || this.#seen.has(seen)) return;
        this.#seen.add(seen);
        add(this.#sums[i]!, values);
      }),
    );
  }

  override sumsOfSquares(): { bucket: number; blocks: Float64Array }[] {
    return this.#options.buckets.map(({ id }, i) => ({
      bucket: id,
      blocks: blockSumsOfSquares(this.#sums[i]!),
    }));
  }

  override apply(_numLeaves: number, scalars: UpdateScalars, outboxes: BulkOutbox[]): void {
    const optimizer = createOptimizer(this.#options.train);
    for (const outbox of outboxes) outbox.withdraw(() => false);
    this.#options.buckets.forEach((_, i) => {
      const [parameters, gradients, slots] = [this.#parameters[i]!, this.#sums[i]!, this.#slots[i]!];
      optimizer.apply({ parameters, gradients, slots }, scalars);
      gradients.view.fill(0);
    });
    this.#seen.clear();
    this.#step = scalars.updateIndex;
    this.offerAll(this.#step, outboxes);
  }

  override offerAll(version: number, outboxes: BulkOutbox[]): void {
    const key = { kind: 'weights', term: this.#options.term, step: version, level: 0, index: 0 } as const;
    this.#options.buckets.forEach(({ id }, i) => {
      const { view } = this.#parameters[i]!;
      for (const outbox of outboxes) {
        outbox.offer(key, id, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
      }
    });
  }
}
