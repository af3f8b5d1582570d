/** The thread that writes TensorBoard's files: encoding, drawing and waiting for the disk hold nobody up here. */
import { Starter, threadData } from '@unet-fleet/shared/threads';
import { BoardWriter } from './board-writer.ts';
import type { ThreadMessage, ThreadOptions } from './protocol.ts';

export interface BoardListener {
  warn(message: string): void;
}

export type BoardFunctions = typeof functions;

const starter = new Starter<BoardListener>();
const writer = new BoardWriter(threadData<ThreadOptions>(), (message) => starter.tell('warn', message));
/** One after the other, in the order of the run. */
let last = writer.begin();

const functions = {
  handle(message: ThreadMessage): Promise<void> {
    last = last.then(() => writer.handle(message));
    return last;
  },
  async close(): Promise<void> {
    await last;
    await writer.close();
    starter.end();
  },
};

starter.serve(functions);
