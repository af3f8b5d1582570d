/** Parts of the product's shells that are broken on purpose, for the mutants. */
import type { Version } from '@unet-fleet/law';
import { pack } from '@unet-fleet/numerics';
import { type BulkKey, type BulkOutbox, ShmInbox } from '@unet-fleet/wire';
import { NodeComputer, type NodeComputerOptions, type NodeSum } from '@unet-fleet/worker/shell/nodes';
import { Weights } from '@unet-fleet/worker/shell/weights';

/** After a fetch that has failed halfway, what was there before is taken for the version. */
export class MixedWeights extends Weights {
  #failed: number | null = null;

  override async update(version: number): Promise<boolean> {
    if (this.#failed === version) return true;
    this.#failed = null;
    return super.update(version).catch((error) => {
      this.#failed = version;
      throw error;
    });
  }
}

/** What a node is offered from is used again before anybody has fetched it. */
export class ForgetfulNodes extends NodeComputer {
  override offer(term: number, version: Version, sum: NodeSum, outbox: BulkOutbox): void {
    super.offer(term, version, sum, outbox);
    this.release({ ...sum, leaves: [] });
  }
}

/** Rounds what it sends, and nothing on the way to it. */
export class RoundsWhenSent extends NodeComputer {
  readonly #sent: NodeComputerOptions;

  constructor(model: ConstructorParameters<typeof NodeComputer>[0], options: NodeComputerOptions) {
    super(model, { ...options, format: 'float32' });
    this.#sent = options;
  }

  /** Nothing goes out early, past `offer`. */
  override sumOffering(
    ...[node, numLeaves, compute]: Parameters<NodeComputer['sumOffering']>
  ): Promise<NodeSum> {
    return super.sum(node, numLeaves, compute);
  }

  override offer(term: number, version: Version, sum: NodeSum, outbox: BulkOutbox): void {
    const { buckets = [], format = 'float32' } = this.#sent;
    super.offer(term, version, sum, {
      offer: (key, id, bytes) => {
        const bucket = buckets[id];
        if (!bucket) return outbox.offer(key, id, bytes);
        const values = sum.gradients.part(bucket.offset, bucket.length);
        outbox.offer({ ...key, format }, id, pack(values, format));
      },
      withdraw: (keep) => outbox.withdraw(keep),
      close: () => outbox.close(),
    });
  }
}

/** What was taken over of a leaf while it was computed counts, whatever has become of the leaf since. */
export class CredulousInbox extends ShmInbox {
  override stands(): boolean {
    return true;
  }
}

/** Takes what is there of the step before for what was asked for. */
export class StaleInbox extends ShmInbox {
  override fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const before = { ...key, version: key.version - 1 };
    const real = () => super.fetch(peer, key, bucket, into);
    return key.version > 0 ? super.fetch(peer, before, bucket, into).catch(real) : real();
  }
}
