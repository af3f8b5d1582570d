/**
 * `unet-fleet quickstart`: what a newcomer runs first. From an empty machine to pictures, by the same functions that
 * the other commands call.
 */
import { join, resolve } from 'node:path';
import { exitCodes, shareText } from '@unet-fleet/law';
import { formatEvaluation } from '@unet-fleet/worker';
import { Command } from 'commander';
import { configFrom } from '../config-options.ts';
import type { Io } from '../io.ts';
import { sampleFlags, sampleSet } from '../sample-recipe.ts';
import { shown } from '../shown.ts';
import { goOnWithoutTerminal } from '../streams/go-on.ts';
import { duration, facts } from '../terminal/format.ts';
import { installProgress } from '../terminal/install-progress.ts';
import { createScreen } from '../terminal/screen.ts';
import { program, quoted, unwrapped } from '../terminal/summary.ts';
import { evaluate } from './evaluate.ts';
import { predict } from './predict.ts';
import { makeSample } from './sample.ts';
import { runSetup } from './setup.ts';
import { run } from './train.ts';

export const quickstartCommand = (io: Io): Command => new Command('quickstart').action(() => quickstart(io));

async function quickstart(io: Io): Promise<void> {
  goOnWithoutTerminal(io.stdout, io.stderr);
  const startedAtMs = io.now();
  const screen = createScreen(io.stdout, io.env);
  const title = (text: string) => screen.print(`\n${text}`, 'bold');

  title('1/5 Set up: TensorFlow and the broker');
  await runSetup({ gpu: 'auto', env: io.env }, installProgress(io));

  title('2/5 Sample data');
  const sample = await makeSample(resolve(io.cwd, 'sample'), sampleSet, screen, io);
  const paths = { images: sample.images, masks: sample.masks, classNames: sample.classNames };

  title('3/5 Train: a coordinator and two workers over NATS');
  const flags = { ...sampleFlags, ...paths };
  const config = configFrom(flags, ['data', 'model', 'train', 'engine', 'run'], { ...io, env: {} });
  const { outcome } = await run('train', config, {}, io);
  if (outcome.reason === 'stopped') {
    process.exitCode = exitCodes.leftOnRequest;
    return;
  }

  title('4/5 Evaluate on the photos that were kept for validation');
  // One process, so one engine: evaluation and prediction compute with the threads that training had.
  const runFlags = { runDir: outcome.runDir, checkpoint: 'best', threads: sampleFlags.threads };
  const { report, files, samples } = await evaluate(runFlags, screen, io);
  screen.print(formatEvaluation(report));

  title('5/5 Predict the same photos');
  const photos = samples.map(({ photo }) => join(sample.images, photo));
  const out = join(outcome.runDir, 'predictions');
  const { outputs } = await predict(photos, { ...runFlags, out, masks: sample.masks }, screen, io);

  title(
    `Done in ${duration(io.now() - startedAtMs)}, mean IoU ${shareText(report.metrics.meanIou)}. Look at:`,
  );
  const looks: [string, string][] = [
    ['photo, truth, prediction', outputs[0]!.figure],
    ['overlay', outputs[0]!.overlay],
    ['curves', join(outcome.runDir, 'curves.png')],
    ['confusion matrix', files.picture],
  ];
  for (const line of facts(
    looks.map(([label, path]) => [label, shown(path, io)]),
    screen.columns,
  )) {
    screen.print(line);
  }
  title('Next:');
  const folders = `--images ${quoted(shown(sample.images, io))} --masks ${quoted(shown(sample.masks, io))}`;
  const commands: [string, string][] = [
    ['see the run', `${program} dashboard ${quoted(shown(outcome.runDir, io))}`],
    ['see the data', `${program} inspect ${folders} --class-names ${quoted(shown(sample.classNames, io))}`],
    [
      'your photos',
      `${program} train --images PHOTOS --masks MASKS --size 256x192 --batch-size 4 --workers 2 --threads 1`,
    ],
    ['use the model', `${program} predict PHOTO-OR-FOLDER --run-dir ${quoted(shown(outcome.runDir, io))}`],
    ['all options', `${program} train --help`],
  ];
  for (const line of facts(commands, unwrapped)) screen.print(line);
}
