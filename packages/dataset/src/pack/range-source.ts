/**
 * Ranges of bytes of a pack's files, from a folder, an HTTP server or an S3-compatible store. Faults that may pass are
 * tried again a few times; what remains is one sentence that says what to do.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, UserError } from '@unet-fleet/law';
import { explained, isErrno, openPlain } from '@unet-fleet/shared';
import { AwsClient } from 'aws4fetch';

export interface ByteRange {
  offsetBytes: number;
  lengthBytes: number;
}

export interface RangeSource {
  /** Folder or URL, for messages: without secrets. */
  readonly where: string;
  /** The range of the file, or all of it; at most `maxBytes`. Rejects with a UserError. */
  read(name: string, range: ByteRange | null, maxBytes: number): Promise<Uint8Array>;
}

export interface SourceOptions {
  /** Bearer token for HTTP; '' for none. */
  token: string;
  /** AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL. */
  env: Readonly<Record<string, string | undefined>>;
  /** First pause before a request is made again; doubled each time. */
  pauseMs?: number;
}

/** A folder, http(s)://host/path, or s3://bucket/prefix. Throws a UserError for any other kind of URL. */
export function openRangeSource(location: string, options: SourceOptions): RangeSource {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(location)?.[1]?.toLowerCase();
  if (scheme === undefined) return folderSource(location);
  if (scheme === 'http' || scheme === 'https') return httpSource(location, options);
  if (scheme === 's3') return s3Source(location, options);
  throw new UserError(`--pack ${location} is no folder and no URL of the kind https://, http:// or s3://`);
}

/** Whether the location can mean the same on another host. */
export const isRemote = (location: string): boolean => /^(https?|s3):\/\//i.test(location);

function folderSource(folder: string): RangeSource {
  return {
    where: folder,
    async read(name, range, maxBytes) {
      const path = join(folder, name);
      try {
        const { offsetBytes, lengthBytes } = range ?? {
          offsetBytes: 0,
          lengthBytes: (await stat(path)).size,
        };
        if (lengthBytes > maxBytes) throw tooLarge(path, maxBytes);
        const file = await openPlain(path);
        try {
          const bytes = Buffer.allocUnsafe(lengthBytes);
          const { bytesRead } = await file.read(bytes, 0, lengthBytes, offsetBytes);
          if (bytesRead === lengthBytes) return bytes;
          throw new UserError(`${path} ends too early: copy the pack again`);
        } finally {
          await file.close();
        }
      } catch (error) {
        if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
          throw new UserError(`there is no ${path}: name the folder that unet-fleet pack wrote with --pack`);
        }
        throw explained(error, { path });
      }
    },
  };
}

type Request = (name: string, headers: Record<string, string>) => Promise<Response>;

function httpSource(location: string, { token, pauseMs }: SourceOptions): RangeSource {
  const base = urlOf(location);
  const { username, password } = base;
  base.username = '';
  base.password = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString(
    'base64',
  );
  const authorization = token !== '' ? `Bearer ${token}` : username !== '' ? `Basic ${basic}` : null;
  const request: Request = (name, headers) => {
    const url = new URL(base);
    url.pathname += name;
    // A server that sends elsewhere must not be followed with the token.
    return fetch(url, {
      headers: { ...headers, ...(authorization && { authorization }) },
      redirect: authorization ? 'error' : 'follow',
      signal: AbortSignal.timeout(requestMs),
    });
  };
  const remedy = 'give --pack-token (UNET_FLEET_PACK_TOKEN), or user and password in the URL';
  return remoteSource(`${base.origin}${base.pathname}`, request, remedy, pauseMs);
}

