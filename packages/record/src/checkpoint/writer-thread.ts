/** The thread that writes checkpoints: hashing, changing layouts and waiting for the disk stall nobody here. */
import { existsSync } from 'node:fs';
import { UserError } from '@unet-fleet/law';
import { Starter, threadData } from '@unet-fleet/shared/threads';
import { assertTermHeld } from '../run-folder/lock.ts';
import { pruneCheckpoints } from './folder.ts';
import { type CheckpointContent, tidyCheckpoints, type WrittenCheckpoint, writeCheckpoint } from './write.ts';

export interface WriterOptions {
  /** The run's checkpoints folder; made at the first write. */
  checkpoints: string;
  /** Newest checkpoints to keep beside the best one. */
  keep: number;
  /** The run and the term that writes: nothing is changed once a later one was taken. null: there is no lock. */
  fence: { runFolder: string; term: number } | null;
}

/** A durable checkpoint. */
export interface WriteResult {
  written: WrittenCheckpoint;
  /** From the snapshot to the synced folder: hashing, changing layouts, waiting for the disk; all beside training. */
  writeMs: number;
  /** What went wrong beside it: the checkpoint is none the worse. */
  warnings: string[];
}

export type WriterFunctions = typeof functions;

const { checkpoints, keep, fence } = threadData<WriterOptions>();

const assertMayWrite = (): void => {
  if (fence) assertTermHeld(fence.runFolder, fence.term);
};
/** Whether the folder was there: then its absence is news. */
let wasThere = existsSync(checkpoints);

const functions = {
  write(content: CheckpointContent): WriteResult {
    const startMs = performance.now();
    const warnings: string[] = [];
    const written = save(content, warnings);
    const writeMs = performance.now() - startMs;
    prune(written, warnings);
    return { written, writeMs, warnings };
  },
};

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

new Starter().serve(functions, { what: 'a checkpoint', path: checkpoints });
