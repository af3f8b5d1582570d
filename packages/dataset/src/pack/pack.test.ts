/** Packing a data set and reading it again, from a folder, a web server and an object store, and what can go wrong. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataConfig } from '@unet-fleet/law';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dataConfig, folderWith, photo, pngMask } from '../../test-support/folders.ts';
import { type Behaviour, type RangeServer, serveFolder } from '../../test-support/range-server.ts';
import { tiffOf } from '../../test-support/tiff.ts';
import { datasetFrom } from '../dataset.ts';
import { scanDataset } from '../scan.ts';
import { openPack, PackedFiles } from './pack.ts';
import { parseIndex } from './pack-index.ts';
import { withUnpacked } from './unpack.ts';
import { writePack } from './write-pack.ts';

const scratch = mkdtempSync(join(tmpdir(), 'unet-fleet-pack-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A name that does not fit into a plain tar header, and one that a careless reader would take apart. */
const longName = `${'deep/'.repeat(30)}käse & brot`;
const names = ['a', 'b', longName];
let data: DataConfig;
let dataset: Awaited<ReturnType<typeof scan>>;
const scan = async (config: DataConfig) => datasetFrom(await scanDataset(config), config);

let numFolders = 0;
const nextFolder = () => join(scratch, `folder-${numFolders++}`);
const packed = async (options: Partial<DataConfig> = {}, shardBytes = 1e9) => {
  const out = nextFolder();
  const config = { ...data, ...options };
  const report = await writePack({ data: config, dataset, out, shardBytes });
  return { out, report };
};
const unpack = (pack: string, options: Partial<DataConfig> = {}, cacheDir = nextFolder()) =>
  withUnpacked(dataConfig({ pack, ...options }), { cacheDir, env: {} });

beforeAll(async () => {
  const files: Record<string, Uint8Array | string> = {
    'names.txt': 'ground\nfigure\n',
    'photos/left-out.jpg': await photo(8, 8),
  };
  for (const [i, name] of names.entries()) {
    files[`photos/${name}.jpg`] = await photo(16 + i, 12, 'jpeg', 40 * i);
    files[`masks/${name}.png`] = pngMask(16 + i, 12, (x) => (x > 7 ? 1 : 0));
  }
  const folder = folderWith(files);
  data = dataConfig({
    images: join(folder, 'photos'),
    masks: join(folder, 'masks'),
    classNames: join(folder, 'names.txt'),
  });
  dataset = await scan(data);
});

