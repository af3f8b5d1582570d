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

export function openControls(cluster: Cluster, coordinator: Coordinator): RunControls {
  const { reference, mutant, disk } = cluster;
  const { conductor, process } = coordinator;
  const keep = (intervention: Intervention) => {
    if (!process.isAlive) return;
    if (coordinator.isFenced) throw new UserError('another coordinator has taken over the run');
    if (disk.isFailing) throw new UserError('the disk is full');
    disk.interventions = withIntervention(disk.interventions, intervention);
    coordinator.reference = cluster.currentReference();
    // Durable now, and the core does not know yet.
    process.survivesEffect();
  };
  const later = mutant?.keepsInterventionsAfterMs;
  return createControls({
    conductor,
    interventions: {
      get all() {
        return disk.interventions;
      },
      add: (intervention) => {
        if (later === undefined) keep(intervention);
        else if (!coordinator.isFenced) {
          process.after(later, () => {
            if (!coordinator.isFenced && !disk.isFailing) keep(intervention);
          });
        }
      },
    },
    numStepsPerEpoch: stepsPerEpoch(reference.toy.plan),
    isLocal: () => false,
    now: () => new Date(0),
  });
}
