/**
 * A person who steers: the product's controls over a simulated coordinator. What they change is durable before the core
 * knows of it, and between the two the process may crash.
 */
import { createControls } from '@unet-fleet/coordinator/live/controls';
import type { RunControls } from '@unet-fleet/coordinator/live/live-run';
import { type Intervention, stepsPerEpoch, UserError, withIntervention } from '@unet-fleet/law';
import type { Cluster } from './cluster.ts';
import type { Coordinator } from './coordinator.ts';

/** Who steers. */
export const person = 'a person';

/** In the words of a script. */
export function steer(controls: RunControls, verb: string, rest: string[]): { message: string } {
  switch (verb) {
    case 'pause':
      return controls.pause(person);
    case 'resume':
      return controls.resume(person);
    case 'keep':
      return controls.checkpoint(person);
    case 'last':
      return controls.stopAfterEpoch(true, person);
    default:
      return controls.setLearningRate(Number(rest[0]), person);
  }
}

/** The run's changes of the learning rate, on the cluster's disk. */
class DiskInterventions {
  readonly #cluster: Cluster;
  readonly #coordinator: Coordinator;

  constructor(cluster: Cluster, coordinator: Coordinator) {
    this.#cluster = cluster;
    this.#coordinator = coordinator;
  }

  get all(): readonly Intervention[] {
    return this.#cluster.disk.interventions;
  }

  add(intervention: Intervention): void {
    const coordinator = this.#coordinator;
    const { disk, mutant } = this.#cluster;
    const laterMs = mutant?.keepsInterventionsAfterMs;
    if (laterMs === undefined) this.#keep(intervention);
    else if (!coordinator.isFenced) {
      coordinator.process.after(laterMs, () => {
        if (!coordinator.isFenced && !disk.isFailing) this.#keep(intervention);
      });
    }
  }

  #keep(intervention: Intervention): void {
    const coordinator = this.#coordinator;
    const { disk } = this.#cluster;
    if (!coordinator.process.isAlive) return;
    if (coordinator.isFenced) throw new UserError('another coordinator has taken over the run');
    if (disk.isFailing) throw new UserError('the disk is full');
    disk.interventions = withIntervention(disk.interventions, intervention);
    coordinator.reference = this.#cluster.currentReference();
    // Durable now, and the core does not know yet.
    coordinator.process.survivesEffect();
  }
}

export function openControls(cluster: Cluster, coordinator: Coordinator): RunControls {
  const { reference } = cluster;
  const { conductor } = coordinator;
  return createControls({
    conductor,
    interventions: new DiskInterventions(cluster, coordinator),
    numStepsPerEpoch: stepsPerEpoch(reference.toy.plan),
    isLocal: () => false,
    now: () => new Date(0),
  });
}
