/**
 * TensorBoard's files of a run, in `<run>/tensorboard`: one for each start of the run. On the coordinator's thread the
 * cost is a message for each step; all else is done in a thread of its own, which may lag behind by a bounded number of
 * messages before some are left out.
 */
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { identityOf } from '@unet-fleet/config';
import type { LiveRun, Observer } from '@unet-fleet/coordinator';
import { Thread } from '@unet-fleet/shared/threads';
import type { Hyperparameters } from './plugins.ts';
import { isWritten, type ThreadMessage, type ThreadOptions, type WrittenEvent } from './protocol.ts';
import type { BoardFunctions, BoardListener } from './thread.ts';

/** About 5 MB. */
const maxPending = 10_000;

export const tensorBoardFolder = (runDir: string): string => join(runDir, 'tensorboard');

/** TensorBoard reads files in the order of their names: by term, which grows with each start of the run. */
const fileName = (term: number): string =>
  `events.out.tfevents.${String(term).padStart(10, '0')}.${hostname()}.${process.pid}`;

export const tensorBoard: Observer = async (run) => {
  const board = new Board(run);
  return { close: () => board.close() };
};

class Board {
  readonly #run: LiveRun;
  readonly #thread: Thread<BoardFunctions, BoardListener>;
  readonly #unsubscribe: (() => void)[];
  #isLagSaid = false;

  constructor(run: LiveRun) {
    this.#run = run;
    this.#thread = new Thread(new URL('./thread.js', import.meta.url), {
      name: "the thread that writes TensorBoard's files",
      data: optionsOf(run),
      functions: { warn: (message) => run.warn(message) },
    });
    void this.#thread.ended.then((error) => {
      this.#end();
      if (error) run.warn(`TensorBoard's files are written no more: ${error.message}`);
    });
    this.#unsubscribe = [
      run.onEvent((event) => {
        if (isWritten(event)) this.#post({ type: 'event', event: essential(event) });
      }),
      run.onGradientHistograms((histograms) =>
        this.#post({ type: 'gradients', histograms, atMs: Date.now() }),
      ),
    ];
  }

  async close(): Promise<void> {
    this.#end();
    this.#thread.tell('close');
    await this.#thread.end();
  }

  #end(): void {
    for (const end of this.#unsubscribe.splice(0)) end();
  }

  #post(message: ThreadMessage): void {
    if (this.#thread.numOut < maxPending) {
      // A thread that is gone has been told of.
      this.#thread.call('handle', [message]).catch(() => {});
      return;
    }
    if (this.#isLagSaid) return;
    this.#isLagSaid = true;
    this.#run.warn("the disk is too slow for TensorBoard's files: values are missing there");
  }
}

/** Lanes and timings of a step are not written. */
function essential(event: WrittenEvent): WrittenEvent {
  if (event.type !== 'step') return event;
  const { workers, timings, ...rest } = event;
  return rest;
}

const optionsOf = (run: LiveRun): ThreadOptions => ({
  runDir: run.runDir,
  path: join(tensorBoardFolder(run.runDir), fileName(run.term)),
  runName: basename(run.runDir) || basename(dirname(run.runDir)),
  startedAtMs: Date.now(),
  numStepsDone: run.status().step,
  // Every option that can change the weights.
  hyperparameters: JSON.parse(identityOf(run.config)) as Hyperparameters,
  data: run.config.data,
  samples: run.validationSamples,
  classNames: run.classNames,
});
