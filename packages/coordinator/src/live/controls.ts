/**
 * What a person may do to a run while it goes on, and the sentence that each wish is answered with. A change of the
 * learning rate is on the disk before the core hears of it; everything else leaves no trace in the weights and is
 * forgotten by a coordinator that starts again.
 */
import { type Intervention, printable, UserError } from '@unet-fleet/law';
import { type Interventions, maxLearningRate } from '@unet-fleet/record';
import type { Conductor } from '../shell/conductor.ts';
import type { ControlReply, RunControls } from './live-run.ts';

export interface ControlsOptions {
  conductor: Pick<Conductor, 'feed' | 'status' | 'next'>;
  interventions: Pick<Interventions, 'add' | 'all'>;
  numStepsPerEpoch: number;
  /** Whether a worker of this name is a process that this coordinator has started. */
  isLocal(name: string): boolean;
  now?(): Date;
}

const maxNameLength = 200;

const done = (message: string): ControlReply => ({ ok: true, message });
const refused = (message: string): ControlReply => ({ ok: false, message });

export function createControls(options: ControlsOptions): RunControls {
  const { conductor } = options;
  const ending = () => endingOf(conductor.status.state);
  return {
    pause(by) {
      const { isPaused, state } = conductor.status;
      if (ending()) return refused(`the run can't be paused: ${ending()}`);
      if (isPaused) return done('the run is paused already');
      conductor.feed({ type: 'pause-requested', by: printable(by, maxNameLength) });
      const first = state === 'validating' ? 'the validation' : 'the step';
      return done(
        conductor.status.state === 'paused'
          ? 'the run is paused'
          : `${first} under way is finished, then the run pauses`,
      );
    },
    resume(by) {
      if (!conductor.status.isPaused) return done('the run is not paused');
      conductor.feed({ type: 'resume-requested', by: printable(by, maxNameLength) });
      return done('the run goes on');
    },
    checkpoint(by) {
      const { step } = conductor.status;
      if (ending()) return refused(`no other checkpoint is written: ${ending()}`);
      if (step === 0) return refused('there is nothing to keep before the first step is done');
      conductor.feed({ type: 'checkpoint-requested', by: printable(by, maxNameLength) });
      return done(`a checkpoint of step ${step} is being written`);
    },
    drain: (worker, by) => drain(options, worker, printable(by, maxNameLength)),
    stopAfterEpoch(isWanted, by) {
      const { stopsAfterEpoch, step } = conductor.status;
      if (ending()) return refused(`it is too late for that: ${ending()}`);
      const epoch = Math.floor(
        Math.max(0, step - (isValidating(options) ? 1 : 0)) / options.numStepsPerEpoch,
      );
      if (stopsAfterEpoch !== isWanted) {
        conductor.feed({ type: 'stop-after-epoch', isWanted, by: printable(by, maxNameLength) });
      }
      if (!isWanted) return done('the run goes on after this epoch');
      if (ending()) return done('the epoch is over: the run stops, and can be continued with --resume');
      return done(`the run stops after epoch ${epoch + 1}, and can be continued with --resume`);
    },
    setLearningRate: (rate, by) => setLearningRate(options, rate, printable(by, maxNameLength)),
  };
}

const isValidating = ({ conductor }: ControlsOptions): boolean => conductor.status.state === 'validating';

/** Why nothing can be changed any more; '' while it can. */
function endingOf(state: Conductor['status']['state']): string {
  if (state === 'over') return 'it is over';
  return state === 'writing the last checkpoint' ? 'it is ending' : '';
}

function drain({ conductor, isLocal }: ControlsOptions, wanted: string, by: string): ControlReply {
  const { workers } = conductor.status;
  const named = workers.filter(({ name, workerId }) => name === wanted || workerId === wanted);
  const shown = printable(wanted, maxNameLength);
  if (named.length === 0) {
    const known = workers.map(({ name }) => name).join(', ') || 'none is here';
    return refused(`there is no worker ${shown}; known: ${known}`);
  }
  if (named.length > 1) {
    const ids = named.map(({ workerId }) => workerId).join(', ');
    return refused(`${named.length} workers are called ${shown}: name one by its id (${ids})`);
  }
  const [{ name, workerId, state }] = named as [(typeof named)[number]];
  if (state === 'leaving') return done(`${name} is leaving already`);
  conductor.feed({ type: 'drain-requested', workerId, by });
  const stays = isLocal(name)
    ? `${name} hands over what it has finished and leaves; it is not started again before the run is`
    : `${name} hands over what it has finished and leaves`;
  const isLast = !conductor.status.workers.some((worker) => worker.state !== 'leaving');
  return done(isLast ? `${stays}; it is the last one, so the run waits until another joins` : stays);
}

function setLearningRate(
  { conductor, interventions, now = () => new Date() }: ControlsOptions,
  rate: number,
  by: string,
): ControlReply {
  if (!Number.isFinite(rate) || rate <= 0 || rate > maxLearningRate) {
    return refused(`a learning rate is a number above 0 and at most ${maxLearningRate}, not ${rate}`);
  }
  const { next } = conductor;
  if (next === null) return refused('no step is left that a new learning rate could count for');
  const { step, learningRate: previousRate } = next;
  const intervention: Intervention = { step, learningRate: rate, previousRate, at: now().toISOString(), by };
  const dropped = interventions.all.filter(
    (planned) => planned.step > step && planned.learningRate !== undefined,
  );
  try {
    // Nothing else happens in between, so the step can't begin before the core knows.
    interventions.add(intervention);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return refused(`the learning rate stays: ${error.message}`);
  }
  conductor.feed({ type: 'learning-rate', intervention });
  const given = dropped.map((planned) => planned.step).join(', ');
  const instead = given === '' ? '' : `; what was planned for step ${given} is given up`;
  return done(`the learning rate is ${rate} from step ${step} on (${previousRate} before)${instead}`);
}
