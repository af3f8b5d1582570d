/**
 * `pnpm simulate:crowd`: what the size of a fleet costs the coordinator's main thread, with 125 to 1,000 workers in virtual
 * time. Exit code 1 where a run does not end as it must, or where its core takes more than the time that a step of a fleet
 * may cost.
 */
import { parseArgs } from '../../tools/arguments.ts';
import { type FleetOptions, runFleet } from './fleet.ts';
import { type Tally, total } from './tally.ts';

const help = `pnpm simulate:crowd [options]
  --workers <list>     fleet sizes (default 125,250,500,1000)
  --leaves <n>         leaves of each worker in a step (default 1)
  --steps <n>          (default 20)
  --seed <n>           of delays and times (default 1)
  --most-ms <n>        of the core for a step, which fails the command where it is more; 0: any (default 0)
  --json               figures as JSON`;

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '125,250,500,1000' },
    leaves: { type: 'string', default: '1' },
    steps: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    'most-ms': { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const results: ReturnType<typeof figuresOf>[] = [];
for (const numWorkers of values.workers.split(',').map(Number)) {
  const options: FleetOptions = {
    numWorkers,
    numSteps: Number(values.steps),
    leavesPerWorker: Number(values.leaves),
    seed: Number(values.seed),
  };
  const [startMs, startCpu, startBytes] = [
    performance.now(),
    process.cpuUsage(),
    process.memoryUsage().heapUsed,
  ];
  const tally = await runFleet(options);
  const { user, system } = process.cpuUsage(startCpu);
  // Of a machine that others use as well: what the clock says of a part, less the time that others had.
  const share = Math.min(1, (user + system) / 1_000 / (performance.now() - startMs));
  const heapBytes = process.memoryUsage().heapUsed - startBytes;
  results.push({ ...figuresOf(options, tally, share), heapBytes });
  if (!values.json) say(results.at(-1)!);
}
if (values.json) console.log(JSON.stringify(results, null, 2));
const mostMs = Number(values['most-ms']);
const slow = results.filter(({ coreMs }) => mostMs > 0 && coreMs > mostMs);
for (const { numWorkers, coreMs } of slow) {
  console.error(`${numWorkers} workers: the core takes ${coreMs.toFixed(1)} ms a step, more than ${mostMs}`);
}
process.exitCode = slow.length > 0 ? 1 : 0;

/** Per step. */
function figuresOf({ numWorkers, numSteps }: FleetOptions, tally: Tally, share: number) {
  const { core, coding, messagesUp, messagesDown } = tally;
  const [up, down] = [total(messagesUp), total(messagesDown)];
  return {
    numWorkers,
    numSteps,
    heapBytes: 0,
    virtualMs: tally.virtualMs / numSteps,
    numEvents: core.count / numSteps,
    microsecondsOfEvent: (1_000 * share * core.ms) / core.count,
    coreMs: (share * core.ms) / numSteps,
    codingMs: (share * coding.ms) / numSteps,
    numMessagesUp: up.count / numSteps,
    numMessagesDown: down.count / numSteps,
    numDeliveries: tally.numDelivered / numSteps,
    bytesUp: up.bytes / numSteps,
    bytesDown: down.bytes / numSteps,
    decisions: Array.from(tally.decisions, ([type, { count, ms }]) => ({
      ...{ type, count: count / numSteps, microseconds: (1_000 * share * ms) / count },
    })).toSorted((a, b) => b.count * b.microseconds - a.count * a.microseconds),
  };
}

function say(figures: ReturnType<typeof figuresOf>): void {
  const { numWorkers, numEvents, microsecondsOfEvent, coreMs, codingMs, numMessagesUp, numMessagesDown } =
    figures;
  const { heapBytes, decisions } = figures;
  console.log(
    `${`${numWorkers}`.padStart(5)} workers, a step: ${numEvents.toFixed(0)} events of ${microsecondsOfEvent.toFixed(1)} µs, ` +
      `core ${coreMs.toFixed(1)} ms, coding ${codingMs.toFixed(1)} ms; ${numMessagesUp.toFixed(0)} messages up, ` +
      `${numMessagesDown.toFixed(0)} down; heap of the fleet ${(heapBytes / 2 ** 20).toFixed(0)} MiB`,
  );
  for (const { type, count, microseconds } of decisions.slice(0, 4)) {
    console.log(`        ${type.padEnd(16)} ${count.toFixed(0)} of ${microseconds.toFixed(1)} µs`);
  }
}
