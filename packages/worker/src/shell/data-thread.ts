/** The data thread as the worker's main thread sees it: samples and batches as promises. */
import {
  type FileReader,
  filesOf,
  type LoadedSample,
  type Sample,
  type SampleBatch,
} from '@unet-fleet/dataset';
// The library that decodes has to be loaded by the main thread first: its memory is not freed with another one.
import '@unet-fleet/dataset/decoder';
import type { DataConfig } from '@unet-fleet/law';
import { Thread } from '@unet-fleet/shared/threads';
import type { DataFunctions } from './data-thread-main.ts';

export class DataThread {
  readonly #thread: Thread<DataFunctions>;
  readonly #read: FileReader | null;

  /** `read`: hands over files that are not in the folders of `config`; null where all are. */
  constructor(config: DataConfig, read: FileReader | null) {
    this.#read = read;
    this.#thread = new Thread(new URL('./data-thread-main.js', import.meta.url), {
      name: 'the data thread',
      data: config,
    });
  }

  /** At training size, in shared memory. Rejects with what the reader rejects with, and with a UserError for bad files. */
  async load(sample: Sample): Promise<LoadedSample> {
    const read = this.#read;
    if (read === null) return this.#thread.call('load', [sample, null]);
    const [photo, mask] = filesOf(sample);
    const files = await Promise.all([read(photo), read(mask)]);
    return this.#thread.call('load', [sample, files]);
  }

  /** The samples are left as they are. */
  batch(samples: LoadedSample[]): Promise<SampleBatch> {
    return this.#thread.call('batch', [samples]);
  }

  /** What was asked for is rejected. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
