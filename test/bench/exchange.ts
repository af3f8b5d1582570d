/**
 * `pnpm bench:exchange`: what a step takes beside computing, as a fast accelerator would feel it. The real coordinator,
 * broker and worker processes exchange the gradients and weights of the full U-Net, and a stand-in takes the place of the
 * engine (stand-in/thread.ts): so efficiency is the time that a leaf takes, over the time of the whole step. The yardstick is
 * the same pretence in PyTorch (stand_in_ddp.py): buckets all-reduced by gloo while the pretended backward pass goes on.
 */
import { freemem } from 'node:os';
import { exitCodes, UserError } from '@unet-fleet/law';
import { version } from 'unet-fleet/version';
import { parseArgs } from '../tools/arguments.ts';
import {
  type Carrier,
  type Cell,
  cellText,
  exchangeAsJson,
  exchangeTable,
  named,
} from './exchange-report.ts';
import { thisMachine } from './machine.ts';
import { pretenceScript, runPython } from './pytorch.ts';
import { exchangeStep, numClasses } from './stand-in/exchange-step.ts';
import { neededBytes } from './stand-in/memory.ts';

const usage = `Usage: pnpm bench:exchange [options]
  --table              efficiency as a table, a row for each carrier, wire format and number of workers: 250, 100, 50
                       and 25 ms a leaf, 1, 2, 4 and 8 workers, unless the options below say which part of it
  --leaf-ms <list>     what a leaf takes, in ms (default 250,100,50,25); 0: nothing is pretended
  --workers <list>     worker counts (default 1,2,4; of the table 1,2,4,8)
  --carriers <list>    shared: shared memory of one host; nats: through the broker (default shared,nats)
  --wire <list>        wire formats: float32, bf16, int8 (default float32)
  --base-width <n>     width of the U-Net (default 64)
  --steps <n>          steps of each measurement, the first two for warming up (default 10)
  --rounds <n>         turns (default 5)
  --python <python>    one with torch, for the same pretence there; in bf16 beside bf16, else in float32
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    table: { type: 'boolean', default: false },
    'leaf-ms': { type: 'string', default: '250,100,50,25' },
    workers: { type: 'string' },
    carriers: { type: 'string', default: 'shared,nats' },
    wire: { type: 'string', default: 'float32' },
    'base-width': { type: 'string', default: '64' },
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '' },
    /** What --python was called before. */
    yardstick: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const python = values.python || values.yardstick;
const baseWidth = Number(values['base-width']);
const numSteps = Number(values.steps);

function numbersOf(name: 'leaf-ms' | 'workers' | 'rounds', text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (numbers.every((number) => Number.isFinite(number) && number >= 0)) return numbers;
  throw new UserError(`--${name} takes numbers, not ${text}`);
}

function carriersOf(text: string): Carrier[] {
  const carriers = text.split(',');
  const unknown = carriers.find((carrier) => carrier !== 'shared' && carrier !== 'nats');
  if (unknown !== undefined) throw new UserError(`--carriers takes shared and nats, not ${unknown}`);
  return carriers as Carrier[];
}

/** PyTorch's pretence knows no carrier, so there is one cell of it for all of them. */
function cells(): Cell[] {
  const workers = numbersOf('workers', values.workers ?? (values.table ? '1,2,4,8' : '1,2,4'));
  const wires = values.wire.split(',');
  const carriers: Cell['carrier'][] = [
    ...carriersOf(values.carriers),
    ...(python ? ['pytorch' as const] : []),
  ];
  return numbersOf('leaf-ms', values['leaf-ms']).flatMap((leafMs) =>
    workers.flatMap((numWorkers) =>
      wires.flatMap((wire) =>
        carriers.map((carrier) => ({ leafMs, numWorkers, carrier, wire, leftOut: null, steps: [] })),
      ),
    ),
  );
}

async function measureCell({ leafMs, numWorkers, carrier, wire, steps }: Cell): Promise<void> {
  if (carrier === 'pytorch') {
    const model = ['--base', baseWidth, '--classes', numClasses, '--steps', numSteps];
    const args = ['--leaf-ms', leafMs, ...model, ...(wire === 'bf16' ? ['--bf16'] : [])];
    const { step_ms, peak_mb } = await runPython(python, pretenceScript, args, numWorkers);
    steps.push({ stepMs: step_ms as number, timings: null, peakMb: peak_mb });
    return;
  }
  // A run's own default is left to it.
  const options: Record<string, string> = wire === 'float32' ? {} : { wire };
  const taken = await exchangeStep({ leafMs, numWorkers, carrier, baseWidth, numSteps, options });
  steps.push({ stepMs: taken.stepMs, timings: taken.timings, peakMb: taken.peakWorkerMb });
}

/** Half done, a measurement that swaps would say nothing, and end what else runs here. */
function leaveOutWhatDoesNotFit(all: readonly Cell[]): void {
  const freeBytes = freemem();
  for (const cell of all) {
    const needed = neededBytes(baseWidth, cell.numWorkers);
    if (needed <= freeBytes) continue;
    cell.leftOut = `about ${(needed / 1e9).toFixed(0)} GB of memory, of which ${(freeBytes / 1e9).toFixed(0)} are free`;
    process.stderr.write(
      `${named(cell)}  left out, needs ${cell.leftOut}: --base-width 32 needs a quarter\n`,
    );
  }
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(usage);
    return;
  }
  const all = cells();
  leaveOutWhatDoesNotFit(all);
  const [numRounds = 5] = numbersOf('rounds', values.rounds);
  for (let round = 1; round <= numRounds; round++) {
    for (const cell of all) {
      if (cell.leftOut !== null) continue;
      await measureCell(cell);
      process.stderr.write(
        `round ${round}: ${named(cell)}  step ${cell.steps.at(-1)!.stepMs.toFixed(0)} ms\n`,
      );
    }
  }
  const machine = thisMachine({ 'unet-fleet': version });
  const workload = { baseWidth, numClasses, numRounds };
  if (values.json) console.log(JSON.stringify(exchangeAsJson(machine, workload, all), null, 2));
  else if (values.table) console.log(exchangeTable(machine, workload, all));
  else for (const cell of all) console.log(cellText(cell));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`bench:exchange: ${error.message}\n`);
  process.exitCode = exitCodes.usage;
}
