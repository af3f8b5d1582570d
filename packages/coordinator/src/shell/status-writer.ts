/** Writes status.json while a run goes on. A disk that fails is told of elsewhere; a status alone ends nothing. */

import { writeStatus } from '@unet-fleet/record';
import type { LiveStatus } from '../live/live-run.ts';

const everyMs = 1_000;

/** Returns what ends it, with a last status. A coordinator that was overtaken (`mayWrite`) leaves the file alone. */
export function writeStatusWhile(
  runDir: string,
  status: () => LiveStatus,
  mayWrite: () => boolean,
): () => void {
  const write = () => {
    if (!mayWrite()) return;
    try {
      writeStatus(runDir, status());
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
