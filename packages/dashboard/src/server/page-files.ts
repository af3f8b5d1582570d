/** The built page, read into memory once: a request can name nothing else. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '@unet-fleet/law';

export interface PageFile {
  bytes: Buffer;
  contentType: string;
  etag: string;
  /** Its name holds a hash of its bytes: a browser never needs to ask again. */
  isFixed: boolean;
}

/** By path below the page, such as "/assets/index-1f2e.js"; "/" is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const builtPage = fileURLToPath(new URL('../page/', import.meta.url));

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Throws a UserError if the page was not built. */
export function readPageFiles(folder = builtPage): PageFiles {
  let entries: ReturnType<typeof listed>;
  try {
    entries = listed(folder);
  } catch {
    throw new UserError('the live page has not been built: run `npx pnpm build`');
  }
  const files = new Map<string, PageFile>();
  for (const path of entries) {
    const bytes = readFileSync(join(folder, path));
    const file: PageFile = {
      bytes,
      contentType: contentTypes[extname(path)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      isFixed: path.startsWith('assets/'),
    };
    files.set(path === 'index.html' ? '/' : `/${path}`, file);
  }
  if (!files.has('/')) throw new UserError('the live page has not been built: run `npx pnpm build`');
  return files;
}

const listed = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/'))
    .map((path) => path.replace(/^\/+/, ''));
