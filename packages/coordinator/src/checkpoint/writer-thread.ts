/** The thread that writes checkpoints: hashing, changing layouts and waiting for the disk stall nobody here. */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '@unet-fleet/shared';
import { pruneCheckpoints } from './folder.ts';
import { tidyCheckpoints, writeCheckpoint } from './write.ts';
import type { WriterAnswer, WriterOptions, WriterRequest } from './writer.ts';

const { checkpoints, keep } = workerData as WriterOptions;
if (parentPort === null) throw new Error('writer-thread.ts runs in a worker thread');
const port = parentPort;
let tidied = false;

function write({ content }: WriterRequest): WriterAnswer {
  try {
    if (!tidied) tidyCheckpoints(checkpoints);
    tidied = true;
    const written = writeCheckpoint(checkpoints, content);
    pruneCheckpoints(checkpoints, keep, written.name);
    return { written };
  } catch (error) {
    if (error instanceof UserError) return { failed: { message: error.message, exitCode: error.exitCode } };
    throw error;
  }
}

port.on('message', (request: WriterRequest) => port.postMessage(write(request)));
