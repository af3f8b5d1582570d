/** Input i of a reader under a seed: always the same bytes. */
import { mutateBytes } from './mutate-bytes.ts';
import { mutateText } from './mutate-text.ts';
import { Random } from './random.ts';
import type { Input, Reader, Seed } from './reader.ts';

export interface Corpus {
  reader: Reader;
  seeds: Seed[];
  hostile: Seed[];
}

export async function corpusOf(reader: Reader, folder: string): Promise<Corpus> {
  return { reader, seeds: await reader.seeds(folder), hostile: reader.hostile?.() ?? [] };
}

const whole = (seed: Seed, bytes: Uint8Array): Uint8Array => seed.wrap?.(Buffer.from(bytes)) ?? bytes;

export function inputAt({ reader, seeds, hostile }: Corpus, seed: number, index: number): Input {
  const given = [...hostile, ...seeds][index];
  if (given !== undefined) {
    return { seed: given, bytes: whole(given, given.bytes), mustBeAccepted: index >= hostile.length };
  }
  const random = new Random(seed, reader.name, index);
  const from = random.pick(seeds);
  const changed =
    from.kind === 'text'
      ? mutateText(random, Buffer.from(from.bytes).toString('utf8'))
      : mutateBytes(random, from.bytes, random.pick(seeds).bytes);
  return { seed: from, bytes: whole(from, changed), mustBeAccepted: false };
}
