/**
 * `pnpm bench:nats`: a step's exchange through the broker with nothing computed, in turns with what the broker alone moves
 * between bare sockets (raw-broker/step.ts): as many clients and bytes, and nothing done with them. Beside the times, the
 * processor time that coordinator, broker and workers take for each GB, which says more on a machine that is not idle.
 */

import { loadConfig } from '@unet-fleet/config/load';
import { describeModel, modelOf } from '@unet-fleet/law';
import { parseArgs } from '../tools/arguments.ts';
import type { ProcessorSeconds } from './processor-time.ts';
import { rawSteps } from './raw-broker/step.ts';
import { median, numberText, spreadOf, spreadText } from './spread.ts';
import { exchangeStep, numClasses } from './stand-in/exchange-step.ts';

const usage = `Usage: pnpm bench:nats [options]
  --workers <n>        (default 2)
  --base-width <n>     width of the U-Net (default 64)
  --steps <n>          of each measurement, the first two for warming up (default 10)
  --rounds <n>         turns (default 5)
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    'base-width': { type: 'string', default: '64' },
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

interface Round {
  /** The step without the optimizer: gradients there, weights back, and what coordinator and workers say to each other. */
  exchangeMs: number;
  /** Over all nodes, which come at the same time. */
  reduceMs: number;
  fetchMs: number;
  /** Of the broker alone. */
  brokerReduceMs: number;
  brokerFetchMs: number;
  perGb: ProcessorSeconds;
}

const numWorkers = Number(values.workers);
const baseWidth = Number(values['base-width']);
const numSteps = Number(values.steps);
const { model } = loadConfig({ flags: { images: '.', masks: '.', numClasses, baseWidth } });
const { numParameters } = describeModel(modelOf(model, { inChannels: 3, numClasses }));
/** Gradients there, and weights back. */
const numGb = (numWorkers * 2 * 4 * numParameters) / 1e9;

const rounds: Round[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  rounds.push(await measureRound());
  const { exchangeMs, brokerReduceMs, brokerFetchMs } = rounds.at(-1)!;
  process.stderr.write(
    `round ${round}: ${numberText(exchangeMs)} ms, the broker alone ${numberText(brokerReduceMs + brokerFetchMs)} ms\n`,
  );
}
report();

async function measureRound(): Promise<Round> {
  let ofStep: ProcessorSeconds = { coordinator: 0, broker: 0, workers: 0 };
  const { stepMs, timings } = await exchangeStep(
    { leafMs: 0, numWorkers, carrier: 'nats', baseWidth, numSteps, options: {} },
    (seconds) => {
      ofStep = seconds;
    },
  );
  const alone = await brokerAlone();
  return {
    exchangeMs: stepMs - timings.optimizeMs,
    reduceMs: timings.reduceMs,
    fetchMs: timings.fetchMs,
    brokerReduceMs: median(alone.reduceMs),
    brokerFetchMs: median(alone.fetchMs),
    perGb: {
      coordinator: ofStep.coordinator / numGb,
      broker: ofStep.broker / numGb,
      workers: ofStep.workers / numGb,
    },
  };
}

/**
 * Nothing holds the bare sockets back, so on a busy machine the broker may cut one off that does not keep up: then there is
 * nothing to compare with, and it is measured again.
 */
async function brokerAlone() {
  for (let numFailed = 0; ; numFailed++) {
    try {
      return await rawSteps(numWorkers, 4 * numParameters, numSteps);
    } catch (error) {
      if (numFailed === 2) throw error;
      process.stderr.write(`measured again: ${(error as Error).message}\n`);
    }
  }
}

function report(): void {
  if (values.json) {
    console.log(JSON.stringify({ numWorkers, numParameters, rounds }, null, 2));
    return;
  }
  const shown = (of: (round: Round) => number) => spreadText(spreadOf(rounds.map(of)));
  console.log(`${numWorkers} workers, ${numParameters} parameters, ${numberText(numGb)} GB a step
exchange           ${shown(({ exchangeMs }) => exchangeMs)} ms; the broker alone ${shown(({ brokerReduceMs, brokerFetchMs }) => brokerReduceMs + brokerFetchMs)}
reduce, summed     ${shown(({ reduceMs }) => reduceMs)} ms; the broker alone ${shown(({ brokerReduceMs }) => brokerReduceMs)}
broadcast          ${shown(({ fetchMs }) => fetchMs)} ms; the broker alone ${shown(({ brokerFetchMs }) => brokerFetchMs)}
of the broker's    ${shown((round) => (round.brokerReduceMs + round.brokerFetchMs) / round.exchangeMs)} of its speed
processor s/GB     coordinator ${shown(({ perGb }) => perGb.coordinator)}, broker ${shown(({ perGb }) => perGb.broker)}, workers ${shown(({ perGb }) => perGb.workers)}`);
}
