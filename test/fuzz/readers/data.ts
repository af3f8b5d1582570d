/** What a worker without the data folder believes nothing of: the listing of the data, the index of a pack. */
import { type Dataset, listingText, parseListing } from '@unet-fleet/dataset';
import { indexText, parseIndex } from '@unet-fleet/dataset/pack/pack-index';
import { UserError } from '@unet-fleet/law';
import type { Reader } from '../reader.ts';
import { textSeed } from './files.ts';

const hash = (digit: string) => digit.repeat(64);
const samples: Dataset['samples'] = ['a', 'street/b', 'käse "c"'].map((id, i) => ({
  id,
  photo: `${id}.jpg`,
  mask: `${id}_mask.mat`,
  width: 550 + i,
  height: 800,
  page: i,
  photoSha256: hash(String(i)),
  maskSha256: hash(String(i + 3)),
}));
const index = indexText({
  dataSha256: hash('a'),
  numSamples: 1,
  classNames: 'lists/class-names.txt',
  palette: null,
  trainList: null,
  valList: null,
  split: 'auto',
  imageSuffix: '',
  maskSuffix: '_mask',
  shards: [{ name: 'shard-00000.tar', sizeBytes: 10_240, sha256: hash('b') }],
  files: [
    { path: 'lists/class-names.txt', sha256: hash('1'), sizeBytes: 12, shard: 0, offsetBytes: 512 },
    { path: 'photos/street/b.jpg', sha256: hash('2'), sizeBytes: 900, shard: 0, offsetBytes: 1_536 },
    { path: 'masks/street/b.png', sha256: hash('3'), sizeBytes: 0, shard: 0, offsetBytes: 10_240 },
  ],
});
const isAnswer = (error: unknown) => error instanceof UserError;
const textOf = (input: Uint8Array) => Buffer.from(input).toString('utf8');

export const dataReaders: Reader[] = [
  {
    name: 'listing',
    weight: 0.5,
    seeds: () => [
      textSeed('listing', listingText({ samples, split: null, paletteSha256: '' })),
      textSeed('palette', listingText({ samples, split: null, paletteSha256: hash('c') })),
      textSeed(
        'split',
        listingText({ samples, split: { training: ['a'], validation: ['street/b'] }, paletteSha256: '' }),
      ),
    ],
    hostile: () => [
      textSeed('nested', `${'['.repeat(100_000)}\n`),
      textSeed('lines', '\n'.repeat(200_000)),
      textSeed('claim', '["unet-fleet listing 1","",4294967295]\n'),
    ],
    read: (input) => {
      const listing = parseListing(textOf(input), { maskValues: '0,255', maskThreshold: 0 });
      for (const { width, height } of listing.samples) {
        if (!(width > 0 && height > 0)) throw new Error(`a sample of ${width}x${height}`);
      }
      if (!/^[0-9a-f]{64}$/.test(listing.sha256)) throw new Error('an identity that is none');
    },
    isAnswer,
  },
  {
    name: 'pack-index',
    weight: 0.5,
    seeds: () => [textSeed('index.json', index)],
    hostile: () => [
      textSeed('nested.json', '['.repeat(100_000)),
      textSeed('way-out.json', index.replace('photos/street/b.jpg', 'photos/../../../etc/passwd')),
      textSeed('long.json', index.replace('street/b.jpg', 'b'.repeat(200_000))),
    ],
    read: (input) => {
      const { files, shards } = parseIndex(textOf(input), 'index.json');
      for (const { path, shard, offsetBytes, sizeBytes } of files) {
        if (/(^|\/)\.\.?(\/|$)/.test(path) || path.startsWith('/')) throw new Error(`${path} leads out`);
        if (offsetBytes + sizeBytes > shards[shard]!.sizeBytes)
          throw new Error(`${path} ends behind its shard`);
      }
    },
    isAnswer,
  },
];
