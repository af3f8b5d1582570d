/**
 * A simulated coordinator's checkpoints: a snapshot between two steps, then a writer that takes its time, one after
 * another. A crash before the end of a write leaves nothing of it.
 */
import type { Effect } from '@unet-fleet/coordinator/core/types';
import type { Cluster } from './cluster.ts';
import { assertWeights } from './invariants.ts';
import type { SimulatedProcess } from './process.ts';
import type { Reducers } from './reducers.ts';

type Outcome = 'written' | 'left-out' | 'failed';

const maxPending = 2;
/** The last checkpoint is tried again for a while. */
const retryMs = 700;
const maxTries = 4;

export class Snapshots {
  readonly #cluster: Cluster;
  readonly #process: SimulatedProcess;
  readonly #reducers: Reducers;
  readonly #term: number;
  #numPending = 0;
  /** When the writer has finished with what it was given. */
  #freeMs = 0;

  constructor(cluster: Cluster, process: SimulatedProcess, reducers: Reducers, term: number) {
    this.#cluster = cluster;
    this.#process = process;
    this.#reducers = reducers;
    this.#term = term;
  }

  write(
    { progress, isBest, isFinal }: Extract<Effect, { type: 'checkpoint' }>,
    done: (outcome: Outcome) => void,
  ): void {
    const { mutant, reference, disk, random, settings } = this.#cluster;
    const { version } = progress;
    if (this.#numPending >= maxPending && !isBest && !isFinal) {
      this.#process.after(0, () => done('left-out'));
      return;
    }
    if (!reference.progress[version]?.includes(JSON.stringify(progress))) {
      this.#cluster.violate(
        'checkpoints',
        `the progress of version ${version} is ${JSON.stringify(progress)}`,
      );
    }
    this.#numPending++;
    const settle = (outcome: Outcome) => {
      this.#numPending--;
      if (!mutant?.announcesEarly) done(outcome);
    };
    this.#reducers.snapshot((weights) => {
      assertWeights(reference, version, weights);
      if (mutant?.announcesEarly) done('written');
      let numTries = 0;
      const attempt = () => {
        const beginMs = Math.max(this.#cluster.nowMs, this.#freeMs);
        this.#freeMs = beginMs + random.between(1, settings.mostWriteMs);
        this.#process.after(this.#freeMs - this.#cluster.nowMs, () => {
          if (!disk.isFailing) {
            disk.write({ version, term: this.#term, weights, progress });
            // Durable now, announced a moment later: a crash may come between.
            this.#process.after(random.between(0, 2), () => settle('written'));
          } else if (isFinal && ++numTries < maxTries) {
            this.#process.after(retryMs, attempt);
          } else {
            settle('failed');
          }
        });
      };
      attempt();
    });
  }
}