describe('a pack', () => {
  it('unpacks to a data set of the same identity, and of nothing else', async () => {
    const { out, report } = await packed();
    expect(report).toMatchObject({ numSamples: 3, numFiles: 7, numShards: 1, dataSha256: dataset.sha256 });
    const unpacked = await unpack(out);
    const again = await scan(unpacked);
    expect(again).toMatchObject({ sha256: dataset.sha256, classNames: ['ground', 'figure'] });
    expect(again.samples).toEqual(dataset.samples);
    expect(again.warnings).toEqual([]);
  });

  it.each<[string, string, string, Partial<DataConfig>]>([
    ['suffixes', '#_sat.png', '#_mask.png', { imageSuffix: '_sat', maskSuffix: '_mask' }],
    ['folders of a split', 'train/images/#.png', 'train/labels/#.png', {}],
    ['a split that is not wanted', 'train/#.jpg', 'train/#.png', { split: 'random' }],
    ['lists', '#.jpg', '#.png', { trainList: 'train.txt', valList: 'val.txt' }],
  ])('brings along %s, without an option', async (_, photoName, maskName, options) => {
    const picture = { jpg: await photo(16, 16), png: await photo(16, 16, 'png') };
    const mask = pngMask(16, 16, (x) => x % 2);
    const files: Record<string, Uint8Array | string> = {
      ...{ 'train.txt': '1\n2\n', 'val.txt': '3' },
      '@eaDir/1.jpg': picture.jpg,
    };
    for (const id of ['1', '2', '3', '4']) {
      const part = (name: string) => (id < '3' ? name : name.replace('train/', 'val/')).replace('#', id);
      files[part(photoName)] = photoName.endsWith('jpg') ? picture.jpg : picture.png;
      files[part(maskName)] = mask;
    }
    const folder = folderWith(files);
    const listed = Object.entries(options).map(([key, value]) => [
      key,
      key.endsWith('List') ? join(folder, value as string) : value,
    ]);
    const given = dataConfig({ images: folder, masks: folder, ...Object.fromEntries(listed) });
    const packedSet = await scan(given);
    const out = nextFolder();
    await writePack({ data: given, dataset: packedSet, out, shardBytes: 1e9 });
    const again = await scan(await unpack(out));
    expect(packedSet.samples.length).toBe(options.trainList ? 3 : 4);
    expect(again).toMatchObject({ sha256: packedSet.sha256, split: packedSet.split });
    expect(again.samples).toEqual(packedSet.samples);
  });

  it('holds a stack of pages once', async () => {
    const page = (value: number) => ({
      width: 16,
      height: 16,
      bits: 8,
      data: new Uint8Array(256).fill(value),
    });
    const half = { ...page(0), data: Uint8Array.from({ length: 256 }, (_, i) => i >> 7) };
    const folder = folderWith({
      'photos/a.tif': tiffOf(page(9), page(99)),
      'masks/a.tif': tiffOf(half, half),
    });
    const given = dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks') });
    const stack = await scan(given);
    const out = nextFolder();
    expect(await writePack({ data: given, dataset: stack, out, shardBytes: 1e9 })).toMatchObject({
      numSamples: 2,
      numFiles: 2,
    });
    expect((await scan(await unpack(out))).samples).toEqual(stack.samples);
  });

  it('is the same bytes each time, in shards that any tar unpacks', async () => {
    const [one, two] = [await packed({}, 1_000), await packed({}, 1_000)];
    expect(one.report.numShards).toBeGreaterThan(2);
    for (const name of readdirSync(one.out)) {
      expect(readFileSync(join(one.out, name)).equals(readFileSync(join(two.out, name))), name).toBe(true);
    }
    const folder = nextFolder();
    mkdirSync(folder);
    for (const name of readdirSync(one.out).filter((file) => file.endsWith('.tar'))) {
      execFileSync('tar', ['xf', join(one.out, name), '-C', folder]);
    }
    const images = join(folder, 'photos');
    expect((await scan({ ...data, images, masks: join(folder, 'masks') })).sha256).toBe(dataset.sha256);
  });

  it('is not written over another one', async () => {
    const { out } = await packed();
    await expect(writePack({ data, dataset, out, shardBytes: 1e9 })).rejects.toThrow(
      /holds a packed data set already: name another folder, or remove it$/,
    );
  });

  it('of files that have changed since the scan is refused, and leaves no shard', async () => {
    const changed = {
      ...dataset,
      samples: dataset.samples.map((sample) => ({ ...sample, maskSha256: '0'.repeat(64) })),
    };
    const out = nextFolder();
    await expect(writePack({ data, dataset: changed, out, shardBytes: 1e9 })).rejects.toThrow(
      /has changed since it was scanned/,
    );
    expect(readdirSync(out)).toEqual([]);
  });

  it('with a damaged byte is refused, naming the file, and leaves no folder that looks whole', async () => {
    const { out } = await packed();
    const shard = join(out, 'shard-00000.tar');
    const bytes = readFileSync(shard);
    const { files } = parseIndex(readFileSync(join(out, 'index.json'), 'utf8'), 'x');
    const hit = files.find(({ path }) => path === 'masks/b.png')!;
    bytes[hit.offsetBytes + 30]! ^= 1;
    writeFileSync(shard, bytes);
    const cacheDir = nextFolder();
    await expect(unpack(out, {}, cacheDir)).rejects.toThrow(
      /^masks\/b\.png in .* is not what its index says: copy/,
    );
    expect(readdirSync(join(cacheDir, 'packs'))).toEqual([]);
  });

  it('whose shard is cut off is refused', async () => {
    const { out } = await packed();
    const shard = join(out, 'shard-00000.tar');
    writeFileSync(shard, readFileSync(shard).subarray(0, 3_000));
    await expect(unpack(out)).rejects.toThrow(/shard-00000\.tar ends too early: copy the pack again$/);
  });

  it('that is not there is named', async () => {
    await expect(unpack('/nowhere/pack')).rejects.toThrow(
      'there is no /nowhere/pack/index.json: name the folder that unet-fleet pack wrote with --pack',
    );
    await expect(unpack('ftp://host/pack')).rejects.toThrow(/is no folder and no URL of the kind https/);
  });

  it('is unpacked once', async () => {
    const { out } = await packed();
    const cacheDir = nextFolder();
    const first = await unpack(out, {}, cacheDir);
    rmSync(join(out, 'shard-00000.tar'));
    expect(await unpack(out, {}, cacheDir)).toEqual(first);
  });
});

describe('an index', () => {
  const entry = (path: string) => [path, '0'.repeat(64), 1, 0, 0];
  const index = (files: unknown[], more = {}) =>
    JSON.stringify({
      format: 'unet-fleet pack 1',
      dataSha256: '0'.repeat(64),
      numSamples: 1,
      classNames: null,
      palette: null,
      shards: [{ name: 'shard-00000.tar', sizeBytes: 100, sha256: '0'.repeat(64) }],
      files,
      ...more,
    });
  it.each([
    ['leads out of its folder', index([entry('photos/../../evil.jpg')])],
    ['is absolute', index([entry('/etc/passwd')])],
    ['has an empty part', index([entry('photos//a.jpg')])],
    ['lies behind the end of its shard', index([['photos/a.jpg', '0'.repeat(64), 101, 0, 0]])],
    ['lies in no shard', index([['photos/a.jpg', '0'.repeat(64), 1, 1, 0]])],
    ['is there twice', index([entry('photos/a.jpg'), entry('photos/a.jpg')])],
    ['names a list that is not there', index([], { palette: 'lists/palette.txt' })],
    [
      'names a shard elsewhere',
      index([], { shards: [{ name: '../x.tar', sizeBytes: 1, sha256: '0'.repeat(64) }] }),
    ],
    ['is no JSON', '{'],
  ])('with a file that %s is refused', (_, text) => {
    expect(() => parseIndex(text, 'pack/index.json')).toThrow(
      /^pack\/index\.json is no index of a packed data set \(.*\): make the pack again/,
    );
  });
});

