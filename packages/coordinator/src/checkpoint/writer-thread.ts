/** The thread that writes checkpoints: hashing, changing layouts and waiting for the disk stall nobody here. */
import { existsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { explained, UserError } from '@unet-fleet/shared';
import { assertTermHeld } from '../run-folder/lock.ts';
import { pruneCheckpoints } from './folder.ts';
import { type CheckpointContent, tidyCheckpoints, type WrittenCheckpoint, writeCheckpoint } from './write.ts';
import type { WriterAnswer, WriterOptions, WriterRequest } from './writer.ts';

const { checkpoints, keep, fence } = workerData as WriterOptions;
if (parentPort === null) throw new Error('writer-thread.ts runs in a worker thread');
const port = parentPort;

const assertMayWrite = (): void => {
  if (fence) assertTermHeld(fence.runFolder, fence.term);
};
/** Whether the folder was there: then its absence is news. */
let wasThere = existsSync(checkpoints);

function answer(request: WriterRequest): WriterAnswer {
  const startMs = performance.now();
  const warnings: string[] = [];
  try {
    const written = save(request.content, warnings);
    const writeMs = performance.now() - startMs;
    prune(written, warnings);
    return { written, writeMs, warnings };
  } catch (error) {
    const told = explained(error, { what: 'a checkpoint', path: checkpoints });
    if (told instanceof UserError) return { failed: { message: told.message, exitCode: told.exitCode } };
    throw error;
  }
}

function save(content: CheckpointContent, warnings: string[]): WrittenCheckpoint {
  assertMayWrite();
  // Before each: what a failed write could not remove may be removable now.
  tidyCheckpoints(checkpoints);
  const isGone = wasThere && !existsSync(checkpoints);
  const written = writeCheckpoint(checkpoints, content, { assertMayWrite });
  if (isGone) warnings.push(`${checkpoints} was removed, with the checkpoints in it: it is made again`);
  wasThere = true;
  return written;
}

/** Old checkpoints that can't be removed are no reason to lose the new one. */
function prune({ name }: WrittenCheckpoint, warnings: string[]): void {
  try {
    pruneCheckpoints(checkpoints, keep, name, { assertMayWrite });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warnings.push(error.message);
  }
}

port.on('message', (request: WriterRequest) => port.postMessage(answer(request)));
