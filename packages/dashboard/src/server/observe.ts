/**
 * The live page as an observer of a run: starts the thread that serves it and answers the thread's questions. A page that
 * can't be served is a warning, never the end of a run.
 */
import { Worker } from 'node:worker_threads';
import type { ControlReply, LiveRun, Observer } from '@unet-fleet/coordinator/live/live-run';
import { UserError } from '@unet-fleet/shared';
import type { ControlAction } from '../protocol.ts';
import type { Answers, FromThread, Links, Question, ThreadOptions, ToThread } from './thread-protocol.ts';

export interface LivePageOptions {
  host: string;
  /** The next free one is taken where it is not free; 0: any. */
  port: number;
  version: string;
  /** Whether the run goes on from a start before, whose links then hold. */
  isResumed: boolean;
  /** Told once, when the page can be opened. */
  onLinks(links: Links): void;
}

/** Longest that the run's end waits for open pages to be told of it. */
const closeMs = 3_000;

export const livePage =
  (options: LivePageOptions): Observer =>
  async (run) => {
    const { host, port, version, isResumed } = options;
    const workerData: ThreadOptions = {
      runDir: run.runDir,
      host,
      wantedPort: port,
      isResumed,
      version,
      plan: { numStepsPerEpoch: run.numStepsPerEpoch, numEpochs: run.numEpochs },
    };
    const thread = new Worker(new URL('./thread.js', import.meta.url), { workerData });
    const tell = (message: ToThread) => thread.postMessage(message);
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    let isOver = false;
    thread.on('message', (message: FromThread) => {
      if (message.type === 'question') void reply(run, message, tell);
      if (message.type === 'failed') run.warn(message.message);
      if (message.type !== 'listening') return;
      const { takenPort, links } = message;
      if (takenPort !== null) run.warn(`port ${takenPort} is taken: the live page is on another one`);
      options.onLinks(links);
    });
    thread.on('error', (error) => {
      if (!isOver) run.warn(`the live page has ended: ${error.message}`);
    });
    return {
      async close() {
        isOver = true;
        tell({ type: 'close', reason: 'the run is over' });
        const timer = setTimeout(() => void thread.terminate(), closeMs);
        await ended;
        clearTimeout(timer);
      },
    };
  };

async function reply(run: LiveRun, message: Question & { id: number }, tell: (answer: ToThread) => void) {
  const { id } = message;
  try {
    tell({ type: 'answer', id, value: await answerTo(run, message) });
  } catch (error) {
    const isForVisitor = error instanceof UserError;
    tell({ type: 'problem', id, message: (error as Error).message, isForVisitor });
  }
}

function answerTo(run: LiveRun, question: Question): Answers[keyof Answers] | Promise<Answers['segment']> {
  switch (question.what) {
    case 'status':
      return run.status();
    case 'followed':
      return run.followed();
    case 'control':
      return done(run, question.action, question.by);
    case 'segment':
      return run.segment(question.photo);
  }
}

/** Throws a UserError for photos that can't be followed. */
function done(run: LiveRun, wish: ControlAction, by: string): ControlReply {
  const { controls } = run;
  switch (wish.action) {
    case 'pause':
      return controls.pause(by);
    case 'resume':
      return controls.resume(by);
    case 'checkpoint':
      return controls.checkpoint(by);
    case 'drain':
      return controls.drain(wish.worker, by);
    case 'stop-after-epoch':
      return controls.stopAfterEpoch(wish.isWanted, by);
    case 'learning-rate':
      return controls.setLearningRate(wish.rate, by);
    case 'follow':
      run.follow(wish.ids);
      return { ok: true, message: `${wish.ids.length} photos are followed from the next evaluation on` };
  }
}
