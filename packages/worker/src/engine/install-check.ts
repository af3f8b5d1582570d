/**
 * Loads the addon in a process of its own, because a library that does not fit the machine takes the process that
 * loads it down with it.
 */
import { existsSync } from 'node:fs';
import { lastLine, runCommand } from '@unet-fleet/install';
import type { Environment } from '@unet-fleet/shared';

export type AddonCheck =
  | { loads: true; libraryVersion: string; usesGpu: boolean }
  | { loads: false; problem: string };

/** All symbols are bound at once, so that a missing one shows here and not in the middle of a run. */
const environment = { LD_BIND_NOW: '1', TF_CPP_MIN_LOG_LEVEL: '3' };

const script = `
const addon = require(process.argv[1]);
console.log(JSON.stringify({ libraryVersion: addon.TF_Version, usesGpu: addon.isUsingGpuDevice() }));`;

/** What the addon at `path` says of itself, or why it says nothing. Never throws. */
export async function checkAddon(path: string, env: Environment = process.env): Promise<AddonCheck> {
  if (!existsSync(path)) return { loads: false, problem: 'it is not there' };
  try {
    const { exitCode, stdout, stderr } = await runCommand(process.execPath, ['-e', script, path], {
      env: { ...env, ...environment },
      missing: `${process.execPath} is gone`,
    });
    if (exitCode === 0) return { loads: true, ...answer(stdout) };
    if (exitCode < 0) return { loads: false, problem: 'it crashed; TensorFlow needs a processor with AVX' };
    const reason = stderr.split('\n').find((line) => line.startsWith('Error: '));
    return { loads: false, problem: reason?.slice('Error: '.length) ?? lastLine(stderr) };
  } catch (error) {
    return { loads: false, problem: (error as Error).message };
  }
}

/** Its last line: libraries may write to the standard output as well. */
const answer = (stdout: string) =>
  JSON.parse(lastLine(stdout)) as { libraryVersion: string; usesGpu: boolean };
