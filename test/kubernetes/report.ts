/** The figures of the test, as tables for a person or as JSON for a program. */
import { median } from '../bench/spread.ts';
import type { Report } from './parts.ts';

export function printReport(report: Report, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify({ isGood: report.faults.length === 0, ...report }, null, 2));
    return;
  }
  const { acceptances, sample, reference, rounds, errors, faults, seed } = report;
  if (acceptances.length > 0) {
    const [numObjects, numPods] = [
      acceptances.reduce((sum, one) => sum + one.numObjects, 0),
      acceptances.reduce((sum, one) => sum + one.numPods, 0),
    ];
    console.log(
      `\nmanifests: ${acceptances.length} variants and overlays, ${numObjects} objects, ${numPods} pods bound`,
    );
  }
  if (sample) {
    console.log(
      `\nsample run: ${sample.reference.numSteps} steps, deployed to Complete in ${sample.seconds.toFixed(1)} s`,
    );
  }
  if (rounds.length > 0) printRounds(report);
  for (const { name, seconds, reason, message } of errors) {
    console.log(
      `\nconfig error ${name}: Failed after ${seconds.toFixed(1)} s (${reason}); the pod says: ${message}`,
    );
  }
  for (const fault of faults) console.log(`FAILED ${fault}`);
  if (faults.length === 0 && reference) {
    console.log(
      `\nevery run was Complete with the undisturbed run's weights ${reference.weightsSha256}; seed ${seed}`,
    );
  }
}

function printRounds({ rounds, seed }: Report): void {
  const struck = rounds.flatMap((round) => round.struck);
  const names = [...new Set(struck.map(({ name }) => name))].sort();
  console.log(
    `\n${'disturbance'.padEnd(24)}${'struck'.padStart(8)}   to the next new commit, median and longest`,
  );
  for (const name of names) {
    const own = struck.filter((one) => one.name === name);
    const times = own.flatMap(({ recoveryMs }) => (recoveryMs === null ? [] : [recoveryMs / 1000]));
    const shown =
      times.length > 0 ? [median(times), Math.max(...times)].map((s) => `${s.toFixed(1).padStart(8)} s`) : [];
    console.log(`${name.padEnd(24)}${String(own.length).padStart(8)}   ${shown.join('')}`);
  }
  console.log(`${'all'.padEnd(24)}${String(struck.length).padStart(8)}`);
  for (const { first, second, ms, end } of rounds.flatMap(({ overlaps }) => overlaps)) {
    console.log(
      `two at once: ${first} and ${second || 'none'} for ${(ms / 1000).toFixed(1)} s; the first ended ${end}`,
    );
  }
  const ends = new Map<string, number>();
  for (const [name, count] of rounds.flatMap((round) => Object.entries(round.ends))) {
    ends.set(name, (ends.get(name) ?? 0) + count);
  }
  const told = [...ends].map(([name, count]) => `${name}: ${count}`).sort();
  console.log(`ends of pods: ${told.join(', ')}`);
  const sum = (of: (round: Report['rounds'][number]) => number) =>
    rounds.reduce((all, one) => all + of(one), 0);
  console.log(
    `${rounds.length} runs, ${sum(({ numSteps }) => numSteps)} steps, ${sum(({ numRedone }) => numRedone)} of them made again, ` +
      `in ${(sum(({ seconds }) => seconds) / 60).toFixed(1)} min; seed ${seed}`,
  );
}
