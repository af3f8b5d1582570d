/** Writes status.json while a run goes on. A disk that fails is told of elsewhere; a status alone ends nothing. */
import { runStatusOf, type StatusSource, writeStatus } from '../run-folder/status.ts';
import type { Conductor } from './conductor.ts';

const everyMs = 1_000;

/** Returns what ends it, with a last status. A coordinator that was overtaken (`mayWrite`) leaves the file alone. */
export function writeStatusWhile(
  runDir: string,
  conductor: Pick<Conductor, 'status'>,
  source: () => StatusSource,
  mayWrite: () => boolean,
): () => void {
  const write = () => {
    if (!mayWrite()) return;
    try {
      writeStatus(runDir, runStatusOf(conductor.status, source(), performance.now(), new Date()));
    } catch {
      // Old news is worth no warning a second.
    }
  };
  const timer = setInterval(write, everyMs);
  write();
  return () => {
    clearInterval(timer);
    write();
  };
}
