/**
 * Lists a folder of photos or masks. What it keeps true: every path is below the folder, also behind links, each folder
 * is walked once, and what devices leave there (litter.ts) is no part of it.
 */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { isPrintable, UserError } from '@unet-fleet/law';
import { explained, isErrno, isSystemView, kindOf } from '@unet-fleet/shared';
import { isLitter } from './litter.ts';

export interface ListOptions {
  /** The option that names the folder, for messages. */
  option: string;
  /** Whether links may lead out of the folder. */
  followLinks: boolean;
  /** Folders whose files are not this one's, as resolved paths. */
  except?: readonly string[];
  /** Whether names are shown and logged, and so may hold no control characters; default true. */
  namesAreShown?: boolean;
  /** Called for what is neither file nor folder, and for links that lead nowhere, with what it is. */
  onOther?(relative: string, kind: string): void;
}

/** Locale-free order for ids and paths. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Links that lead out of a folder: how many, and the first. */
class LinksOut {
  private readonly realRoot: string;
  private first = '';
  private num = 0;

  constructor(realRoot: string) {
    this.realRoot = realRoot;
  }

  /** Whether the file or folder that a link leads to is in the folder; counts it otherwise. */
  async isInside(path: string, relative: string): Promise<boolean> {
    const real = await realpath(path);
    if (real === this.realRoot || real.startsWith(this.realRoot + sep)) return true;
    this.first ||= relative;
    this.num += 1;
    return false;
  }

  /** Throws a UserError if there was one. */
  check(folder: string): void {
    if (this.num === 0) return;
    const others = this.num > 1 ? ` and ${this.num - 1} more` : '';
    throw new UserError(
      `In ${folder}, ${this.first}${others} lead out of the folder by links: put the files there, or allow it with --follow-links.`,
    );
  }
}

/**
 * All files below a folder, sorted, relative with '/'. Throws a UserError for a folder that can't be listed, links that
 * lead out of it, and names that can't be shown or opened.
 */
export async function listFolder(
  folder: string,
  { option, followLinks, except = [], namesAreShown = true, onOther = () => {} }: ListOptions,
): Promise<string[]> {
  const root = resolve(folder);
  const instead = `or check ${option}`;
  const info = await stat(root).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
    throw explained(error, { path: folder, instead });
  });
  if (info === null) throw new UserError(`There is no folder ${folder}: check ${option}.`);
  if (!info.isDirectory()) throw new UserError(`${folder} is no folder: check ${option}.`);
  if (isSystemView(root))
    throw new UserError(`${folder} shows the system and holds no files: check ${option}.`);
  const files: string[] = [];
  const visited = new Set<string>();
  const linksOut = new LinksOut(await realpath(root));
  const walk = async (below: string): Promise<void> => {
    const path = join(root, below);
    // A link to a folder above would otherwise be walked for ever.
    const real = await realpath(path);
    if (visited.has(real) || except.includes(path) || isSystemView(real)) return;
    visited.add(real);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (isLitter(entry.name)) continue;
      const relative = below === '' ? entry.name : `${below}/${entry.name}`;
      if (namesAreShown) await checkEncoding(join(root, relative), folder, relative);
      const isLink = entry.isSymbolicLink();
      const target = isLink ? await stat(join(root, relative)).catch(() => null) : entry;
      if (isLink && target && !followLinks && !(await linksOut.isInside(join(root, relative), relative)))
        continue;
      if (target?.isDirectory()) await walk(relative);
      else if (target?.isFile()) files.push(relative);
      else onOther(relative, target ? kindOf(target)! : 'a link that leads nowhere');
    }
  };
  try {
    await walk('');
  } catch (error) {
    throw explained(error, { path: folder, instead });
  }
  linksOut.check(folder);
  const strange = namesAreShown && files.find((path) => !isPrintable(path));
  if (strange) {
    throw new UserError(
      `In ${folder}, the name ${strange} has a line break or another control character in it: rename the file.`,
    );
  }
  return files.sort(compareText);
}

/** What an old system wrote in Latin-1 or the like comes out of the list with U+FFFD in it, and can't be opened. */
async function checkEncoding(path: string, folder: string, relative: string): Promise<void> {
  if (!relative.includes('\ufffd') || (await lstat(path).catch(() => null)) !== null) return;
  throw new UserError(
    `In ${folder}, the name ${relative} is not written in UTF-8: rename it (convmv does so for a whole folder).`,
  );
}
