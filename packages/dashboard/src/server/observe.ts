/**
 * The live page as an observer of a run: starts the thread that serves it and answers the thread's questions. A page that
 * can't be served is a warning, never the end of a run.
 */
import type { ControlReply, LiveRun, Observer } from '@unet-fleet/coordinator';
import { Thread } from '@unet-fleet/shared/threads';
import type { ControlAction } from '../protocol.ts';
import type { Links } from './links.ts';
import type { PageFunctions, PageListener, ThreadOptions } from './thread.ts';

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
    const data: ThreadOptions = {
      runDir: run.runDir,
      host,
      wantedPort: port,
      isResumed,
      version,
      plan: { numStepsPerEpoch: run.numStepsPerEpoch, numEpochs: run.numEpochs },
    };
    const functions: PageListener = {
      status: async () => run.status(),
      followed: async () => run.followed(),
      control: async (action, by) => done(run, action, by),
      segment: (photo) => run.segment(photo),
      failed: (message) => run.warn(message),
      listening(links, takenPort) {
        if (takenPort !== null) run.warn(`port ${takenPort} is taken: the live page is on another one`);
        options.onLinks(links);
      },
    };
    const thread = new Thread<PageFunctions, PageListener>(new URL('./thread.js', import.meta.url), {
      name: 'the live page',
      data,
      functions,
    });
    let isOver = false;
    void thread.ended.then((error) => {
      if (error && !isOver) run.warn(`the live page has ended: ${error.message}`);
    });
    return {
      async close() {
        isOver = true;
        thread.tell('close', 'the run is over');
        await thread.end(closeMs);
      },
    };
  };

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
