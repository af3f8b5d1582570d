/** The run that nothing happens to: one command, and what every disturbed run must end with. */
import { spawn } from 'node:child_process';
import { script } from './command.ts';

export interface Undisturbed {
  numSteps: number;
  weightsSha256: string;
  durationMs: number;
}

/** Trains to the end with two workers of this machine. Rejects with what it said when it fails. */
export function undisturbed(recipe: readonly string[], runDir: string): Promise<Undisturbed> {
  const startMs = performance.now();
  const args = [script, 'train', ...recipe, '--workers', '2', '--run-dir', runDir, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`the undisturbed run ended with code ${code}:\n${stderr}`));
      const { step, weightsSha256 } = JSON.parse(stdout);
      resolve({ numSteps: step, weightsSha256, durationMs: performance.now() - startMs });
    });
  });
}
