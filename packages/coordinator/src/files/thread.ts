/** The shell of the file server: a thread with a broker connection of its own, so that files never delay a step. */

import { Starter, threadData } from '@unet-fleet/shared/threads';
import { type BrokerAddress, subjectsOf } from '@unet-fleet/wire';
import { filesPeer } from '@unet-fleet/wire/protocol/file-messages';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { FileServer } from './file-server.ts';

export interface FileThreadOptions {
  runId: string;
  term: number;
  broker: BrokerAddress;
  /** By hash: a path, or the bytes themselves. */
  contents: Map<string, string | Uint8Array>;
}

export interface FileListener {
  fault(workerId: string, what: string): void;
  /** It is not connected yet. */
  waits(why: string): void;
}

export type FileFunctions = typeof functions;

const { runId, term, broker, contents } = threadData<FileThreadOptions>();
const starter = new Starter<FileListener>();
const peer = filesPeer(term);
const stopped = new AbortController();
let server: FileServer | null = null;

const functions = {
  close() {
    server?.close();
    stopped.abort();
  },
};
starter.serve(functions);

const connection = await connectWhenThere(
  { ...broker, name: `unet-fleet files ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  (why) => starter.tell('waits', why),
  stopped.signal,
);
if (connection && !stopped.signal.aborted) {
  server = new FileServer({
    connection,
    subjects: subjectsOf(runId),
    peer,
    contents,
    onFault: (workerId, what) => starter.tell('fault', workerId, what),
  });
  await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve));
}
await connection?.close();
starter.end();