describe('a pack at a URL', () => {
  let server: RangeServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });
  const serve = async (behaviour: Behaviour = {}) => {
    const { out } = await packed();
    server = await serveFolder(out, behaviour);
    return server.url;
  };
  const open = (location: string, env: Record<string, string> = {}, token = '') =>
    openPack(location, { token, env, pauseMs: 1 });

  it('gives single files by ranges of bytes', async () => {
    const files = new PackedFiles(await open(await serve()));
    const [, b] = dataset.samples;
    const bytes = await files.fetch(b!.photoSha256);
    expect(Buffer.from(bytes).equals(readFileSync(join(data.images, 'b.jpg')))).toBe(true);
    expect(server!.requests.at(-1)).toMatchObject({ path: 'shard-00000.tar' });
    expect(server!.requests.at(-1)!.headers.range).toMatch(/^bytes=\d+-\d+$/);
    expect(files.has(b!.maskSha256)).toBe(true);
    await expect(files.fetch('0'.repeat(64))).rejects.toThrow(/holds another data set than the run's/);
  });

  it('unpacks to a data set of the same identity', async () => {
    expect((await scan(await unpack(await serve()))).sha256).toBe(dataset.sha256);
  });

  it('is asked again when the server fails for a moment, and no more than four times', async () => {
    expect((await open(await serve({ status: (n) => [500, 429, 503][n] ?? null }))).index.numSamples).toBe(3);
    expect(server!.requests.length).toBe(4);
    await server!.close();
    await expect(open(await serve({ status: () => 503 }))).rejects.toThrow(
      /index\.json can't be had from http:.* \(HTTP 503\): check that the server can be reached$/,
    );
    expect(server!.requests.length).toBe(4);
  });

  it('whose answers end too early is asked again, and refused if that goes on', async () => {
    const url = await serve({ change: (bytes, path) => (path.endsWith('.tar') ? bytes.subarray(1) : bytes) });
    const files = new PackedFiles(await open(url));
    await expect(files.fetch(dataset.samples[0]!.photoSha256)).rejects.toThrow(/its answer ended too early/);
    expect(server!.requests.length).toBe(5);
  });

  it('on a server that knows no ranges is refused, with what to do', async () => {
    const files = new PackedFiles(await open(await serve({ answersRanges: false })));
    await expect(files.fetch(dataset.samples[0]!.photoSha256)).rejects.toThrow(
      /answers no requests for a range of bytes: use one that does, such as nginx/,
    );
  });

  it('is not kept by more bytes than were asked for', async () => {
    const url = await serve({
      change: (bytes, path) => (path.endsWith('.tar') ? Buffer.concat([bytes, bytes]) : bytes),
    });
    const files = new PackedFiles(await open(url));
    await expect(files.fetch(dataset.samples[0]!.photoSha256)).rejects.toThrow(/has more than the \d+ bytes/);
  });

  it('takes a token, or user and password, and says so when they are missing or wrong', async () => {
    const url = await serve({ authorization: 'Bearer secret' });
    expect((await open(url, {}, 'secret')).index.numSamples).toBe(3);
    await expect(open(url)).rejects.toThrow(
      /refuses to hand over index\.json \(HTTP 401\): give --pack-token/,
    );
    await server!.close();
    const basic = await serve({ authorization: `Basic ${Buffer.from('me:p w').toString('base64')}` });
    const withUser = basic.replace('http://', 'http://me:p%20w@');
    const pack = await open(withUser);
    expect(pack.index.numSamples).toBe(3);
    expect(pack.source.where).not.toContain('p%20w');
  });

  it('in an object store is asked for with a signature, or without where there are no keys', async () => {
    const AWS_ENDPOINT_URL = await serve({ status: () => 404 });
    const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'key', AWS_REGION: 'eu-west-3' };
    await expect(open('s3://bucket/some/pack', { AWS_ENDPOINT_URL, ...keys })).rejects.toThrow(
      'there is no index.json at s3://bucket/some/pack: check --pack',
    );
    const [signed] = server!.requests;
    expect(signed).toMatchObject({ path: 'bucket/some/pack/index.json' });
    expect(signed!.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-west-3\/s3\/aws4_request, SignedHeaders=host;/,
    );
    await expect(open('s3://bucket/pack/', { AWS_ENDPOINT_URL })).rejects.toThrow(/there is no index\.json/);
    expect(server!.requests[1]!.headers.authorization).toBeUndefined();
    expect(server!.requests[1]!.path).toBe('bucket/pack/index.json');
  });
});
