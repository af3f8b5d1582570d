/**
 * Writes a data set as a few large tar files with an index. The same data gives the same bytes: files in the order of
 * their samples, no times, no owners. The index comes last, so that a pack that was broken off is none.
 */
import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type DataConfig, UserError } from '@unet-fleet/law';
import { atExit, explained, makeFolder, readPlain, writeWhole } from '@unet-fleet/shared';
import { packTar } from 'modern-tar';
import { type DataFile, filesOf, folderReader } from '../files.ts';
import { sha256Of } from '../scan.ts';
import type { Dataset, Sample } from '../types.ts';
import { indexName, indexText, type PackedFile, type PackIndex } from './pack-index.ts';

export interface PackOptions {
  data: DataConfig;
  dataset: Dataset;
  /** Folder to write; must not hold a pack. */
  out: string;
  /** A shard is closed once it is this large. */
  shardBytes: number;
  onProgress?(numDone: number, numFiles: number): void;
}

export interface PackReport {
  folder: string;
  dataSha256: string;
  numSamples: number;
  numFiles: number;
  numShards: number;
  sizeBytes: number;
}

interface Source {
  path: string;
  read(): Promise<Uint8Array>;
}

/** Throws a UserError if there is a pack already, a file is not the one that was scanned, or the disk is full. */
export async function writePack(options: PackOptions): Promise<PackReport> {
  const { out, data, dataset, onProgress } = options;
  checkNames(dataset);
  if (existsSync(join(out, indexName))) {
    throw new UserError(`${out} holds a packed data set already: name another folder, or remove it`);
  }
  try {
    makeFolder(out);
    const sources = sourcesOf(options);
    const writer = new ShardWriter(out, options.shardBytes);
    try {
      for (const [i, { path, read }] of sources.entries()) {
        await writer.add(path, await read());
        onProgress?.(i + 1, sources.length);
      }
      await writer.closeShard();
    } finally {
      await writer.abandon();
    }
    const { shards, files } = writer;
    const list = (folder: string) => files.find((file) => file.path.startsWith(folder))?.path ?? null;
    const index: PackIndex = {
      dataSha256: dataset.sha256,
      numSamples: dataset.samples.length,
      classNames: list('lists/class-names'),
      palette: list('lists/palette'),
      trainList: list('lists/train'),
      valList: list('lists/val'),
      split: data.split,
      imageSuffix: data.imageSuffix,
      maskSuffix: data.maskSuffix,
      shards,
      files,
    };
    await writeWhole(join(out, indexName), indexText(index));
    return {
      folder: out,
      dataSha256: dataset.sha256,
      numSamples: dataset.samples.length,
      numFiles: files.length,
      numShards: shards.length,
      sizeBytes: shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  } catch (error) {
    throw writeError(error, out);
  }
}

/** A pack is read everywhere, also where a backslash stands between folders. */
function checkNames({ samples }: Dataset): void {
  const strange = samples.flatMap(({ photo, mask }) => [photo, mask]).find((path) => path.includes('\\'));
  if (strange === undefined) return;
  throw new UserError(`${strange} has a backslash in its name, which a pack can't hold: rename it`);
}

function sourcesOf({ data, dataset }: PackOptions): Source[] {
  const read = folderReader(data);
  const lists: [string, string][] = [
    ['class-names', data.classNames],
    ['palette', data.palette],
    ['train', data.trainList],
    ['val', data.valList],
  ];
  return [
    ...lists
      .filter(([, path]) => path !== '')
      .map(([name, path]) => ({
        path: `lists/${name}${extname(path).toLowerCase()}`,
        read: () => readPlain(path),
      })),
    ...filesOfAll(dataset.samples).map((file) => ({
      path: packedPath(file),
      read: async () => {
        const { bytes, path } = await read(file);
        if (sha256Of(bytes) === file.sha256) return bytes;
        throw new UserError(`${path} has changed since it was scanned: pack again`);
      },
    })),
  ];
}

const packedPath = ({ kind, name }: DataFile): string => `${kind === 'photo' ? 'photos' : 'masks'}/${name}`;

/** Each once, also where its pages are samples of their own. */
const filesOfAll = (samples: readonly Sample[]): DataFile[] => [
  ...new Map(samples.flatMap(filesOf).map((file) => [packedPath(file), file])).values(),
];

const writeError = (error: unknown, out: string): unknown =>
  explained(error, { what: 'the pack', path: out, instead: 'or name another folder' });

/** Bytes of a tar's blocks: what an entry is filled up to. */
const blockBytes = 512;

class ShardWriter {
  readonly shards: PackIndex['shards'] = [];
  readonly files: PackedFile[] = [];
  readonly #folder: string;
  readonly #shardBytes: number;
  #file: Awaited<ReturnType<typeof open>> | null = null;
  #hash = createHash('sha256');
  #sizeBytes = 0;
  #isGone = () => {};

  constructor(folder: string, shardBytes: number) {
    this.#folder = folder;
    this.#shardBytes = shardBytes;
  }

  async add(path: string, bytes: Uint8Array): Promise<void> {
    if (!this.#file) {
      this.#isGone = atExit(() => rmSync(this.#temporary, { force: true }));
      this.#file = await open(this.#temporary, 'w');
    }
    const entry = await entryOf(path, bytes);
    const padded = Math.ceil(bytes.byteLength / blockBytes) * blockBytes;
    this.files.push({
      path,
      sha256: sha256Of(bytes),
      sizeBytes: bytes.byteLength,
      shard: this.shards.length,
      offsetBytes: this.#sizeBytes + entry.byteLength - padded,
    });
    await this.#write(entry);
    if (this.#sizeBytes >= this.#shardBytes) await this.closeShard();
  }

  /** Ends the shard that is being written, if any; it has its name once it is whole and on the disk. */
  async closeShard(): Promise<void> {
    if (!this.#file) return;
    await this.#write(new Uint8Array(2 * blockBytes));
    await this.#file.sync();
    await this.abandon(false);
    const name = `shard-${String(this.shards.length).padStart(5, '0')}.tar`;
    await rename(this.#temporary, join(this.#folder, name));
    this.shards.push({ name, sizeBytes: this.#sizeBytes, sha256: this.#hash.digest('hex') });
    this.#hash = createHash('sha256');
    this.#sizeBytes = 0;
  }

  /** Leaves no half a shard behind. */
  async abandon(removes = true): Promise<void> {
    if (!this.#file) return;
    await this.#file.close();
    this.#file = null;
    this.#isGone();
    if (removes) await rm(this.#temporary, { force: true });
  }

  get #temporary(): string {
    return join(this.#folder, 'shard.tmp');
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file!.write(bytes);
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.byteLength;
  }
}

/** One entry of a tar: its headers, the content, and what fills the last block. */
async function entryOf(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const header = { name, size: bytes.byteLength, mode: 0o644, mtime: new Date(0) };
  const archive = await packTar([{ header, body: bytes }]);
  // Without the end of an archive, which comes once a shard.
  return archive.subarray(0, archive.byteLength - 2 * blockBytes);
}
