/** The thread that writes TensorBoard's files: encoding, drawing and waiting for the disk hold nobody up here. */
import { parentPort, workerData } from 'node:worker_threads';
import { BoardWriter } from './board-writer.ts';
import type { ThreadAnswer, ThreadMessage, ThreadOptions } from './protocol.ts';

const options = workerData as ThreadOptions;
const port = parentPort;
if (port === null) throw new Error('thread.ts runs in a worker thread');
const numHandled = new Int32Array(options.numHandled);
const tell = (answer: ThreadAnswer) => port.postMessage(answer);

const writer = new BoardWriter(options, (message) => tell({ type: 'warning', message }));
let last = writer.begin();

port.on('message', (message: ThreadMessage) => {
  last = last.then(async () => {
    if (message.type !== 'close') await writer.handle(message);
    else {
      await writer.close();
      tell({ type: 'closed' });
      port.close();
    }
    Atomics.add(numHandled, 0, 1);
  });
});
