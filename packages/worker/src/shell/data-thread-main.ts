/**
 * The data thread: photos and masks become samples, and samples batches, beside the engine and away from the thread that
 * answers heartbeats. Samples lie in shared memory, so that the worker keeps them and hands them back for a batch
 * without a copy; a batch goes over whole.
 */
import {
  folderReader,
  type LoadedSample,
  loadSample,
  type ReadFile,
  type Sample,
  toBatch,
  trainingSizeOf,
} from '@unet-fleet/dataset';
import { decodesOnce } from '@unet-fleet/dataset/decoder';
import type { DataConfig } from '@unet-fleet/law';
import { Moved, Starter, threadData } from '@unet-fleet/shared/threads';

export type DataFunctions = typeof functions;

const config = threadData<DataConfig>();

/** Samples that are decoded at a time: more hold memory and no processor, as libuv has four threads. */
const maxAtATime = 6;
let numUnderWay = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (numUnderWay >= maxAtATime) await new Promise<void>((begin) => waiting.push(begin));
  else numUnderWay++;
  try {
    return await work();
  } finally {
    // Its place goes to the one that has waited longest.
    const next = waiting.shift();
    if (next) next();
    else numUnderWay--;
  }
}

/** What the library hands over is a Buffer, a kind of Uint8Array that has no constructor for this. */
function shared<T extends Uint8Array | Uint16Array | Float32Array>(values: T): T {
  const memory = new SharedArrayBuffer(values.byteLength);
  const copy =
    values instanceof Float32Array
      ? new Float32Array(memory)
      : values instanceof Uint16Array
        ? new Uint16Array(memory)
        : new Uint8Array(memory);
  copy.set(values);
  return copy as unknown as T;
}

const functions = {
  /** `files`: photo and mask; null where they are read from the run's folders. */
  load: (sample: Sample, files: [ReadFile, ReadFile] | null): Promise<LoadedSample> =>
    inTurn(async () => {
      const read = files && (async ({ kind }: { kind: string }) => files[kind === 'photo' ? 0 : 1]);
      const target = trainingSizeOf(config, sample);
      const loaded = await loadSample(config, sample, target, read ?? folderReader(config));
      return { ...loaded, pixels: shared(loaded.pixels), labels: shared(loaded.labels) };
    }),

  batch(samples: LoadedSample[]) {
    const batch = toBatch(samples);
    return new Moved(batch, [batch.images.buffer as ArrayBuffer, batch.labels.buffer as ArrayBuffer]);
  },
};

decodesOnce();
new Starter().serve(functions);
