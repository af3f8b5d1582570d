/** The figures of a run over several hosts, as tables for a person or as JSON for a program. */
import type { Undisturbed } from '../chaos/undisturbed.ts';
import type { HostsOutcome, Links } from './run-on-hosts.ts';

interface Printed {
  reference: Undisturbed;
  wire: { delayMs: number; loss: number };
  outcome: HostsOutcome;
  asJson: boolean;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 3 : 1);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function printReport({ reference, wire, outcome, asJson }: Printed): void {
  const isSame = outcome.weightsSha256 === reference.weightsSha256;
  if (asJson) {
    console.log(JSON.stringify({ isSame, wire, reference, ...outcome }, null, 2));
    return;
  }
  const frames = Object.values(outcome.frames);
  const sum = (key: 'forwarded' | 'lost') => frames.reduce((total, of) => total + of[key], 0);
  const share = (100 * sum('lost')) / (sum('lost') + sum('forwarded'));
  console.log(
    `\n${outcome.numSteps} steps in ${seconds(outcome.durationMs)}; from host to host ${2 * wire.delayMs} ms each way; ` +
      `${sum('lost')} of ${sum('lost') + sum('forwarded')} frames lost (${share.toFixed(2)} % a cable)`,
  );
  const hosts = Object.keys(outcome.all);
  console.log(`\nMB sent / received${hosts.map((host) => host.padStart(20)).join('')}`);
  row('until step 1', outcome.begin);
  row('a step, epoch 1', outcome.firstEpochStep);
  row('a later step', outcome.laterStep);
  row('in all', outcome.all);
  console.log(`\na later step takes ${seconds(outcome.laterStepMs)}`);
  console.log('\nunplugged             for    steps meanwhile    whole again after');
  for (const { host, seconds: length, numSteps, recoveryMs } of outcome.outages) {
    console.log(
      `${host.padEnd(16)}${`${length} s`.padStart(9)}${String(numSteps).padStart(19)}${seconds(recoveryMs).padStart(21)}`,
    );
  }
  console.log(
    isSame
      ? `\nthe weights are those of one machine: ${outcome.weightsSha256}`
      : `\nFAILED: weights ${outcome.weightsSha256}, on one machine ${reference.weightsSha256}`,
  );
}

function row(name: string, links: Links): void {
  const cells = Object.values(links).map(({ sentBytes, receivedBytes }) => {
    return `${megabytes(sentBytes)} / ${megabytes(receivedBytes)}`.padStart(20);
  });
  console.log(`${name.padEnd(18)}${cells.join('')}`);
}
