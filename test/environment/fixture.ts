/** What the cells of the matrix work on, made once: a small data set, a finished run on it, and a packed copy. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { engineFolder } from '@unet-fleet/shared';

export const script = join(
  dirname(createRequire(import.meta.url).resolve('unet-fleet')),
  '../bin/unet-fleet.js',
);
/** Beside the sources of the matrix, wherever it was compiled to. */
export const terminalProgram = join(dirname(script), '../../../test/environment/terminal.py');
/** Compiled, as the processes that load it are. */
export const clockProgram = pathToFileURL(
  join(dirname(script), '../../../test/dist/environment/clock.js'),
).href;

/** Photos: few enough for a run of seconds. */
export const numPhotos = 8;

export const recipe = [
  ...[
    '--images',
    'data/photos',
    '--masks',
    'data/annotations/pixel-level',
    '--class-names',
    'data/label_list.mat',
  ],
  ...['--size', '32x32', '--base-width', '4', '--batch-size', '4', '--seed', '3'],
  ...['--device', 'cpu', '--threads', '1', '--workers', '1'],
];

/** Options that the developer's shell sets must not reach a cell. */
export const cleanEnv = (folder: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  HOME: join(folder, 'home'),
  TERM: 'xterm',
  // What is slow to make is found; what a cell caches is its own.
  UNET_FLEET_ENGINE: engineFolder(),
  UNET_FLEET_CACHE: join(folder, 'cache'),
});

/** A folder that is copied for each cell: data, and in runs/0001 a run that has ended. */
export function makeFixture(folder: string): string {
  const made = join(folder, 'fixture');
  mkdirSync(join(made, 'home'), { recursive: true });
  const call = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], {
      cwd: made,
      env: cleanEnv(made),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${args[0]} failed with ${status}: ${stderr}`);
  };
  call('sample', '--out', 'data', '--photos', String(numPhotos), '--size', '32x32');
  call('train', ...recipe, '--epochs', '2', '--run-dir', 'runs/0001');
  call('pack', ...recipe.slice(0, 6), '--out', 'packed');
  cpSync(join(made, 'runs/0001'), join(made, 'running'), { recursive: true });
  const status = join(made, 'running/status.json');
  writeFileSync(status, readFileSync(status, 'utf8').replace(/"state": "\w+"/, '"state": "training"'));
  return made;
}

/** Copies of the photos and masks under other names, so that reading them takes a while. */
export async function multiply(folder: string, times: number): Promise<void> {
  for (const below of ['data/photos', 'data/annotations/pixel-level']) {
    const names = readdirSync(join(folder, below)).filter((name) => /\.(jpg|mat)$/.test(name));
    for (let copy = 1; copy < times; copy++) {
      await Promise.all(
        names.map((name) => link(join(folder, below, name), join(folder, below, `c${copy}-${name}`))),
      );
    }
  }
}
