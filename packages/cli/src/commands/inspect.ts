/** `unet-fleet inspect`: what is in the data, as a table and a contact sheet. Trains nothing, changes nothing. */
import { dirname, resolve } from 'node:path';
import { fitOptions } from '@unet-fleet/coordinator/shell/fit-options';
import { memoryLack, type TrainingCost, trainingCost } from '@unet-fleet/coordinator/shell/training-cost';
import {
  datasetFrom,
  datasetTable,
  formatDatasetTable,
  loadSample,
  type Sample,
  type ScanReport,
  settledOf,
} from '@unet-fleet/dataset';
import {
  bytes,
  type Config,
  counted,
  type DataConfig,
  type ExitCode,
  exitCodes,
  ignoredLabel,
  UserError,
  whole,
} from '@unet-fleet/law';
import { contactSheet, toRgb } from '@unet-fleet/pictures';
import { explained, makeFolder, writeWhole } from '@unet-fleet/shared';
import { type Failure, failureOf } from '@unet-fleet/worker';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import {
  addConfigFile,
  addConfigOptions,
  configFrom,
  requireFolders,
  type Selection,
} from '../config-options.ts';
import { withDataFolders } from '../data-folders.ts';
import { findMemory } from '../doctor-machine.ts';
import { type Io, printJson } from '../io.ts';
import { scanWithBar } from '../scan-with-bar.ts';
import { createScreen } from '../terminal/screen.ts';

/** Besides those of the data, the ones by which training would not begin, or which say what it takes. */
const selection: Selection = [
  'data',
  'model',
  'train.batchSize',
  'train.leafSize',
  'train.classWeights',
  'train.optimizer',
  'train.seed',
  'engine.precision',
];
/** Longer side that samples are loaded at for the sheet, in pixels: its pictures are smaller. */
const loadedSide = 480;

interface InspectFlags {
  out: string;
  photos: number;
  json?: boolean;
}

export const inspectCommand = (io: Io): Command =>
  addConfigOptions(
    addConfigFile(new Command('inspect'))
      .option('--out <file>', 'contact sheet to write (PNG)', 'contact-sheet.png')
      .option('--photos <n>', 'photos on the contact sheet', wholeArgument('--photos', 1, 200), 12)
      .option('--json', 'print all of it as one JSON object')
      .addHelpText(
        'after',
        '\nExample:\n  npx unet-fleet inspect --images photos --masks masks --class-names classes.txt' +
          '\n\nThe exit code is that with which training would begin (0) or end, given the same options.',
      ),
    selection,
  ).action(async (flags: InspectFlags) => {
    await inspect(configFrom({ ...flags }, selection, io), flags, io);
  });

export async function inspect(wanted: Config, flags: InspectFlags, io: Io): Promise<void> {
  requireFolders(wanted);
  const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
  const config = await withDataFolders(wanted, screen, io);
  const report = await scanWithBar(config, screen, io);
  const table = datasetTable(report);
  const { exitCode, ...training } = whatTrainingWouldSay(report, config);
  if (exitCode !== exitCodes.ok) process.exitCode = exitCode;
  if (!flags.json) screen.print(formatDatasetTable(table));
  if (training.stop !== null) screen.print(`training would stop: ${training.stop}`, 'yellow');
  if (training.cost !== null) {
    for (const line of costLines(training.cost)) screen.print(line);
    const lack = memoryLack(training.cost, 1, findMemory().availableBytes);
    if (lack) screen.print(`training would warn: ${lack}`, 'yellow');
  }
  for (const note of training.notes) screen.print(`note: ${note}`);
  for (const warning of training.warnings) screen.print(`training would warn: ${warning}`, 'yellow');
  const sheet = report.samples.length > 0 ? resolve(io.cwd, flags.out) : null;
  const writing = sheet ? writeContactSheet(sheet, report, config, flags.photos) : Promise.resolve([]);
  const { failures, fault } = await writing.then(
    (failures) => ({ failures, fault: null }),
    (fault: unknown) => ({ failures: [], fault: sheet === null ? fault : unwritable(sheet, fault) }),
  );
  for (const { path, reason } of failures) screen.print(`not on the sheet: ${path}: ${reason}`, 'yellow');
  // What was asked is answered, also where the picture of it has no place.
  if (flags.json) printJson(io, { ...table, training, contactSheet: fault === null ? sheet : null });
  else if (sheet && fault === null) screen.print(`contact sheet: ${sheet}`);
  if (fault !== null) throw fault;
}

