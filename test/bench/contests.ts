/** What `pnpm bench` measures in turns: ours, and the same by a yardstick. */
import { fileURLToPath } from 'node:url';
import type { StepTimings } from '@unet-fleet/law';
import { measure } from './measure.ts';
import type { TrainingPreset } from './presets.ts';
import { runShell } from './processes.ts';
import { pytorch, type YardstickAnswer } from './pytorch.ts';
import { exchangeStep } from './stand-in/exchange-step.ts';

export type Unit = 'images/s' | 'ms';

/** One turn of one side. */
export interface Turn {
  figures: { name: string; unit: Unit; value: number }[];
  /** Of one process, the highest; null where it is not known. */
  peakMb: number | null;
  /** Of a step of ours. */
  step?: { stepMs: number; timings: StepTimings };
  libraries?: Record<string, string>;
}

export interface Contest {
  name: string;
  about: string;
  ours(): Promise<Turn>;
  yardstick: (() => Promise<Turn>) | null;
}

/** Options of the run's config beside the preset's, such as precision=bf16. */
export type RunOptions = Readonly<Record<string, string>>;

/** What was measured, whatever the preset's name promises. */
function workloadText({
  baseWidth,
  width,
  height,
  batchSize,
  numClasses,
  numWorkers,
  threads,
}: TrainingPreset) {
  const who = `${numWorkers} ${numWorkers === 1 ? 'worker' : 'workers'} of ${threads || 'all'} threads`;
  return `base width ${baseWidth}, ${batchSize} x ${height}x${width} a step, ${numClasses} classes, ${who}`;
}

const imagesPerSecond = (value: number) => ({ name: 'step', unit: 'images/s' as const, value });
const ms = (name: string, value: unknown) => ({ name, unit: 'ms' as const, value: value as number });

/** `python`: one with torch; null for ours alone. `command`: a yardstick of somebody else's, which prints images_per_s. */
export function trainingContest(
  name: string,
  preset: TrainingPreset,
  options: RunOptions,
  { python, command }: { python: string | null; command: string | null },
): Contest {
  const { numWorkers, about: _, ...workload } = preset;
  const about = [workloadText(preset), ...Object.entries(options).map((option) => option.join(' '))].join(
    ', ',
  );
  const yardstick = async () =>
    command ? ofCommand(command) : trained(await trainWithPytorch(python!, preset, options));
  return {
    ...{ name, about, yardstick: command || python ? yardstick : null },
    async ours() {
      const { imagesPerSecond: value, peakWorkerMb, ...step } = await measure(workload, numWorkers, options);
      return { figures: [imagesPerSecond(value)], peakMb: peakWorkerMb, step };
    },
  };
}

function trainWithPytorch(
  python: string,
  preset: TrainingPreset,
  options: RunOptions,
): Promise<YardstickAnswer> {
  const { baseWidth, width, height, batchSize, numClasses, numSteps, threads, numWorkers } = preset;
  const args = [
    ...['--base', baseWidth, '--width', width, '--height', height, '--classes', numClasses],
    ...['--batch', Math.ceil(batchSize / numWorkers), '--steps', numSteps, '--threads', threads],
    ...(options.precision === 'bf16' ? ['--bf16'] : []),
  ];
  return pytorch(python, numWorkers > 1 ? 'ddp' : 'step', args, numWorkers);
}

const trained = ({ images_per_s, peak_mb, libraries }: YardstickAnswer): Turn => ({
  ...{ figures: [imagesPerSecond(images_per_s as number)], peakMb: peak_mb, libraries },
});

async function ofCommand(command: string): Promise<Turn> {
  const { lastLine, peakMb } = await runShell(command);
  return { figures: [imagesPerSecond(JSON.parse(lastLine).images_per_s)], peakMb };
}

/** Adding two gradients, and the optimizer: of memory's speed, one thread. */
export const kernelsContest = (numValues: number, python: string | null): Contest => ({
  ...{ name: 'kernels', about: `one thread, ${numValues} values` },
  async ours() {
    const script = fileURLToPath(new URL('./kernels.js', import.meta.url));
    const { lastLine } = await runShell(`${process.execPath} ${script} ${numValues}`);
    const { addMs, rmspropMs, peakMb } = JSON.parse(lastLine);
    return { figures: [ms('add', addMs), ms('add beside numpy', addMs), ms('RMSprop', rmspropMs)], peakMb };
  },
  yardstick:
    python === null
      ? null
      : async () => {
          const answer = await pytorch(python, 'kernels', ['--values', numValues, '--threads', 1]);
          const { torch_add_ms, numpy_add_ms, rmsprop_ms, peak_mb, libraries } = answer;
          const figures = [
            ms('add', torch_add_ms),
            ms('add beside numpy', numpy_add_ms),
            ms('RMSprop', rmsprop_ms),
          ];
          return { figures, peakMb: peak_mb, libraries };
        },
});

export interface ExchangeOptions {
  numWorkers: number;
  carrier: 'shared' | 'nats';
  baseWidth: number;
  numValues: number;
  options: RunOptions;
}

/** A step of which nothing is computed, beside an all_reduce and an optimizer step in every process. */
export function exchangeContest(exchange: ExchangeOptions, python: string | null): Contest {
  const { numWorkers, carrier, baseWidth, numValues, options } = exchange;
  const name = `exchange, ${numWorkers} workers, ${carrier}`;
  const about = `base width ${baseWidth}, nothing is computed; the yardstick has ${numValues} values`;
  return {
    ...{ name, about },
    async ours() {
      const standIn = { leafMs: 0, numWorkers, carrier, baseWidth, numSteps: 10, options };
      const { peakWorkerMb, ...step } = await exchangeStep(standIn);
      return { figures: [ms('step', step.stepMs)], peakMb: peakWorkerMb, step };
    },
    yardstick:
      python === null
        ? null
        : async () => {
            const args = ['--values', numValues, '--threads', 1, '--steps', 10];
            const { step_ms, peak_mb, libraries } = await pytorch(python, 'exchange', args, numWorkers);
            return { figures: [ms('step', step_ms)], peakMb: peak_mb, libraries };
          },
  };
}
