/** The shell of the file server: a thread with a broker connection of its own, so that files never delay a step. */
import { parentPort, workerData } from 'node:worker_threads';
import { subjectsOf } from '@unet-fleet/shared';
import { filesPeer } from '@unet-fleet/shared/protocol/file-messages';
import { connectWhenThere } from '@unet-fleet/shared/transport/connect';
import { FileServer } from './file-server.ts';
import type { FileFault, FileThreadOptions, FileWait } from './start.ts';

const { runId, term, broker, contents } = workerData as FileThreadOptions;
const peer = filesPeer(term);
const stopped = new AbortController();
let server: FileServer | null = null;

parentPort!.on('message', () => {
  server?.close();
  stopped.abort();
});

const connection = await connectWhenThere(
  { ...broker, name: `unet-fleet files ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  (waits) => parentPort!.postMessage({ waits } satisfies FileWait),
  stopped.signal,
);
if (connection && !stopped.signal.aborted) {
  server = new FileServer({
    connection,
    subjects: subjectsOf(runId),
    peer,
    contents,
    onFault: (workerId, what) => parentPort!.postMessage({ workerId, what } satisfies FileFault),
  });
  await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve));
}
await connection?.close();
parentPort!.close();
