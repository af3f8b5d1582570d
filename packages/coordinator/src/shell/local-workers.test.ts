/** What becomes of a worker's end depends on how it ended and on what it said last. */
import { expect, it } from 'vitest';
import { LocalWorkers } from './local-workers.ts';

/** Runs one worker that is this script; resolves with the first that is told of its end, and what the other was told. */
function ended(script: string): Promise<{ fatal?: string; warning?: string }> {
  return new Promise((resolve) => {
    const workers = new LocalWorkers({
      numWorkers: 1,
      command: [process.execPath, '-e', script],
      envOf: () => process.env,
      onEnded() {},
      onFatal: (fatal) => stop({ fatal }),
      onWarning: (warning) => stop({ warning }),
    });
    const stop = (told: { fatal?: string; warning?: string }) => {
      workers.kill();
      resolve(told);
    };
    workers.start();
  });
}

const says = (text: string) => `process.stderr.write(${JSON.stringify(`${text}\n`)});`;
const dies = "process.kill(process.pid, 'SIGSEGV');";

it('names the leaf where the engine has no memory for one, though it dies of it before it can say so', async () => {
  const oom =
    'OP_REQUIRES failed at mkl_util.h:848 : RESOURCE_EXHAUSTED: OOM when allocating tensor with shape[1,9]';
  expect(await ended(says(oom) + dies)).toEqual({
    fatal:
      "the engine's memory does not suffice for a leaf of worker-1, which was killed by SIGSEGV: try a smaller --leaf-size, --size or --base-width",
  });
});

it('starts a worker again that was killed for another reason, and says so', async () => {
  expect(await ended(says('something else') + dies)).toEqual({
    warning: 'worker-1 was killed by SIGSEGV: started again in 0.5 s; it said: something else',
  });
});

it('ends the run with the sentence of a worker that a person has to help', async () => {
  expect(await ended(`${says('unet-fleet: the photo is damaged')} process.exit(2)`)).toEqual({
    fatal: 'the photo is damaged',
  });
});
