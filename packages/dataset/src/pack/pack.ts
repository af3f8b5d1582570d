/** A packed data set to read from: its index, and single files of it by their hash. */
import { UserError } from '@unet-fleet/law';
import { MAX_FILE_BYTES } from '../limits.ts';
import { sha256Of } from '../scan.ts';
import { indexName, type PackedFile, type PackIndex, parseIndex } from './pack-index.ts';
import { openRangeSource, type RangeSource, type SourceOptions } from './range-source.ts';

/** Of an index of ten million files. */
const maxIndexBytes = 2 ** 30;

export interface Pack {
  index: PackIndex;
  /** Of the index: another pack has another one. */
  indexSha256: string;
  source: RangeSource;
}

/** Reads the index. Rejects with a UserError that names the location if there is none, or it can't be had. */
export async function openPack(location: string, options: SourceOptions): Promise<Pack> {
  const source = openRangeSource(location, options);
  const bytes = await source.read(indexName, null, maxIndexBytes);
  const index = parseIndex(Buffer.from(bytes).toString('utf8'), `${source.where} ${indexName}`);
  return { index, indexSha256: sha256Of(bytes), source };
}

/** Files of a pack by their hash. Rejects with a UserError; the bytes are not checked. */
export class PackedFiles {
  readonly where: string;
  readonly #pack: Pack;
  readonly #byHash: Map<string, PackedFile>;

  constructor(pack: Pack) {
    this.#pack = pack;
    this.where = pack.source.where;
    this.#byHash = new Map(pack.index.files.map((file) => [file.sha256, file]));
  }

  has(sha256: string): boolean {
    return this.#byHash.has(sha256);
  }

  async fetch(sha256: string): Promise<Uint8Array> {
    const file = this.#byHash.get(sha256);
    if (!file) {
      throw new UserError(
        `${this.where} holds another data set than the run's (no file with the hash ${sha256.slice(0, 12)}): name the right one with --pack`,
      );
    }
    const { name } = this.#pack.index.shards[file.shard]!;
    if (file.sizeBytes === 0) return new Uint8Array();
    return this.#pack.source.read(
      name,
      { offsetBytes: file.offsetBytes, lengthBytes: file.sizeBytes },
      MAX_FILE_BYTES,
    );
  }
}
