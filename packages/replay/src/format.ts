/** A replay's report in sentences. */
import { counted } from '@unet-fleet/law';
import type { AnswerDifference, FirstPassDifference, LeafDifference, StepComparison } from './compare.ts';
import type { ReplayReport } from './replay.ts';

/** One line each; the first is the verdict. */
export function formatReplay({ step, steps, isSame, beganAfterStep, checkpoint }: ReplayReport): string[] {
  const from =
    checkpoint === null ? 'the weights that the run began with' : `the checkpoint of step ${beganAfterStep}`;
  const last = steps.at(-1)!;
  if (isSame) {
    const numOthers = steps.length - 1;
    const others =
      numOthers > 0 ? `, and so ${numOthers === 1 ? 'is' : 'are'} the ${numOthers} before it` : '';
    return [
      `step ${step} is as the ledger says${others}`,
      `  ${counted(last.numAnswers, 'answer')} of ${last.workers.join(', ')}; recomputed from ${from}`,
      `  gradient ${last.gradientSha256.recomputed}`,
    ];
  }
  const lines = [
    `step ${last.step} differs from the ledger`,
    ...reasonsOf(last).map((reason) => `  ${reason}`),
  ];
  if (last.step < step) {
    lines.push(
      `  step ${step} was not reached: from step ${last.step} on the run had other weights than this replay from ${from}`,
    );
  }
  return lines;
}

function reasonsOf(comparison: StepComparison): string[] {
  const { answers, firstPass, hasOtherSamples, unexplained, gradientSha256 } = comparison;
  const reasons = [...(firstPass ? firstPassReasons(firstPass) : []), ...answers.flatMap(answerReasons)];
  if (hasOtherSamples) reasons.push('its leaves held other samples than the plan gives them');
  if (unexplained) reasons.push(unexplainedReason(unexplained.suspects));
  if (gradientSha256.inLedger !== gradientSha256.recomputed) {
    reasons.push(`gradient ${gradientSha256.inLedger} in the ledger, ${gradientSha256.recomputed} here`);
  }
  return reasons;
}

function firstPassReasons({ answers }: FirstPassDifference): string[] {
  if (answers.length === 0)
    return [
      "no part of the sums over the batch differs, but they do: they were added wrongly on the coordinator's machine",
    ];
  return answers.map(
    ({ leaf, samples, worker, workerId }) =>
      `${worker} (${workerId}) delivered another part of the sums over the batch for leaf ${leaf} (${samples.join(', ')})`,
  );
}

const unexplainedReason = (suspects: string[]): string =>
  suspects.length === 0
    ? "no answer differs, but their sum does: it was added wrongly on the coordinator's machine"
    : `no answer with a hash differs: the difference came from ${suspects.join(' or ')}, whose answers were used in part`;

function answerReasons({ node, worker, workerId, alsoFrom, leaves, differing }: AnswerDifference): string[] {
  const name = `${node.level}:${node.index}`;
  if (leaves.length === 0)
    return [`${worker} (${workerId}) answered for node ${name}, which the step does not have`];
  const others = alsoFrom.length > 0 ? `, with parts from ${alsoFrom.join(', ')}` : '';
  const which = leaves.length === 1 ? `leaf ${leaves[0]}` : `leaves ${leaves[0]} to ${leaves.at(-1)}`;
  const head = `${worker} (${workerId}) delivered other numbers for ${which} (node ${name})${others}`;
  if (differing.length > 0) return [head, ...differing.map((leaf) => `  ${leafReason(leaf)}`)];
  return [`${head}: the gradient differs, the norms of its leaves do not`];
}

function leafReason({ leaf, samples, inLedger, recomputed }: LeafDifference): string {
  const of = `leaf ${leaf} (${samples.join(', ')})`;
  if (!inLedger) return `${of}: the ledger says nothing`;
  if (inLedger.isFinite !== recomputed.isFinite) {
    return `${of}: ${inLedger.isFinite ? 'finite' : 'not finite'} in the ledger, ${recomputed.isFinite ? 'finite' : 'not finite'} here`;
  }
  const figures = [
    ['loss', 'lossSum'],
    ['weight', 'weightSum'],
    ['gradient norm', 'gradientNorm'],
  ] as const;
  const differing = figures.filter(([, key]) => inLedger[key] !== recomputed[key]);
  return `${of}: ${differing.map(([name, key]) => `${name} ${inLedger[key]} in the ledger, ${recomputed[key]} here`).join('; ')}`;
}
