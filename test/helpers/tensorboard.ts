/**
 * TensorBoard itself, as the yardstick for the files that are to be read by it: its wheel and what it needs, without
 * TensorFlow, in the user's cache, where pip put them once.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder, makeAtomically } from '@unet-fleet/shared';

const run = promisify(execFile);
const version = '2.20.0';
const script = fileURLToPath(new URL('./read-event-files.py', import.meta.url));

/** Folder for PYTHONPATH. Later versions of setuptools lack pkg_resources, which TensorBoard imports. */
async function tensorBoardFolder(): Promise<string> {
  const folder = join(cacheFolder(process.env), 'python', `tensorboard-${version}`);
  if (existsSync(folder)) return folder;
  await makeAtomically(folder, async (temporary) => {
    const args = ['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--quiet'];
    args.push('--root-user-action=ignore', '--target', temporary, `tensorboard==${version}`, 'setuptools<81');
    await run('python3', args);
  });
  return folder;
}

export interface BoardScalar {
  step: number;
  wallTime: number;
  value: number;
}
export interface BoardImage {
  step: number;
  width: number;
  height: number;
  /** PNG, base64. */
  png: string;
}
export interface BoardHistogram {
  step: number;
  min: number;
  max: number;
  num: number;
  sum: number;
  sumSquares: number;
  limits: number[];
  counts: number[];
}

/** What TensorBoard's EventAccumulator makes of a folder, by tag. */
export interface Board {
  scalars: Record<string, BoardScalar[]>;
  images: Record<string, BoardImage[]>;
  histograms: Record<string, BoardHistogram[]>;
  /** Tags of plugins, and what their own parsers make of them. */
  plugins: Record<string, unknown>;
}

export async function readWithTensorBoard(folder: string): Promise<Board> {
  const env = {
    ...process.env,
    PYTHONPATH: await tensorBoardFolder(),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const { stdout } = await run('python3', [script, folder], { env, maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as Board;
}
