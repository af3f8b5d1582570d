/** What commands touch of the process, in one place, so that a test can hand in its own. */
import { Output } from './streams/output.ts';

export interface Io {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Milliseconds of a clock that never goes back; only for what is shown. */
  now(): number;
}

export const processIo = (): Io => ({
  stdout: new Output(process.stdout),
  stderr: new Output(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  now: () => performance.now(),
});

/** Figures for programs: one JSON document on stdout. */
export const printJson = (io: Io, value: unknown): void => {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};
