/** `unet-fleet evaluate`: scores a trained model on the validation photos of its run, or on others. */
import { join, resolve } from 'node:path';
import { classWeightsOf } from '@unet-fleet/coordinator/shell/fit-options';
import { type Dataset, datasetFrom, type Sample, samplesOf, settledOf } from '@unet-fleet/dataset';
import { type Config, exitCodes, leafSizeOf, UserError } from '@unet-fleet/law';
import { openRunFolder } from '@unet-fleet/record';
import {
  type EvaluationFiles,
  type EvaluationReport,
  evaluateModel,
  evaluationJson,
  formatEvaluation,
  writeEvaluation,
} from '@unet-fleet/worker';
import { Command, Option } from 'commander';
import { addConfigOptions, allBut, configFrom, type Selection } from '../config-options.ts';
import { tellOfData, withDataFolders, withMaskFlags } from '../data-folders.ts';
import { type Io, printJson } from '../io.ts';
import { addRunName } from '../run-folders.ts';
import { scanWithBar } from '../scan-with-bar.ts';
import { shown } from '../shown.ts';
import { facts } from '../terminal/format.ts';
import { taskBar } from '../terminal/run-terminal.ts';
import { createScreen, type Screen } from '../terminal/screen.ts';
import {
  checkpointOption,
  openTrainedRun,
  requireRunDir,
  type TrainedRun,
  type TrainedRunFlags,
  withEngine,
} from '../trained-run.ts';

/** The classes, and how photos come to the model, are those that it was trained with. */
const selection: Selection = [
  ...allBut('data', 'classNames', 'numClasses', 'size', 'scale', 'channels', 'validationShare'),
  'engine.device',
  'engine.threads',
  'engine.precision',
];

type Part = 'validation' | 'training' | 'all';

interface EvaluateFlags extends TrainedRunFlags, Record<string, unknown> {
  maskValues?: string;
  maskThreshold?: string;
  part?: Part;
  out?: string;
  json?: boolean;
}

export const evaluateCommand = (io: Io): Command =>
  addConfigOptions(
    addRunName(new Command('evaluate'))
      .addOption(checkpointOption())
      .addOption(
        new Option(
          '--part <part>',
          'photos to score, by the split of the run; default: validation, or all of other folders',
        ).choices(['validation', 'training', 'all']),
      )
      .option('--out <folder>', 'where the files go; default: evaluation in the run folder')
      .option('--json', 'print the scores as JSON')
      .addHelpText(
        'after',
        '\nExamples:\n  npx unet-fleet evaluate\n  npx unet-fleet evaluate runs/0001 --images test/photos --masks test/masks',
      ),
    selection,
  ).action(async (run: string | undefined, flags: EvaluateFlags) => {
    const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
    const { report, files } = await evaluate(flags, screen, io, run);
    if (flags.json) printJson(io, { ...evaluationJson(report), files });
    else screen.print(formatEvaluation(report));
    screen.print('');
    const named: [string, string][] = [
      ['scores', shown(files.json, io)],
      ['confusion matrix', shown(files.csv, io)],
      ['as a picture', shown(files.picture, io)],
    ];
    for (const line of facts(named, screen.columns)) screen.print(line);
    for (const { path, reason } of report.failures) screen.print(`not scored: ${path}: ${reason}`, 'red');
    if (report.bug !== null) throw report.bug;
    if (report.failures.length > 0) process.exitCode = exitCodes.usage;
  });

export interface Evaluation {
  report: EvaluationReport;
  files: EvaluationFiles;
  samples: Sample[];
  config: Config;
}

export async function evaluate(
  flags: EvaluateFlags,
  screen: Screen,
  io: Io,
  run?: string,
): Promise<Evaluation> {
  const warn = (message: string) => screen.print(`warning: ${message}`, 'yellow');
  const trained = openTrainedRun(flags, io, warn, run);
  const config = await withDataFolders(evaluationConfig(flags, trained, io), screen, io);
  const dataset = datasetFrom(await scanWithBar(config, screen, io), config.data);
  tellOfData(dataset, screen);
  const samples = chosenSamples(flags, trained, config, dataset);
  const data = { ...config.data, ...settledOf(dataset) };
  const model = { ...trained.model, data, classWeights: classWeightsFor(trained, dataset, warn) };
  const threads = flags.threads === undefined ? threadsOf(trained) : config.engine.threads;
  const { device, precision } = config.engine;
  const choice = { device, precision, intraOpThreads: threads };
  const bar = taskBar(screen, 'evaluate', 'photos', io.now);
  try {
    const report = await withEngine(model, choice, (engine) =>
      evaluateModel(model, engine, samples, { data, leafSize: leafSizeOf(config.train) }, bar.report),
    );
    const out = flags.out ? resolve(io.cwd, flags.out) : join(requireOut(trained), 'evaluation');
    return { report, files: await writeEvaluation(report, out), samples, config };
  } finally {
    bar.end();
  }
}

/** The run's config with other folders where they are given; the classes are those of the model. */
function evaluationConfig(flags: EvaluateFlags, { config, model }: TrainedRun, io: Io): Config {
  const base = [{ name: 'the config of the run', values: config }];
  const wanted = withMaskFlags(configFrom(flags, selection, io, base), flags);
  const data = { ...wanted.data, classNames: '', numClasses: model.model.numClasses };
  if (isSameFolders(data, config.data)) return { ...wanted, data };
  // The split of the run says nothing about other folders, all of which is scored unless a list is named here.
  const { trainList = '', valList = '' } = flags as Record<string, string | undefined>;
  const isListed = trainList !== '' || valList !== '';
  const split = flags.split === undefined && !isListed ? 'random' : data.split;
  return { ...wanted, data: { ...data, split, ...(isListed ? {} : { trainList: '', valList: '' }) } };
}

const isSameFolders = (a: Config['data'], b: Config['data']): boolean =>
  a.images === b.images && a.masks === b.masks;

function chosenSamples(
  flags: EvaluateFlags,
  trained: TrainedRun,
  { data }: Config,
  dataset: Dataset,
): Sample[] {
  const isOwn = isSameFolders(data, trained.config.data);
  const part = flags.part ?? (isOwn ? 'validation' : 'all');
  if (part === 'all') return dataset.samples;
  if (dataset.sha256 !== trained.dataSha256) {
    throw new UserError(
      `${data.images} and ${data.masks} do not hold the data that the run was made with, so its split says nothing about them: use --part all`,
    );
  }
  const { split } = openRunFolder(requireRunDir(trained));
  return samplesOf(dataset, part === 'validation' ? split.validation : split.train);
}

/** As in training; balanced ones come from the training data, which other folders are not. */
function classWeightsFor(
  { config, dataSha256 }: TrainedRun,
  dataset: Dataset,
  warn: (message: string) => void,
): number[] | null {
  if (config.train.classWeights !== 'balanced' || dataset.sha256 === dataSha256) {
    return classWeightsOf(config, dataset);
  }
  warn('the class weights were balanced on other data: the loss here is without them');
  return null;
}

/** The threads that training had, so that the scores are those that it saw. */
const threadsOf = (trained: TrainedRun): number =>
  trained.runDir ? openRunFolder(trained.runDir).record.engineThreads : trained.config.engine.threads || 1;

function requireOut({ runDir }: TrainedRun): string {
  if (runDir !== null) return runDir;
  throw new UserError('the checkpoint lies outside its run folder: say with --out where the files go');
}
