/** The log of a process: one JSON object a line, in a file beside what it is about. */
import pino from 'pino';
import { SteadyFile } from './steady-file.ts';

export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

/**
 * Appends to `path`; written at once, so that a crash loses no line. The folder must be there. A disk that takes no more
 * lines later is told of by what else is written there; the log goes on when it does.
 */
export function createLog(path: string, level: string): Log {
  const file = new SteadyFile(path);
  return pino(
    { level, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => file.append(line) },
  );
}
