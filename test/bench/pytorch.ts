/** PyTorch and NumPy as yardsticks: pytorch_reference.py, with a Python that has them. */
import { fileURLToPath } from 'node:url';
import { runShell } from './processes.ts';

export interface YardstickAnswer extends Record<string, unknown> {
  /** By the script itself, of its first process. */
  peak_mb: number;
  libraries: Record<string, string>;
}

/** From dist/ as from here, the scripts lie beside the sources. */
const folder = new URL('../../bench/', import.meta.url);
export const pretenceScript = fileURLToPath(new URL('stand_in_ddp.py', folder));
const script = fileURLToPath(new URL('pytorch_reference.py', folder));

/** Runs a mode of the script; `options` such as `--batch 2`. More than one process are joined by gloo. */
export async function pytorch(
  python: string,
  mode: 'step' | 'ddp' | 'exchange' | 'kernels',
  options: readonly (string | number)[],
  numProcesses = 1,
): Promise<YardstickAnswer> {
  return runPython(
    python,
    script,
    [mode, ...options],
    mode === 'ddp' || mode === 'exchange' ? numProcesses : 0,
  );
}

/** `numProcesses`: 0 for a script that needs no others. Its last line is JSON. */
export async function runPython(
  python: string,
  file: string,
  args: readonly (string | number)[],
  numProcesses: number,
): Promise<YardstickAnswer> {
  // A free port of the machine's own choice.
  const launch =
    numProcesses > 0
      ? [
          ...['-m', 'torch.distributed.run', '--nproc-per-node', numProcesses],
          ...['--rdzv-backend', 'c10d', '--rdzv-endpoint', 'localhost:0'],
        ]
      : [];
  const command = [python, ...launch, file, ...args].map((word) => `'${`${word}`.replaceAll("'", "'\\''")}'`);
  const { lastLine } = await runShell(command.join(' '));
  return JSON.parse(lastLine);
}
