/**
 * PyTorch's SequentialLR([LinearLR(start_factor = 1 / (W + 1), total_iters = W), CosineAnnealingLR(T_max = N - W,
 * eta_min)], milestones = [W]), stepped at every optimizer update: on version v of the weights W warm-up steps at
 * rate * (v + 1) / (W + 1), then half a cosine from `rate` on version W to `finalRate` on version N, the run's last.
 */
import { real, whole } from '../config/option-kinds.ts';
import { UserError } from '../errors.ts';
import { cosineOfFraction } from './exact-cosine.ts';
import { defineSchedule } from './rule.ts';

export const cosine = defineSchedule({
  options: {
    warmupSteps: {
      doc: 'steps over which the rate rises linearly from 0',
      ...whole(0, 1e9, 'steps'),
      default: 0,
    },
    finalLearningRate: {
      doc: 'rate that the cosine ends at',
      ...real(0, 100),
      default: 0,
    },
  },
  fields: { finalRate: 'number', numWarmupSteps: 'count', numSteps: 'count' },
  rateByHand: 'scales',
  check({ learningRate, finalLearningRate }) {
    if (finalLearningRate <= learningRate) return;
    throw new UserError(
      `--final-learning-rate ${finalLearningRate} is above --learning-rate ${learningRate}: the cosine falls, so give at most ${learningRate}`,
    );
  },
  begin({ learningRate, epochs, warmupSteps, finalLearningRate }, numStepsPerEpoch) {
    const numSteps = epochs * numStepsPerEpoch;
    assertWarmUpEnds(warmupSteps, numSteps);
    return { rate: learningRate, finalRate: finalLearningRate, numWarmupSteps: warmupSteps, numSteps };
  },
  rateAt({ rate, finalRate, numWarmupSteps, numSteps }, version) {
    if (version < numWarmupSteps) return (rate * (version + 1)) / (numWarmupSteps + 1);
    const fraction = Math.min(1, (version - numWarmupSteps) / (numSteps - numWarmupSteps));
    return finalRate + ((rate - finalRate) * (1 + cosineOfFraction(fraction))) / 2;
  },
  /**
   * From then on the course of a run of so many epochs:
   *
   *   rate(v) = final + (rate - final) * (1 + cos(pi * (v - W) / (N - W))) / 2
   *
   * with W warm-up steps and N steps now, scaled as it was where somebody had set the rate.
   */
  withOptions(state, { epochs }, numStepsPerEpoch) {
    const numSteps = epochs === undefined ? state.numSteps : epochs * numStepsPerEpoch;
    assertWarmUpEnds(state.numWarmupSteps, numSteps);
    return { ...state, numSteps };
  },
});

function assertWarmUpEnds(numWarmupSteps: number, numSteps: number): void {
  if (numWarmupSteps < numSteps) return;
  throw new UserError(
    `The warm-up of ${numWarmupSteps} steps must be shorter than the run, which has ${numSteps} steps: lower warmupSteps or raise epochs.`,
  );
}
