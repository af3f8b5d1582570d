/**
 * The two kinds of failure, kept apart: a UserError is something a person can mend (bad input, a missing folder,
 * a broker that is down) and is printed as one sentence; anything else that is thrown is a broken invariant and
 * crashes with its stack.
 */
import { printable } from './printable.ts';

/** Exit codes of every unet-fleet process; documented in docs/exit-codes.md. */
export const exitCodes = {
  ok: 0,
  /** A broken invariant: a bug in unet-fleet. */
  internal: 1,
  /** Bad input or configuration: trying again without a change fails again. */
  usage: 2,
  /** An operating fault (broker gone, disk full): trying again may succeed. */
  unavailable: 3,
  /** The process left because it was asked to (SIGINT, SIGTERM, drain), with its work handed back or saved. */
  leftOnRequest: 4,
  /** A replay came to other numbers than the run: a machine computed wrongly. */
  differs: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Characters of a message: enough for a sentence with a list in it, too few to flood a terminal. */
const maxMessageLength = 2_000;

/**
 * A failure that a person can mend. The message is one sentence that names the thing and the remedy; names and values
 * from outside in it are made printable here, so that no caller can forget it.
 */
export class UserError extends Error {
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = exitCodes.usage) {
    super(printable(message, maxMessageLength));
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** What it says, whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
