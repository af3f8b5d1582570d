/**
 * Histograms of a checkpoint's parameters, read tensor by tensor: the memory is that of the largest one. The checkpoint
 * may be pruned meanwhile, and is not verified here: what does not fit is an Error.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { histogramOf, type ValueHistogram } from '@unet-fleet/coordinator/reducer/value-histogram';
import { describeModel, type ModelConfig } from '@unet-fleet/law';

/** The largest U-Net's header has 20 kB. */
const maxHeaderBytes = 4 * 1024 * 1024;

export async function weightHistograms(
  checkpoint: string,
  model: ModelConfig,
): Promise<{ name: string; histogram: ValueHistogram }[]> {
  const file = await open(join(checkpoint, 'model.safetensors'), 'r');
  try {
    const headerBytes = Number(new DataView((await read(file, 0, 8)).buffer).getBigUint64(0, true));
    if (headerBytes > maxHeaderBytes) throw new Error(`its header claims ${headerBytes} bytes`);
    const header = JSON.parse(new TextDecoder().decode(await read(file, 8, headerBytes)));
    const histograms: { name: string; histogram: ValueHistogram }[] = [];
    for (const { name, size } of describeModel(model).parameters) {
      const [begin, end] = header[name]?.data_offsets ?? [];
      if (!Number.isSafeInteger(begin) || end - begin !== size * 4)
        throw new Error(`${name} has another size`);
      const bytes = await read(file, 8 + headerBytes + begin, size * 4);
      histograms.push({ name, histogram: histogramOf(new Float32Array(bytes.buffer)) });
    }
    return histograms;
  } finally {
    await file.close();
  }
}

/** In memory of their own. */
async function read(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new Error(`it ends after ${position + done} bytes`);
    done += bytesRead;
  }
  return bytes;
}
