/** What a coordinator does and says, for the trace. */
import type { Effect } from '@unet-fleet/coordinator/core/types';
import { type RoundKind, rounds, stepOn } from '@unet-fleet/law';

export const textOf = (kind: RoundKind, version: number, nodes: { level: number; index: number }[]): string =>
  `${kind} ${rounds[kind].isOfStep ? stepOn(version) : version} nodes ${nodes.map(({ level, index }) => `${level}:${index}`).join(' ')}`;

/** Of an effect that is followed; called only where somebody reads it. */
export function describeEffect(effect: Effect): (() => string) | null {
  switch (effect.type) {
    case 'lease': {
      const { workerId, leaseId, kind, version, nodes } = effect;
      return () => `leases ${textOf(kind, version, nodes)} to ${workerId} (lease ${leaseId})`;
    }
    case 'reduce':
      return () => `fetches ${textOf('train', effect.version, [effect.node])} from ${effect.workerId}`;
    case 'commit':
      return () => `commits step ${stepOn(effect.version)} with rate ${effect.learningRate}`;
    case 'checkpoint':
      return () => `begins to write the checkpoint of step ${effect.progress.version}`;
    case 'dismiss':
      return () => `dismisses ${effect.workerId}`;
    case 'drain':
      return () => `asks ${effect.workerId} to leave`;
    case 'release':
      return () => `releases ${effect.workerId}`;
    default:
      return null;
  }
}

export function describe(event: Extract<Effect, { type: 'emit' }>['event']): string {
  switch (event.type) {
    case 'worker-joined':
      return `${event.worker} has joined (${event.numWorkers})`;
    case 'worker-left':
      return `${event.worker} has left: ${event.reason} (${event.numWorkers})`;
    case 'lease-repeated':
      return `${event.to} computes ${event.leaves} of ${event.worker} as well: ${event.reason}`;
    case 'worker-set-aside':
      return `${event.worker} is set aside for ${(event.pauseMs / 1000).toFixed(0)} s: ${event.reason}`;
    case 'leaf-skipped':
      return `leaf ${event.leaf} of step ${event.step} is left out`;
    case 'leaf-retried':
      return `leaf ${event.leaf} of step ${event.step} is computed again in float32`;
    case 'broker-back':
      return 'the broker is back';
    case 'broker-lost':
      return 'the broker is lost';
    case 'epoch-started':
      return `epoch ${event.epoch} begins`;
    case 'validation-started':
      return `step ${event.step} is to be validated`;
    case 'checkpoint-failed':
      return `no checkpoint of step ${event.step}: ${event.message}`;
    case 'waiting':
      return `it waits: ${event.reason}`;
    case 'drain-requested':
      return `${event.worker} is to leave`;
    case 'resumed':
      return 'it goes on';
    case 'stop-after-epoch':
      return 'it is to stop after the epoch';
    case 'learning-rate-changed':
      return `the learning rate changes with step ${event.step} from ${event.from} to ${event.to}`;
    case 'validated':
      return `step ${event.step} is validated`;
    default:
      return event.type;
  }
}
