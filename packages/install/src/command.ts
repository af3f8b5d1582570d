/** Programs that set-up calls. A program that is missing is a sentence with its remedy, never an ENOENT. */
import { spawn } from 'node:child_process';
import { exitCodes, UserError } from '@unet-fleet/law';
import { atExit, type Environment } from '@unet-fleet/shared';

export interface CommandResult {
  /** -1 where a signal ended it. */
  exitCode: number;
  stdout: string;
  /** The end of it, where it is long. */
  stderr: string;
}

export interface CommandOptions {
  env?: Environment;
  cwd?: string;
  /** Said when the program is not on PATH. */
  missing: string;
}

const keptCharacters = 100_000;

/**
 * Runs a program to its end.
 * @throws UserError with `missing` if the program is not on PATH
 */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...(options.env ?? process.env) },
      ...(options.cwd ? { cwd: options.cwd } : {}),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, with whatever it starts itself, which ends with this process.
      detached: true,
    });
    const isDone = atExit(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    });
    child.once('error', isDone).once('exit', isDone);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-keptCharacters);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-keptCharacters);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT' || error.code === 'EACCES';
      reject(isMissing ? new UserError(options.missing, exitCodes.unavailable) : error);
    });
    child.once('close', (exitCode) => resolve({ exitCode: exitCode ?? -1, stdout, stderr }));
  });
}

/** The last line that says something, for a sentence that quotes a program. */
export const lastLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1) ?? 'it said nothing';
