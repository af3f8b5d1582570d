/**
 * `pnpm bench`: how fast training steps, the kernels and the exchange are, each beside a yardstick that runs in turns with
 * it. Absolute times say little on a shared machine; the ratio of one round does, and how far rounds lie apart says how much.
 */
import { exitCodes, UserError } from '@unet-fleet/law';
import { tensorflowVersion } from '@unet-fleet/worker/engine/install-libraries';
import { version } from 'unet-fleet/version';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { type Played, reportAsJson, reportAsText } from './bench-report.ts';
import {
  type Contest,
  exchangeContest,
  kernelsContest,
  type RunOptions,
  trainingContest,
} from './contests.ts';
import { thisMachine } from './machine.ts';
import { defaultPresets, others, presetNames, type TrainingPreset, trainings } from './presets.ts';
import { numberText } from './spread.ts';

const about = { ...trainings, ...others };
const aboutOf = (name: string): string => {
  const preset: { about: string } | string = about[name as keyof typeof about];
  return typeof preset === 'string' ? preset : preset.about;
};
const usage = `Usage: pnpm bench [options]
  --preset <list>      what to measure (default ${defaultPresets.join(',')}):
${presetNames.map((name) => `                         ${name.padEnd(12)} ${aboutOf(name)}`).join('\n')}
  --python <python>    one with torch and numpy: the yardstick of every figure (test/bench/pytorch_reference.py)
  --rounds <n>         turns of ours and the yardstick (default 5)
  --set <name=value>   an option of the runs, such as precision=bf16, which PyTorch does as well; may be repeated
  --yardstick <cmd>    for training instead of --python: a command that prints a JSON line with images_per_s
  --json               print the figures as JSON
In place of what the presets for training say:
  --base-width <n>     width of the U-Net
  --size <WxH>         training size in pixels
  --batch-size <n>     images per step
  --classes <n>
  --steps <n>          steps of each measurement, the first two for warming up
  --threads <n>        of each worker; 0: all cores
  --workers <n>
For kernels and exchange:
  --values <n>         of the vectors of kernels, and of the yardstick of exchange (default 31041403)
  --carrier <name>     shared or nats (default shared)
${toolUsage}`;

const { values } = parseArgs({
  options: {
    preset: { type: 'string', default: defaultPresets.join(',') },
    python: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    set: { type: 'string', multiple: true, default: [] },
    yardstick: { type: 'string', default: '' },
    'base-width': { type: 'string' },
    size: { type: 'string' },
    'batch-size': { type: 'string' },
    classes: { type: 'string' },
    steps: { type: 'string' },
    threads: { type: 'string' },
    workers: { type: 'string' },
    values: { type: 'string', default: '31041403' },
    carrier: { type: 'string', default: 'shared' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** A whole number; null where the option is not given. */
function wholeNumber(
  name: 'base-width' | 'batch-size' | 'classes' | 'steps' | 'threads' | 'workers' | 'rounds' | 'values',
) {
  const text = values[name];
  if (text === undefined) return null;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new UserError(`--${name} takes a whole number, not ${text}`);
}

function sizeOf(text: string | undefined): { width?: number; height?: number } {
  if (text === undefined) return {};
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (!width || !height) throw new UserError(`--size takes WxH, such as 256x192, not ${text}`);
  return { width: Number(width), height: Number(height) };
}

/** The preset with what the options say in its place. */
function changed(preset: TrainingPreset): TrainingPreset {
  return {
    ...preset,
    ...sizeOf(values.size),
    baseWidth: wholeNumber('base-width') ?? preset.baseWidth,
    batchSize: wholeNumber('batch-size') ?? preset.batchSize,
    numClasses: wholeNumber('classes') ?? preset.numClasses,
    numSteps: wholeNumber('steps') ?? preset.numSteps,
    threads: wholeNumber('threads') ?? preset.threads,
    numWorkers: wholeNumber('workers') ?? preset.numWorkers,
  };
}

const optionsOf = (settings: readonly string[]): RunOptions =>
  Object.fromEntries(
    settings.map((setting) => {
      const [, name, value] = /^([a-zA-Z-]+)=(.*)$/.exec(setting) ?? [];
      if (!name) throw new UserError(`--set takes name=value, such as precision=bf16, not ${setting}`);
      return [name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()), value!];
    }),
  );

function contestOf(name: string): Contest {
  const python = values.python || null;
  const options = optionsOf(values.set);
  if (name in trainings) {
    const preset = changed(trainings[name as keyof typeof trainings]);
    return trainingContest(name, preset, options, { python, command: values.yardstick || null });
  }
  const numValues = wholeNumber('values')!;
  if (name === 'kernels') return kernelsContest(numValues, python);
  if (name !== 'exchange') throw new UserError(`there is no preset ${name}: ${presetNames.join(', ')}`);
  const { carrier } = values;
  if (carrier !== 'shared' && carrier !== 'nats') {
    throw new UserError(`--carrier takes shared or nats, not ${carrier}`);
  }
  const baseWidth = wholeNumber('base-width') ?? 64;
  const numWorkers = wholeNumber('workers') ?? 2;
  return exchangeContest({ numWorkers, carrier, baseWidth, numValues, options }, python);
}

/** Progress goes to stderr, so that the figures can be piped. */
function tell(round: number, who: string, { figures }: Played['ours'][number]): void {
  const shown = figures.map(({ name, unit, value }) => `${name} ${numberText(value)} ${unit}`);
  process.stderr.write(`round ${round}: ${who}  ${shown.join(', ')}\n`);
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(usage);
    return;
  }
  const played: Played[] = values.preset
    .split(',')
    .map((name) => ({ contest: contestOf(name), ours: [], yardstick: [] }));
  const numRounds = wholeNumber('rounds')!;
  await requireTools('bench', [], values);
  for (let round = 1; round <= numRounds; round++) {
    for (const { contest, ours, yardstick } of played) {
      if (contest.yardstick) {
        yardstick.push(await contest.yardstick());
        tell(round, `${contest.name}, yardstick`, yardstick.at(-1)!);
      }
      ours.push(await contest.ours());
      tell(round, contest.name, ours.at(-1)!);
    }
  }
  const theirs = played.flatMap(({ yardstick }) => yardstick).find(({ libraries }) => libraries)?.libraries;
  const machine = thisMachine({ 'unet-fleet': version, tensorflow: tensorflowVersion, ...theirs });
  if (values.json) console.log(JSON.stringify(reportAsJson(machine, numRounds, played), null, 2));
  else console.log(reportAsText(machine, numRounds, played));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = exitCodes.usage;
}