const unwritable = (sheet: string, error: unknown): unknown =>
  explained(error, {
    what: 'the contact sheet',
    path: sheet,
    instead: 'or name another file with --out',
  });

/** What a model is and what its training takes, for a person. */
export function costLines(cost: TrainingCost): string[] {
  const { model, leaf, numParameters, multiplyAddsPerPhoto } = cost;
  const photos = `${counted(leaf.numImages, 'photo')} of ${leaf.width}x${leaf.height}`;
  const billions = multiplyAddsPerPhoto / 1e9;
  const work = billions < 10 ? billions.toFixed(1) : whole(Math.round(billions));
  return [
    `${model}: ${whole(numParameters)} parameters, ${work} billion multiply-adds to train on a photo`,
    `a worker: about ${bytes(cost.workerBytes)} for a leaf of ${photos}, of which ${bytes(cost.mapBytes)} are maps and ${bytes(cost.weightBytes)} weights; the coordinator: ${bytes(cost.optimizerBytes)} of the optimizer's state`,
  ];
}

interface TrainingAnswer {
  /** Why training would stop before its first step; null where it would start. */
  stop: string | null;
  /** How the data is taken, where that is no plain case. */
  notes: string[];
  warnings: string[];
  /** Null where training would stop. */
  cost: TrainingCost | null;
  /** With which training would end then. */
  exitCode: ExitCode;
}

function whatTrainingWouldSay(report: ScanReport, config: Config): TrainingAnswer {
  const { notes } = report;
  let warnings: string[] = [];
  try {
    const dataset = datasetFrom(report, config.data);
    warnings = dataset.warnings;
    fitOptions(config, dataset);
    const cost = trainingCost(config, dataset);
    return { stop: null, notes, warnings, cost, exitCode: exitCodes.ok };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { stop: error.message, notes, warnings, cost: null, exitCode: error.exitCode };
  }
}

/** `count` of the items, spread evenly over their order. */
export const spread = <T>(items: readonly T[], count: number): T[] =>
  Array.from(
    { length: Math.min(count, items.length) },
    (_, index) => items[Math.floor(((index + 0.5) * items.length) / Math.min(count, items.length))]!,
  );

/** Writes the sheet without the photos that can't be loaded any more, which it gives back. */
async function writeContactSheet(
  path: string,
  report: ScanReport,
  { data }: Config,
  count: number,
): Promise<Failure[]> {
  const settled = { ...data, ...settledOf(report) };
  // Where there is no one range yet, each photo is shown in that of its type; grey photos may be shown in colour.
  const options: DataConfig = {
    ...settled,
    valueRange: settled.valueRange === 'auto' ? 'type' : settled.valueRange,
    channels: data.channels === 4 ? 4 : 3,
  };
  const failures: Failure[] = [];
  const shown = spread(report.samples, count);
  const loaded = await Promise.all(
    shown
      .map(async (sample) => {
        const { width, height, pixels, channels, labels } = await loadSample(options, sample, within(sample));
        const photo = toRgb(pixels, width, height, channels);
        return { id: sample.id, photo, mask: { width, height, labels } };
      })
      .map((loading, i) =>
        loading.catch((error: unknown) => {
          const failure = failureOf((shown[i] as Sample).photo, error);
          if (failure === null) throw error;
          failures.push(failure);
          return null;
        }),
      ),
  );
  const samples = loaded.filter((sample) => sample !== null);
  const title = `${samples.length} of ${report.samples.length} photos with their masks`;
  const png = await contactSheet(title, samples, {
    classNames: report.classNames,
    ignoreIndex: ignoredLabel(settled),
  });
  makeFolder(dirname(path));
  await writeWhole(path, png);
  return failures;
}

function within({ width, height }: Sample): { width: number; height: number } {
  const scale = Math.min(1, loadedSide / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
