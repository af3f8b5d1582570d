/**
 * A packed data set as folders on this machine: what a coordinator scans, and what every command reads that wants
 * photos and masks. Each file is checked as it is written, and a folder that has its name is complete, so a second
 * start finds it and fetches nothing but the index.
 */

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DataConfig, UserError } from '@unet-fleet/law';
import { makeAtomically, makeFolder, requireDisk } from '@unet-fleet/shared';
import pMap from 'p-map';
import { MAX_FILE_BYTES } from '../limits.ts';
import { sha256Of } from '../scan.ts';
import { openPack, type Pack } from './pack.ts';
import type { PackedFile } from './pack-index.ts';
import type { SourceOptions } from './range-source.ts';

export interface UnpackOptions {
  /** The user's cache, which gets the folders. */
  cacheDir: string;
  env: SourceOptions['env'];
  onProgress?(numDoneBytes: number, numBytes: number): void;
}

/** Neighbours in a shard are fetched together, up to this many bytes. */
const runBytes = 16 * 1024 * 1024;
const concurrency = 4;

/**
 * The data options with the folders of the pack that they name, unpacked into the cache; as they are without one. The
 * lists in the pack stand in for those that the options do not name. Rejects with a UserError if the pack can't be had.
 */
export async function withUnpacked(data: DataConfig, options: UnpackOptions): Promise<DataConfig> {
  if (data.pack === '') return data;
  const pack = await openPack(data.pack, {
    token: data.packToken || options.env.UNET_FLEET_PACK_TOKEN || '',
    env: options.env,
  });
  const folder = join(options.cacheDir, 'packs', pack.indexSha256.slice(0, 32));
  if (!existsSync(folder)) {
    const sizeBytes = sizeOf(pack.index.files);
    requireDisk(options.cacheDir, sizeBytes, 'the unpacked data set');
    await makeAtomically(folder, (temporary) => unpack(pack, temporary, options.onProgress));
  }
  const { classNames, palette, trainList, valList, split, imageSuffix, maskSuffix } = pack.index;
  const list = (given: string, path: string | null) => given || (path === null ? '' : join(folder, path));
  return {
    ...data,
    images: join(folder, 'photos'),
    masks: join(folder, 'masks'),
    classNames: list(data.classNames, classNames),
    palette: list(data.palette, palette),
    split: data.split === 'auto' && data.trainList === '' ? split : data.split,
    trainList: list(data.trainList, trainList),
    valList: list(data.valList, valList),
    imageSuffix: data.imageSuffix || imageSuffix,
    maskSuffix: data.maskSuffix || maskSuffix,
  };
}

const sizeOf = (files: readonly PackedFile[]): number =>
  files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

async function unpack(pack: Pack, folder: string, onProgress: UnpackOptions['onProgress']): Promise<void> {
  const { index, source } = pack;
  const totalBytes = sizeOf(index.files);
  let doneBytes = 0;
  const unpackRun = async (files: PackedFile[]) => {
    const [first] = files;
    const begin = first!.offsetBytes;
    const last = files.at(-1)!;
    const lengthBytes = last.offsetBytes + last.sizeBytes - begin;
    const { name } = index.shards[first!.shard]!;
    const bytes =
      lengthBytes === 0
        ? new Uint8Array()
        : await source.read(name, { offsetBytes: begin, lengthBytes }, MAX_FILE_BYTES);
    for (const file of files) {
      const content = bytes.subarray(file.offsetBytes - begin, file.offsetBytes - begin + file.sizeBytes);
      if (sha256Of(content) !== file.sha256) {
        throw new UserError(
          `${file.path} in ${source.where} ${name} is not what its index says: copy the pack again, or make it anew`,
        );
      }
      const path = join(folder, file.path);
      makeFolder(dirname(path));
      await writeFile(path, content);
      doneBytes += file.sizeBytes;
    }
    onProgress?.(doneBytes, totalBytes);
  };
  await pMap(runsOf(index.files), unpackRun, { concurrency });
}

/** Files that lie beside each other in a shard, in pieces that are fetched at once. */
export function runsOf(files: readonly PackedFile[]): PackedFile[][] {
  const sorted = [...files].sort((a, b) => a.shard - b.shard || a.offsetBytes - b.offsetBytes);
  const runs: PackedFile[][] = [];
  for (const file of sorted) {
    const run = runs.at(-1);
    const first = run?.[0];
    const end = file.offsetBytes + file.sizeBytes;
    if (run && first?.shard === file.shard && end - first.offsetBytes <= runBytes) run.push(file);
    else runs.push([file]);
  }
  return runs;
}
