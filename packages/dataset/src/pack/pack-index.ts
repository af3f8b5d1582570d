/**
 * The index of a packed data set: which file lies where in which shard, with its hash. The shards are plain tar files
 * (any tar can unpack them); the index is what makes a single file of them fetchable by a range of bytes.
 */
import { UserError } from '@unet-fleet/law';
import { z } from 'zod';

export const indexName = 'index.json';
const format = 'unet-fleet pack 1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** Relative, below the pack's own folders, without a way out. */
const path = z
  .string()
  .max(4_096)
  .regex(/^(photos|masks|lists)\/[^\\\0]+$/)
  .refine((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));
const list = path.nullable();

const indexSchema = z.object({
  format: z.literal(format),
  /** Identity of the data, as a scan of the unpacked folders gives it. */
  dataSha256: sha256,
  numSamples: bytes,
  /** Paths in the pack of the class names and the palette that it was packed with. */
  classNames: list,
  palette: list,
  /** Lists of the split, and suffixes of the files' names, that it was packed with; older packs have none. */
  trainList: list.default(null),
  valList: list.default(null),
  split: z.enum(['auto', 'random']).default('auto'),
  imageSuffix: z.string().max(255).default(''),
  maskSuffix: z.string().max(255).default(''),
  shards: z.array(
    z.object({ name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/), sizeBytes: bytes, sha256 }),
  ),
  /** Path, hash, size, number of the shard, offset of the content in it. */
  files: z.array(z.tuple([path, sha256, bytes, bytes, bytes])),
});

export interface PackedFile {
  path: string;
  sha256: string;
  sizeBytes: number;
  shard: number;
  offsetBytes: number;
}

export interface PackIndex extends Omit<z.infer<typeof indexSchema>, 'format' | 'files'> {
  files: PackedFile[];
}

export const indexText = ({ files, ...rest }: PackIndex): string =>
  `${JSON.stringify({
    format,
    ...rest,
    files: files.map((file) => [file.path, file.sha256, file.sizeBytes, file.shard, file.offsetBytes]),
  })}\n`;

/** Throws a UserError if the text is no index, or if what it says can't be. `where` names it in messages. */
export function parseIndex(text: string, where: string): PackIndex {
  const wrong = (what: string) =>
    new UserError(
      `${where} is no index of a packed data set (${what}): make the pack again with unet-fleet pack`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('it is no JSON');
  }
  const parsed = indexSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`${issue?.path.join('.') || 'it'}: ${issue?.message}`);
  }
  const { format: _, files: rows, ...rest } = parsed.data;
  const files = rows.map(([path, sha256, sizeBytes, shard, offsetBytes]) => ({
    path,
    sha256,
    sizeBytes,
    shard,
    offsetBytes,
  }));
  const paths = new Set<string>();
  for (const file of files) {
    const shard = rest.shards[file.shard];
    if (!shard || file.offsetBytes + file.sizeBytes > shard.sizeBytes)
      throw wrong(`${file.path} lies in no shard`);
    if (paths.has(file.path)) throw wrong(`${file.path} is in it twice`);
    paths.add(file.path);
  }
  for (const named of [rest.classNames, rest.palette, rest.trainList, rest.valList]) {
    if (named !== null && !paths.has(named)) throw wrong(`${named} is not in it`);
  }
  return { ...rest, files };
}
