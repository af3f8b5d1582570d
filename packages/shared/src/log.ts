/** The log of a process: one JSON object a line, in a file beside what it is about. */
import pino from 'pino';

export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

/** Appends to `path`; written at once, so that a crash loses no line. The folder must be there. */
export const createLog = (path: string, level: string): Log =>
  pino({ level, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: path, sync: true }));
