/** Starts the thread that serves the run's files, with all that workers without the data may ask for. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Dataset, filesOf, listingText } from '@unet-fleet/dataset';
import type { DataConfig } from '@unet-fleet/law';
import { Thread } from '@unet-fleet/shared/threads';
import type { BrokerAddress } from '@unet-fleet/wire';
import type { Cleanups } from '../shell/cleanups.ts';
import type { PreparedRun } from '../shell/prepare-run.ts';
import type { FileFunctions, FileListener, FileThreadOptions } from './thread.ts';

export interface FileServing {
  /** Of the listing, by which a worker asks for it. */
  listingSha256: string;
}

/** How long its end may take: it has nothing to save. */
const closeWithinMs = 2_000;

/** A run goes on without it where it fails: workers that have the data need nothing of it. */
export function startFileServer(
  run: PreparedRun,
  broker: BrokerAddress,
  cleanups: Cleanups,
  on: { fault(workerId: string, what: string): void; warning(message: string): void },
): FileServing {
  const { config, dataset, folder, lock } = run;
  const listing = Buffer.from(listingText(dataset));
  const listingSha256 = createHash('sha256').update(listing).digest('hex');
  const contents = contentsOf(dataset, config.data).set(listingSha256, listing);
  const options: FileThreadOptions = { runId: folder.record.runId, term: lock.term, broker, contents };
  const thread = new Thread<FileFunctions, FileListener>(new URL('./thread.js', import.meta.url), {
    name: 'the thread that serves files',
    data: options,
    functions: {
      fault: on.fault,
      waits: (why) => on.warning(`workers without the data folder wait for files: ${why}`),
    },
  });
  void thread.ended.then((error) => {
    if (error) on.warning(`workers without the data folder get no more files: ${error.message}`);
  });
  cleanups.add(async () => {
    thread.tell('close');
    await thread.end(closeWithinMs);
  });
  return { listingSha256 };
}

/** Every photo and mask of the samples, and the palette, by hash. */
function contentsOf(dataset: Dataset, data: DataConfig): Map<string, string | Uint8Array> {
  const contents = new Map<string, string | Uint8Array>();
  for (const sample of dataset.samples) {
    for (const { kind, name, sha256 } of filesOf(sample)) {
      contents.set(sha256, join(kind === 'photo' ? data.images : data.masks, name));
    }
  }
  if (data.palette !== '') contents.set(dataset.paletteSha256, data.palette);
  return contents;
}
