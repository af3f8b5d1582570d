/** `unet-fleet sample`: writes the sample set, and never over files that it did not write itself. */
import { existsSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseSize } from '@unet-fleet/config';
import { generateSample, type SampleSet } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import { explained, isErrno, makeFolder } from '@unet-fleet/shared';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { type Io, printJson } from '../io.ts';
import { type SampleOptions, sampleSet } from '../sample-recipe.ts';
import { shown } from '../shown.ts';
import { taskBar } from '../terminal/run-terminal.ts';
import { createScreen, type Screen } from '../terminal/screen.ts';
import { program, quoted } from '../terminal/summary.ts';
import { version } from '../version.ts';

/** In the sample's folder: says that it is one, and which; written last, so that a folder with it is complete. */
const markerName = 'sample.json';

interface SampleFlags {
  out: string;
  photos: number;
  size: string;
  seed: number;
  json?: boolean;
}

export const sampleCommand = (io: Io): Command =>
  new Command('sample')
    .option('--out <folder>', 'folder to write', 'sample')
    .option('--photos <n>', 'photos to draw', wholeArgument('--photos', 2, 100_000), sampleSet.numImages)
    .option('--size <WIDTHxHEIGHT>', 'size of the photos in pixels', `${sampleSet.width}x${sampleSet.height}`)
    .option('--seed <n>', 'seed of the drawing', wholeArgument('--seed', 0, 0xffff_ffff), sampleSet.seed)
    .option('--json', 'print the folders as JSON')
    .action(async (flags: SampleFlags) => {
      const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
      const { width, height } = parseSize(flags.size) ?? sampleSet;
      const options = { numImages: flags.photos, width, height, seed: flags.seed };
      const set = await makeSample(resolve(io.cwd, flags.out), options, screen, io);
      if (flags.json) printJson(io, set);
      const paths = [
        `--images ${quoted(shown(set.images, io))}`,
        `--masks ${quoted(shown(set.masks, io))}`,
        `--class-names ${quoted(shown(set.classNames, io))}`,
      ];
      screen.print(`look at it:  ${program} inspect ${paths.join(' ')}`);
    });

/** What was made; nothing that counts where the file is damaged, so that the set is drawn anew. */
function readMarker(path: string): { made?: unknown; set?: SampleSet } {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) ?? {};
  } catch {
    return {};
  }
}

/** Draws the set into `folder`, unless it is there already with the same options. */
export async function makeSample(
  folder: string,
  options: SampleOptions,
  screen: Screen,
  io: Io,
): Promise<SampleSet> {
  const marker = join(folder, markerName);
  const wanted = JSON.stringify({ version, ...options });
  if (existsSync(marker)) {
    const { set, made } = readMarker(marker);
    if (made === wanted && set !== undefined) {
      screen.print(`sample set: ${options.numImages} photos in ${shown(folder, io)}, made before`);
      return inFolder(folder, set);
    }
  } else {
    await assertEmpty(folder);
  }
  const bar = taskBar(screen, 'sample set', 'photos', io.now);
  try {
    makeFolder(folder);
    // Marked as ours before the first photo: a run that is interrupted may be made again.
    await writeFile(marker, `${JSON.stringify({ made: 'unfinished' })}\n`);
    const set = await generateSample(folder, { ...options, onProgress: bar.report });
    await writeFile(marker, `${JSON.stringify({ made: wanted, set: relativeTo(folder, set) }, null, 2)}\n`);
    bar.end();
    screen.print(`sample set: ${options.numImages} photos in ${shown(folder, io)}`);
    return set;
  } catch (error) {
    throw explained(error, placeOf(folder));
  } finally {
    bar.end();
  }
}

const placeOf = (path: string) => ({
  what: 'the sample set',
  path,
  instead: 'or name another folder with --out',
});

async function assertEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw explained(error, placeOf(folder));
  });
  if (entries.length === 0) return;
  throw new UserError(`${folder} holds files that are no sample set: name an empty or new folder with --out`);
}

const relativeTo = (folder: string, set: SampleSet): SampleSet => ({
  ...set,
  images: set.images.slice(folder.length + 1),
  masks: set.masks.slice(folder.length + 1),
  classNames: set.classNames.slice(folder.length + 1),
});

const inFolder = (folder: string, set: SampleSet): SampleSet => ({
  ...set,
  images: join(folder, set.images),
  masks: join(folder, set.masks),
  classNames: join(folder, set.classNames),
});
