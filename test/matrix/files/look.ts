/**
 * Looks at a cell through the product: `inspect --json` as the command line runs it, and the pixels and labels that the
 * engine would get.
 */
import { join, resolve } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { datasetFrom, loadSample, scanDataset, toBatch } from '@unet-fleet/dataset';
import type { Io } from 'unet-fleet/io';
import { runCli } from 'unet-fleet/program';
import type { Cell, Look, LookedSample } from './cell.ts';

export interface Spoken {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line in this process, without its environment. */
export async function speak(args: string[], cwd: string, cache: string): Promise<Spoken> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const write = (text: string) => {
      said[name] += text;
      return true;
    };
    return { write, isTTY: false } as unknown as Io['stdout'];
  };
  const env = { UNET_FLEET_CACHE: cache, HOME: cwd };
  const io = { stdout: stream('stdout'), stderr: stream('stderr'), env, cwd, now: () => performance.now() };
  process.exitCode = 0;
  const exitCode = await runCli(args, io);
  process.exitCode = 0;
  return { exitCode, ...said };
}

/** `folder` is the cell's. The cache is for this look alone, as scans are kept by path. */
export async function lookAt(cell: Cell, folder: string, cache: string): Promise<Look> {
  try {
    // At their own size: half of so small a picture is too small for a model.
    const shown = ['--json', '--scale', '1', '--photos', '2'];
    const args = ['inspect', ...cell.args, ...shown, '--out', join(cache, 'sheet.png')];
    const { exitCode, stdout, stderr } = await speak(args, folder, cache);
    if (/this is a bug|^\s+at /m.test(stderr)) return { kind: 'accident', text: stderr };
    if (stdout === '') return { kind: 'refused', exitCode, sentence: stderr.trim().split('\n').at(-1)! };
    const table = JSON.parse(stdout);
    if (table.training.stop !== null) return { kind: 'refused', exitCode, sentence: table.training.stop };
    const classPixels = table.classes.map(({ numPixels }: { numPixels: number }) => numPixels);
    const said = `${textsIn(table).join('\n')}\n${stderr}`;
    return { kind: 'read', exitCode, said, classPixels, samples: await samplesOf(cell, folder) };
  } catch (error) {
    return { kind: 'accident', text: (error as Error).stack ?? String(error) };
  }
}

/** All strings within, at any depth. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

async function samplesOf(cell: Cell, folder: string): Promise<LookedSample[]> {
  const config = loadConfig({ flags: flagsOf(cell.args, folder), env: {}, files: [] });
  const dataset = datasetFrom(await scanDataset(config.data), config.data);
  const { samples, maskValues, valueRange, orientation } = dataset;
  const data = { ...config.data, maskValues, valueRange, orientation };
  return Promise.all(
    samples.map(async (sample) => {
      const loaded = await loadSample(data, sample, sample);
      const { images, labels } = toBatch([loaded]);
      return {
        id: sample.id,
        width: loaded.width,
        height: loaded.height,
        channels: loaded.channels,
        images,
        labels,
      };
    }),
  );
}

const folders = new Set(['images', 'masks', 'palette', 'classNames', 'trainList', 'valList']);

/** "--mask-suffix _mask" -> { maskSuffix: "_mask" }, with paths below `folder`. */
function flagsOf(args: readonly string[], folder: string): Record<string, string> {
  const flags: Record<string, string> = {};
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i]!.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    flags[key] = folders.has(key) ? resolve(folder, args[i + 1]!) : args[i + 1]!;
  }
  return flags;
}
