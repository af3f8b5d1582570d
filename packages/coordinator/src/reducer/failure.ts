/**
 * How a call of a reducer's thread fails, in a form that crosses threads, where an error loses its class. What it keeps
 * true: what a person can mend stays one sentence with its exit code, and a bug keeps the stack of where it happened.
 */
import { type ExitCode, explained, UserError } from '@unet-fleet/shared';
import { FetchError } from '@unet-fleet/shared/transport/bulk';

/** A node's gradient could not be fetched from its worker. */
export class NodeUnavailable extends Error {}

export interface ReducerFailure {
  kind: 'unavailable' | 'user' | 'bug';
  /** Of a bug, with its stack. */
  message: string;
  /** Of what a person can mend. */
  exitCode?: ExitCode;
}

export function failureOf(error: unknown): ReducerFailure {
  if (error instanceof FetchError) return { kind: 'unavailable', message: error.message };
  const told = explained(error);
  if (told instanceof UserError) return { kind: 'user', message: told.message, exitCode: told.exitCode };
  const { message, stack } = error as Error;
  return { kind: 'bug', message: stack ?? message };
}

export function errorOf({ kind, message, exitCode }: ReducerFailure): Error {
  if (kind === 'unavailable') return new NodeUnavailable(message);
  return kind === 'user' ? new UserError(message, exitCode) : new Error(message);
}
