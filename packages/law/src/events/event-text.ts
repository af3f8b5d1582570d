/**
 * What happened, in one sentence: the terminal, the live page and the report say it in the same words. Pure. What comes
 * too often to be told one by one (steps, progress of a validation) has none.
 */
import { compact, counted, duration, lossText, seconds, shareText } from '../figures.ts';
import { rounds } from '../plan/rounds.ts';
import { versionBefore } from '../plan/version.ts';
import type { KnownEvent } from './events.ts';

export interface EventText {
  text: string;
  /** warn: a person should look at it. */
  level: 'info' | 'warn';
}

const info = (text: string): EventText => ({ text, level: 'info' });
const warn = (text: string): EventText => ({ text, level: 'warn' });

/** The sentence of an event, without a full stop; null where there is none. */
export function describeEvent(event: KnownEvent): EventText | null {
  switch (event.type) {
    case 'run-started':
      return info(startedText(event));
    case 'waiting':
      return info(`waiting: ${event.reason}`);
    case 'worker-joined':
      return info(`worker ${event.worker} joined (${event.numWorkers} now)`);
    case 'worker-left': {
      const now = event.numWorkers === 0 ? 'none left' : `${event.numWorkers} now`;
      return warn(`worker ${event.worker} left: ${event.reason} (${now})`);
    }
    case 'reducer-lost': {
      const { reducer, reason, step } = event;
      return warn(
        `reducer ${reducer} is lost: ${reason}; the run goes back from step ${step} to its last checkpoint`,
      );
    }
    case 'broker-lost':
      return warn(`waiting for the broker: ${event.reason}; training goes on by itself when it is back`);
    case 'broker-back':
      return info(`the broker is back after ${duration(event.awayMs)}`);
    case 'worker-late': {
      const { worker, leaves, step, elapsedMs, usualMs, hungInMs } = event;
      return info(
        `worker ${worker} is late with ${leaves} of step ${step}: ${seconds(elapsedMs)} so far, a leaf usually takes ` +
          `${seconds(usualMs)}; the next idle worker gets them as well, and in ${duration(hungInMs)} it is taken for hung`,
      );
    }
    case 'lease-repeated': {
      const { leaves, step, worker, to, reason } = event;
      return info(`${leaves} of step ${step} given to ${to} as well: ${worker}, ${reason}`);
    }
    case 'worker-set-aside': {
      const { worker, pauseMs, numFailures, reason } = event;
      return warn(
        `worker ${worker} is set aside for ${duration(pauseMs)} after ${numFailures} failures: ${reason}`,
      );
    }
    case 'leaf-skipped': {
      const { kind, leaf, step, worker, samples = [] } = event;
      const of = rounds[kind].nameOf(versionBefore(step));
      return warn(
        `warning: loss or gradient of leaf ${leaf} of ${of} is not finite (${worker}): left out, with its samples ` +
          samples.join(', '),
      );
    }
    case 'leaf-retried': {
      const { kind, leaf, step, worker } = event;
      const of = rounds[kind].nameOf(versionBefore(step));
      return warn(
        `warning: loss or gradient of leaf ${leaf} of ${of} is not finite in bf16 (${worker}): computed again in float32`,
      );
    }
    case 'gradient-outlier': {
      const { leaf, step, norm, median, samples = [] } = event;
      return warn(
        `warning: the gradient of leaf ${leaf} of step ${step} has norm ${compact(norm)}, those before it ` +
          `${compact(median)}: look at the masks of ${samples.join(', ')}`,
      );
    }
    case 'checkpoint-failed':
      return warn(`warning: no checkpoint of step ${event.step}: ${event.message}`);
    case 'checkpoint':
      return info(`checkpoint of step ${event.step} is durable${event.isBest ? ', the best so far' : ''}`);
    case 'validated':
      return info(
        `step ${event.step} validated: loss ${lossText(event.loss)}, mean IoU ${shareText(event.meanIou)}` +
          (event.isBest ? ', the best so far' : ''),
      );
    case 'epoch-started':
      return info(`epoch ${event.epoch} of ${event.numEpochs} begins`);
    case 'paused':
      return warn(`paused by ${event.by}`);
    case 'resumed':
      return info(`goes on after a pause of ${duration(event.pausedMs)}, resumed by ${event.by}`);
    case 'checkpoint-requested':
      return info(`a checkpoint was asked for by ${event.by}`);
    case 'drain-requested':
      return info(`worker ${event.worker} was asked to leave by ${event.by}`);
    case 'stop-after-epoch': {
      const what = event.isWanted
        ? 'the run stops after this epoch'
        : 'the run no longer stops after this epoch';
      return info(`${what}, asked for by ${event.by}`);
    }
    case 'options-changed': {
      const { step, changes, by } = event;
      const said = changes.map(({ flag, from, to }) => `${flag} ${to} in place of ${from}`).join(', ');
      return warn(`from step ${step}: ${said}, given by ${by}`);
    }
    case 'learning-rate-changed': {
      const { step, from, to, by } = event;
      return warn(
        `learning rate from step ${step}: ${compact(to)} in place of ${compact(from)}, set by ${by}`,
      );
    }
    case 'message-rejected':
      return warn(`${counted(event.count, 'message')} of ${event.worker} not used: ${event.reason}`);
    case 'note':
      return info(`note: ${event.message}`);
    case 'warning':
      return warn(`warning: ${event.message}`);
    case 'finished':
      return info(finishedText(event));
    case 'step':
    case 'validation-started':
    case 'validation-progress':
    case 'evaluation-kept':
      return null;
  }
}

function startedText({ numStepsDone, numSteps }: Extract<KnownEvent, { type: 'run-started' }>): string {
  return numStepsDone === 0
    ? `the run starts: ${counted(numSteps, 'step')}`
    : `the run goes on after step ${numStepsDone} of ${numSteps}`;
}

function finishedText({ reason, step }: Extract<KnownEvent, { type: 'finished' }>): string {
  const why = {
    completed: 'the run is complete',
    'early-stopping': 'the run ends early, because the validation loss no longer falls',
    stopped: 'the run was stopped; --resume goes on',
  };
  return `${why[reason]}, at step ${step}`;
}
