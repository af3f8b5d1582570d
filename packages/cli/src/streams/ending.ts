/** The end of a command: what it has written is taken, or it is known that it will not be. */
import { exitCodes } from '@unet-fleet/law';
import type { Io } from '../io.ts';
import type { Output } from './output.ts';
import { troubleSentence } from './trouble.ts';

/** For a reader of what was told beside the work. */
const patienceMs = 2_000;

/** Resolves when all is written, or when no more is to be waited for: to whether all is written. */
export async function whenWritten({ stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>): Promise<boolean> {
  const flushed = (output: Output) =>
    output.flushed(output.isBesideWork ? patienceMs : Number.POSITIVE_INFINITY);
  return (await Promise.all([flushed(stdout), flushed(stderr)])).every((isFlushed) => isFlushed);
}

/** A command whose text was lost has not done what it was run for, whatever it says itself. */
export function exitCodeOf(exitCode: number, { stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>): number {
  if (stdout.error === null) return exitCode;
  stderr.writeNow(`unet-fleet: ${troubleSentence('standard output', stdout.error)}\n`);
  return exitCode === exitCodes.ok ? exitCodes.unavailable : exitCode;
}
