/** The built package, as the thread's file is only there: what the thread gives is what loading in one's own thread gives. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import {
  datasetFrom,
  folderReader,
  generateSample,
  loadSample,
  scanDataset,
  toBatch,
} from '@unet-fleet/dataset';
import { FetchError } from '@unet-fleet/wire';
import { DataThread } from '@unet-fleet/worker/shell/data-thread';
import { afterAll, beforeAll, expect, it } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'unet-fleet-data-thread-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Opened = Awaited<ReturnType<typeof open>>;
let opened: Opened;
beforeAll(async () => {
  opened = await open();
});

async function open() {
  const set = await generateSample(join(scratch, 'set'), { numImages: 10, width: 60, height: 44 });
  const flags = { images: set.images, masks: set.masks, size: '32x32' };
  const { data: config } = loadConfig({ flags, env: {}, files: [] });
  const dataset = datasetFrom(await scanDataset(config), config);
  const { maskValues, valueRange, orientation } = dataset;
  return { data: { ...config, maskValues, valueRange, orientation }, samples: dataset.samples };
}

it('gives samples and batches of the same bits, more at once than it works at', async () => {
  const { data, samples } = opened;
  const thread = new DataThread(data, null);
  try {
    const size = { width: 32, height: 32 };
    const here = await Promise.all(samples.map((sample) => loadSample(data, sample, size)));
    const there = await Promise.all(samples.map((sample) => thread.load(sample)));
    for (const [i, { pixels, labels }] of there.entries()) {
      expect(Buffer.compare(pixels as Uint8Array, here[i]!.pixels as Uint8Array)).toBe(0);
      expect(Buffer.compare(labels, here[i]!.labels)).toBe(0);
    }
    const [one, two] = [await thread.batch(there), await thread.batch(there)];
    expect(one).toEqual(toBatch(here));
    expect(two).toEqual(one);
  } finally {
    await thread.close();
  }
});

it('takes files from whoever hands them over, and leaves the kind of failure as it is', async () => {
  const { data, samples } = opened;
  const read = folderReader(data);
  let isAway = false;
  const thread = new DataThread({ ...data, images: 'nowhere', masks: 'nowhere' }, async (file) => {
    if (isAway) throw new FetchError('timeout', 'nobody answers');
    return read(file);
  });
  try {
    expect((await thread.load(samples[0]!)).width).toBe(32);
    isAway = true;
    await expect(thread.load(samples[1]!)).rejects.toBeInstanceOf(FetchError);
  } finally {
    await thread.close();
  }
});

it('says in one sentence which file has changed, and goes on with the others', async () => {
  const { data, samples } = opened;
  const thread = new DataThread(data, null);
  try {
    writeFileSync(join(data.images, samples[9]!.photo), 'something else');
    await expect(thread.load(samples[9]!)).rejects.toThrow('is not the file that the run was created with');
    expect((await thread.load(samples[8]!)).height).toBe(32);
  } finally {
    await thread.close();
  }
});
