/** `unet-fleet predict`: segments photos with a trained model. */
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { listSome } from '@unet-fleet/dataset';
import { exitCodes } from '@unet-fleet/law';
import { type PredictionReport, predictPhotos } from '@unet-fleet/worker';
import { Command } from 'commander';
import { addConfigOptions, configFrom, type Selection } from '../config-options.ts';
import { withMaskFlags } from '../data-folders.ts';
import { type Io, printJson } from '../io.ts';
import { runDirOption } from '../run-folders.ts';
import { shown } from '../shown.ts';
import { taskBar } from '../terminal/run-terminal.ts';
import { createScreen, type Screen } from '../terminal/screen.ts';
import { checkpointOption, openTrainedRun, type TrainedRunFlags, withEngine } from '../trained-run.ts';

const selection: Selection = [
  'data.masks',
  'data.imageSuffix',
  'data.maskSuffix',
  'data.matVariable',
  'data.maskValues',
  'data.maskThreshold',
  'data.maxPixels',
  'engine.device',
  'engine.threads',
  'engine.precision',
];

interface PredictFlags extends TrainedRunFlags, Record<string, unknown> {
  out: string;
  masks?: string;
  maskValues?: string;
  maskThreshold?: string;
  json?: boolean;
}

export const predictCommand = (io: Io): Command =>
  addConfigOptions(
    new Command('predict')
      .argument('<photos...>', 'files, folders, or patterns such as "photos/*.jpg"')
      .addOption(runDirOption('the run whose model is used'))
      .addOption(checkpointOption())
      .option('--out <folder>', 'where the files go', 'predictions')
      .option('--json', 'print the files as JSON')
      .addHelpText(
        'after',
        '\nExamples:\n  npx unet-fleet predict holiday.jpg\n  npx unet-fleet predict photos --masks masks --out compared',
      ),
    selection,
  ).action(async (photos: string[], flags: PredictFlags) => {
    const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
    const { bug, ...report } = await predict(photos, flags, screen, io);
    if (flags.json) printJson(io, report);
    const { numPhotos, outputs, failures, photosWithoutMasks } = report;
    screen.print(`${outputs.length} predicted, in ${shown(resolve(io.cwd, flags.out), io)}`);
    if (photosWithoutMasks.length > 0) {
      const names = listSome(photosWithoutMasks.map((path) => basename(path)));
      screen.print(
        `${photosWithoutMasks.length} of ${numPhotos} photos have no mask in ${flags.masks} (${names})`,
        'yellow',
      );
    }
    for (const { path, reason } of failures) screen.print(`failed: ${path}: ${reason}`, 'red');
    if (bug !== null) throw bug;
    if (report.exitCode !== exitCodes.ok) process.exitCode = report.exitCode;
  });

export async function predict(
  photos: readonly string[],
  flags: PredictFlags,
  screen: Screen,
  io: Io,
): Promise<PredictionReport> {
  const warn = (message: string) => screen.print(`warning: ${message}`, 'yellow');
  const { model: trainedModel, config: trained } = openTrainedRun(flags, io, warn);
  const base = [{ name: 'the config of the run', values: trained }];
  const config = withMaskFlags(configFrom(flags, selection, io, base), flags);
  // The run's own masks would be shown beside any photo of the same name.
  const masks = flags.masks === undefined ? '' : config.data.masks;
  const { imageSuffix, maskSuffix, maxPixels, matVariable, maskValues, maskThreshold } = config.data;
  const data = { ...trainedModel.data, matVariable, maskValues, maskThreshold };
  const model = { ...trainedModel, data };
  const threads = flags.threads === undefined ? availableParallelism() : config.engine.threads;
  const { device, precision } = config.engine;
  const choice = { device, precision, intraOpThreads: threads };
  const bar = taskBar(screen, 'predict', 'photos', io.now);
  const inputs = photos.map((photo) => resolve(io.cwd, photo));
  const out = resolve(io.cwd, flags.out);
  try {
    return await withEngine(model, choice, (engine) =>
      predictPhotos(model, engine, inputs, out, { masks, imageSuffix, maskSuffix, maxPixels }, bar.report),
    );
  } finally {
    bar.end();
  }
}
