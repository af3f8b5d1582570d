/**
 * The data of a run as this worker has it: a folder that was scanned, or, without one, the coordinator's listing and
 * files that are fetched when they are needed. Either way the data has an identity that the coordinator compares with
 * the run's, and each file has its hash, so that where it came from can't matter.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DataFile,
  datasetFrom,
  type FileReader,
  isRemote,
  openPack,
  PackedFiles,
  parseListing,
  type Sample,
  type Split,
  scanDataset,
} from '@unet-fleet/dataset';
import { type Config, UserError } from '@unet-fleet/law';
import { type BrokerAddress, FetchError, type Subjects, type Welcome } from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { CoordinatorFiles } from './coordinator-files.ts';
import { DiskCache } from './disk-cache.ts';
import { type FileSource, FileStore } from './file-store.ts';

export interface RunDataOptions {
  broker: BrokerAddress;
  workerId: string;
  /** Where this host has the data; '' for the coordinator's paths, where they are here. */
  images: string;
  masks: string;
  /** Folder or URL of a packed data set that this worker reads from; '' for the run's. */
  pack: string;
  packToken: string;
  /** Whether to fetch what may also lie at the coordinator's paths on this host. */
  mustFetch: boolean;
  cacheDir: string;
  /** For files that are fetched. */
  sampleCache: { folder: string; maxBytes: number };
  env: Readonly<Record<string, string | undefined>>;
  log: { info(message: string): void; debug(message: string): void };
}

export interface RunData {
  config: Config['data'];
  samples: Sample[];
  /** That the data brings along; null for one to be drawn. */
  split: Split | null;
  sha256: string;
  /** Hands over the files; null where all lie in the folders that `config` names. */
  read: FileReader | null;
  /** Files that will probably be read, in this order. */
  prefetch(files: readonly DataFile[]): void;
  /** The coordinator of this term is there. */
  follow(term: number): void;
  close(): Promise<void>;
}

/**
 * Opens the data that the welcome describes; null once `isWanted` says no or `signal` fires. Throws a UserError when a
 * folder or pack that was named can't be read.
 */
export async function openRunData(
  welcome: Welcome,
  subjects: Subjects,
  options: RunDataOptions,
  isWanted: () => boolean,
  signal: AbortSignal,
): Promise<RunData | null> {
  const config = {
    ...welcome.data,
    packToken: options.packToken,
    images: options.images || welcome.data.images,
    masks: options.masks || welcome.data.masks,
  };
  const isNamed = options.images !== '' || options.masks !== '';
  const lists = [config.trainList, config.valList].filter((path) => path !== '');
  const hasLists = lists.every((path) => existsSync(path));
  if (isNamed && !hasLists) {
    throw new UserError(
      `the lists of the run's split (${lists.join(' and ')}) are not on this machine: copy them there, or leave out --images and --masks, so that the data is fetched`,
    );
  }
  const isHere = existsSync(config.images) && existsSync(config.masks) && hasLists;
  return isNamed || (options.pack === '' && isHere && !options.mustFetch)
    ? openFolders(config, options)
    : fetched(config, welcome, subjects, options, isWanted, signal);
}

async function openFolders(config: Config['data'], { cacheDir }: RunDataOptions): Promise<RunData> {
  const { samples, split, sha256 } = datasetFrom(await scanDataset(config, { cacheDir }), config);
  return {
    config,
    samples,
    split,
    sha256,
    read: null,
    prefetch() {},
    follow() {},
    async close() {},
  };
}

async function fetched(
  config: Config['data'],
  welcome: Welcome,
  subjects: Subjects,
  options: RunDataOptions,
  isWanted: () => boolean,
  signal: AbortSignal,
): Promise<RunData | null> {
  const { broker, workerId, log, sampleCache } = options;
  const own = await openOwnPack(config, options);
  const cache = await DiskCache.open({ ...sampleCache, onProblem: log.info });
  // The worker has found the broker before: if it is gone now it is waited for, as by connections that were up.
  const connection = await connectWhenThere(
    { ...broker, name: `${workerId} files`, peer: workerId },
    Number.POSITIVE_INFINITY,
    (reason) => log.info(`waiting for the broker: ${reason}`),
    signal,
  );
  if (connection === null) return null;
  const coordinator = new CoordinatorFiles({ connection, subjects, workerId });
  coordinator.follow(welcome.term);
  const sources: FileSource[] = own ? [own, coordinator] : [coordinator];
  const store = new FileStore({ cache, sources, onProblem: log.info });
  const close = async () => {
    store.close();
    await connection.close();
  };
  try {
    const listing = await patiently(isWanted, log, async () => {
      const file: DataFile = { kind: 'photo', name: 'listing', sha256: welcome.listingSha256 };
      const { samples, split, sha256, paletteSha256 } = parseListing(
        Buffer.from((await store.read(file)).bytes).toString('utf8'),
        config,
      );
      if (paletteSha256 === '') return { samples, split, sha256, palette: '' };
      const name = basename(config.palette);
      const { path } = await store.read({ kind: 'mask', name, sha256: paletteSha256 });
      return { samples, split, sha256, palette: path };
    });
    if (!listing) {
      await close();
      return null;
    }
    const { samples, split, sha256, palette } = listing;
    log.info(
      `data: ${samples.length} samples from ${sources.map(({ where }) => where).join(', or ')}, kept in ${sampleCache.folder}`,
    );
    return {
      config: { ...config, palette },
      samples,
      split,
      sha256,
      read: store.read,
      prefetch: (files) => store.prefetch(files),
      follow: (term) => coordinator.follow(term),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The pack that this worker was given, or else the run's, if it is one that other hosts can read as well. */
async function openOwnPack(
  { pack: ofRun }: Config['data'],
  { pack, packToken: token, env, log }: RunDataOptions,
): Promise<PackedFiles | null> {
  if (pack !== '') return new PackedFiles(await openPack(pack, { token, env }));
  if (!isRemote(ofRun)) return null;
  try {
    return new PackedFiles(await openPack(ofRun, { token, env }));
  } catch (error) {
    log.info(`${(error as Error).message}; the coordinator is asked instead`);
    return null;
  }
}

/** Waits between two tries, in ms. */
const retryMs = 1_000;

/** A coordinator that is gone comes back, or another one is there: what it was asked is asked again until then. */
async function patiently<T>(
  isWanted: () => boolean,
  log: RunDataOptions['log'],
  work: () => Promise<T>,
): Promise<T | null> {
  while (isWanted()) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      log.debug(`the listing of the data is not here yet: ${error.message}`);
    }
    await sleep(retryMs);
  }
  return null;
}
