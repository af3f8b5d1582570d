/** A run on drawn photos whose page is open to visitors: hostile names, quick steps, and no end of its own. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSample, sampleClasses } from '@unet-fleet/dataset';
import { type Links, linksIn } from '../helpers/links.ts';
import { type Started, start, until } from '../helpers/processes.ts';

/** Runs if anything on the page takes a name for markup; the page's own rules should stop it even then. */
export const markup = `<img src=x onerror="document.title='spoilt'">`;
export const hostileClass = `coat ${markup}`;

export interface LiveRun extends Links {
  process: Started;
  runDir: string;
}

const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '4', '--leaf-size', '2', '--epochs', '100000'],
  ...[
    '--seed',
    '3',
    '--device',
    'cpu',
    '--threads',
    '1',
    '--validation-share',
    '0.2',
    '--lease-seconds',
    '5',
  ],
  ...['--validate-every', '20', '--checkpoint-every', '20', '--dashboard-port', '0'],
];

/** Draws the photos, each named with markup, and returns the flags that name the set, with the path of one photo. */
export async function hostileSample(folder: string): Promise<{ flags: string[]; photo: string }> {
  const set = await generateSample(folder, { numImages: 20, width: 48, height: 64 });
  for (const path of [set.images, set.masks]) {
    for (const name of readdirSync(path)) renameSync(join(path, name), join(path, `${markup}${name}`));
  }
  const classNames = join(folder, 'classes.json');
  writeFileSync(
    classNames,
    JSON.stringify(sampleClasses.map((name, index) => (index === 1 ? hostileClass : name))),
  );
  const photo = join(set.images, readdirSync(set.images)[0]!);
  return { flags: ['--images', set.images, '--masks', set.masks, '--class-names', classNames], photo };
}

/** Resolves when it has printed its links. */
export const startLive = (runDir: string, flags: readonly string[]): Promise<LiveRun> =>
  opened(start(['train', ...flags, ...recipe, '--run-dir', runDir]), runDir);

export const resumeLive = (runDir: string): Promise<LiveRun> =>
  opened(start(['train', '--resume', '--run-dir', runDir]), runDir);

async function opened(process: Started, runDir: string): Promise<LiveRun> {
  const links = await until(process, 'its links', () => linksIn(process.said()) ?? undefined);
  return { process, runDir, ...links };
}