function s3Source(location: string, { env, pauseMs }: SourceOptions): RangeSource {
  const { host: bucket, pathname } = urlOf(location);
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const prefix = pathname.replace(/^\/|\/$/g, '');
  const root = env.AWS_ENDPOINT_URL
    ? `${env.AWS_ENDPOINT_URL.replace(/\/$/, '')}/${bucket}/`
    : `https://${bucket}.s3.${region}.amazonaws.com/`;
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  const sessionToken = env.AWS_SESSION_TOKEN;
  const client =
    accessKeyId === ''
      ? null
      : new AwsClient({
          accessKeyId,
          secretAccessKey,
          region,
          service: 's3',
          ...(sessionToken && { sessionToken }),
        });
  const request: Request = async (name, headers) => {
    const url = `${root}${prefix === '' ? '' : `${prefix}/`}${name}`;
    const signal = AbortSignal.timeout(requestMs);
    return client ? fetch(await client.sign(url, { headers }), { signal }) : fetch(url, { headers, signal });
  };
  const remedy =
    'set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION to credentials that may read it';
  return remoteSource(`s3://${bucket}/${prefix}`, request, remedy, pauseMs);
}

function urlOf(location: string): URL {
  try {
    return new URL(location);
  } catch {
    throw new UserError(`--pack ${location} is no URL: write it as https://host/path or s3://bucket/prefix`);
  }
}

/** One request, however slow the link is: a range is at most some megabytes. */
const requestMs = 120_000;
const maxAttempts = 4;
const firstPauseMs = 500;

function remoteSource(where: string, request: Request, remedy: string, pauseMs = firstPauseMs): RangeSource {
  const once = async (
    name: string,
    range: ByteRange | null,
    maxBytes: number,
  ): Promise<Uint8Array | Passing> => {
    const wanted = range && `bytes=${range.offsetBytes}-${range.offsetBytes + range.lengthBytes - 1}`;
    let response: Response;
    try {
      response = await request(name, wanted ? { range: wanted } : {});
      if (response.ok && (range === null || response.status === 206)) {
        return await bodyOf(response, range?.lengthBytes ?? null, maxBytes, `${where} ${name}`);
      }
    } catch (error) {
      if (error instanceof UserError) throw error;
      return { reason: causeOf(error as Error) };
    }
    await response.body?.cancel();
    const { status } = response;
    if (status === 401 || status === 403) {
      throw new UserError(`${where} refuses to hand over ${name} (HTTP ${status}): ${remedy}`);
    }
    if (status === 404) throw new UserError(`there is no ${name} at ${where}: check --pack`);
    if (response.ok) {
      throw new UserError(
        `the server of ${where} answers no requests for a range of bytes: use one that does, such as nginx, Caddy or an S3-compatible store`,
      );
    }
    if (status >= 500 || status === 408 || status === 429) return { reason: `HTTP ${status}` };
    throw new UserError(`${where} does not hand over ${name} (HTTP ${status}): check --pack`);
  };
  return {
    where,
    async read(name, range, maxBytes) {
      for (let attempt = 1; ; attempt++) {
        const result = await once(name, range, maxBytes);
        if (result instanceof Uint8Array) return result;
        if (attempt === maxAttempts) {
          throw new UserError(
            `${name} can't be had from ${where} (${result.reason}): check that the server can be reached`,
            exitCodes.unavailable,
          );
        }
        await sleep(pauseMs * 2 ** (attempt - 1));
      }
    },
  };
}

/** A fault that may be gone the next time. */
interface Passing {
  reason: string;
}

/** fetch says only that it failed; what lies below says why. */
function causeOf(error: Error): string {
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code ?? message;
}

/** Never more than was asked for, whatever the server sends; too little counts as a fault that may pass. */
async function bodyOf(
  response: Response,
  lengthBytes: number | null,
  maxBytes: number,
  where: string,
): Promise<Uint8Array | Passing> {
  const limit = lengthBytes ?? maxBytes;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limit) throw tooLarge(where, limit);
    chunks.push(chunk);
  }
  if (lengthBytes !== null && sizeBytes < lengthBytes) return { reason: 'its answer ended too early' };
  return Buffer.concat(chunks);
}

const tooLarge = (where: string, maxBytes: number) =>
  new UserError(`${where} has more than the ${maxBytes} bytes that were expected: check --pack`);
