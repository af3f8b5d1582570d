/** The figures of a chaos run, as a table for a person or as JSON for a program. */
import { median } from '../bench/spread.ts';
import type { ChaosReport } from './chaos.ts';
import type { Undisturbed } from './undisturbed.ts';

interface Printed {
  seed: number;
  reference: Undisturbed;
  report: ChaosReport;
  asJson: boolean;
}

export function printReport({ seed, reference, report, asJson }: Printed): void {
  const { recoveryMs, ...rest } = report;
  const recoveries = Object.fromEntries(
    Object.entries(recoveryMs).map(([name, times]) => [
      name,
      { num: times.length, medianMs: median(times), maxMs: Math.max(...times) },
    ]),
  );
  const isSame = report.failures.length === 0;
  if (asJson) {
    console.log(JSON.stringify({ seed, isSame, reference, ...rest, recoveries }, null, 2));
    return;
  }
  console.log(`\n${'fault'.padEnd(36)}${'struck'.padStart(8)}   to the next new commit, median and longest`);
  for (const [name, count] of Object.entries(report.faults).sort()) {
    const recovery = recoveries[name];
    const times = recovery ? `${seconds(recovery.medianMs)}${seconds(recovery.maxMs)}` : '';
    console.log(`${name.padEnd(36)}${String(count).padStart(8)}   ${times}`);
  }
  console.log(`${'all'.padEnd(36)}${String(report.numFaults).padStart(8)}`);
  console.log(
    `\nends of processes: ${Object.entries(report.exits)
      .map(([how, count]) => `${how}: ${count}`)
      .sort()
      .join(', ')}`,
  );
  console.log(
    `${report.numRuns} runs, ${report.numSteps} steps, ${report.numRedone} of them made again, ` +
      `in ${(report.durationMs / 60_000).toFixed(1)} min; seed ${seed}`,
  );
  for (const failure of report.failures) console.log(`FAILED ${failure}`);
  if (isSame)
    console.log(`every run ended with the undisturbed run's files: weights ${reference.weightsSha256}`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2).padStart(9)} s`;
