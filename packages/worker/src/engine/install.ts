/**
 * Brings the engine onto this machine: TensorFlow's library from a wheel, and the addon that Node loads. What it keeps
 * true: when it returns, the addon beside this package has been loaded once in a process of its own and said the
 * pinned version; everything slow lies in the user's cache and is done once for all clones.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  type Arch,
  hasWheel,
  type InstallReport,
  inStep,
  pipVersion,
  supportedArch,
} from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheError, type Environment, engineFolder, makeFolder, type Statfs } from '@unet-fleet/shared';
import { addonKey, addonPath, compileAddon, compilerVersion } from './install-addon.ts';
import { checkAddon } from './install-check.ts';
import {
  engineWheels,
  type Flavor,
  installLibraries,
  libraryFolder,
  tensorflowLibraries,
  tensorflowVersion,
} from './install-libraries.ts';
import { findNvidiaDriver } from './install-nvidia.ts';

export interface EngineInstall {
  flavor: Flavor;
  tensorflowVersion: string;
  /** Holds TensorFlow's libraries. */
  libraryFolder: string;
  /** Of the compiled addon, to tell another one from it. */
  addonSha256: string;
  /** Of its sources, the library and how it is compiled: another version of unet-fleet may compile it otherwise. */
  addonKey: string;
}

export interface EngineSetupOptions {
  /** 'auto': the GPU build where an NVIDIA driver is found. */
  gpu: 'auto' | boolean;
  env?: Environment;
  statfs?: Statfs;
  /** Folder of the npm package that the addon goes into; only tests name another. */
  packageFolder?: string;
}

/** Beside the addon: which one it is. */
const recordName = 'unet-fleet.json';
const addonName = 'tfjs_binding.node';
const require = createRequire(import.meta.url);

/**
 * Makes the engine ready to load; at once where it is already.
 * @throws UserError for everything that can go wrong outside: platform, processor, compiler, Python, network, disk
 */
export async function setupEngine(
  options: EngineSetupOptions,
  report: InstallReport,
): Promise<EngineInstall> {
  const { env = process.env, packageFolder = addonPackageFolder(), statfs } = options;
  const arch = supportedArch('TensorFlow');
  const flavor = await chooseFlavor(options.gpu, arch, env, report);
  const installed = engineInstalled({ env, packageFolder });
  if (installed !== null && installed.flavor === flavor) return installed;
  requireAvx(arch);
  const nodeApiFolder = (require('node-api-headers') as { include_dir: string }).include_dir;
  const tensorflowFolder = libraryFolder(flavor, arch, env);
  const addon = { packageFolder, nodeApiFolder, tensorflowFolder, env };
  const isFetched = engineWheels(flavor, arch).every((wheel) => hasWheel(wheel, arch, env));
  // Before a download of minutes rather than after it, and all at once.
  await requireAll([
    ...(existsSync(addonPath(addon)) ? [] : [compilerVersion(env)]),
    ...(isFetched ? [] : [pipVersion(env)]),
  ]);
  await installLibraries(flavor, arch, { report, env, ...(statfs ? { statfs } : {}) });
  const compiled = await compileAddon({ ...addon, report });
  await inStep('loading TensorFlow once', report, () => requireLoads(compiled, env));
  const install = { flavor, tensorflowVersion, libraryFolder: tensorflowFolder, addonKey: addonKey(addon) };
  return putInPlace(compiled, packageFolder, install);
}

/** Rejects with one sentence about all tools that are missing. */
async function requireAll(looks: readonly Promise<unknown>[]): Promise<void> {
  const found = await Promise.allSettled(looks);
  const reasons = found.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const bug = reasons.find((reason) => !(reason instanceof UserError));
  if (bug !== undefined) throw bug;
  if (reasons.length > 0)
    throw new UserError(reasons.map(({ message }) => message).join('; and '), exitCodes.unavailable);
}

/** The engine that is ready to load, or null. */
export function engineInstalled(
  options: { env?: Environment; packageFolder?: string } = {},
): EngineInstall | null {
  const { env = process.env, packageFolder = addonPackageFolder() } = options;
  try {
    const folder = addonFolder(packageFolder);
    const record = JSON.parse(readFileSync(join(folder, recordName), 'utf8')) as EngineInstall;
    const arch = supportedArch('TensorFlow');
    const isCurrent =
      record.tensorflowVersion === tensorflowVersion &&
      record.addonSha256 === sha256Of(join(folder, addonName)) &&
      record.libraryFolder === libraryFolder(record.flavor, arch, env) &&
      record.addonKey === addonKey({ packageFolder, tensorflowFolder: record.libraryFolder }) &&
      tensorflowLibraries.every((name) => existsSync(join(record.libraryFolder, name))) &&
      engineWheels(record.flavor, arch).every((wheel) => hasWheel(wheel, arch, env));
    return isCurrent ? record : null;
  } catch {
    return null;
  }
}

const addonPackageFolder = (): string => dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));

const addonFolder = (packageFolder: string): string => join(packageFolder, 'lib', 'napi-v8');

async function chooseFlavor(
  gpu: 'auto' | boolean,
  arch: Arch,
  env: Environment,
  report: InstallReport,
): Promise<Flavor> {
  if (gpu === false || (gpu === 'auto' && (await findNvidiaDriver(env)) === null)) return 'cpu';
  if (arch === 'x86_64') {
    if (gpu === 'auto') report({ type: 'note', text: 'an NVIDIA driver is here: the GPU build is used' });
    return 'gpu';
  }
  const text = `there is no GPU build of TensorFlow for ${arch}`;
  if (gpu === true) throw new UserError(`${text}: leave --gpu out to compute on the processor`);
  report({ type: 'note', text: `${text}: it computes on the processor` });
  return 'cpu';
}

/** The library's build needs these instructions and ends the process without a word where they are missing. */
function requireAvx(arch: Arch): void {
  if (arch !== 'x86_64' || !lacksAvx(textOf('/proc/cpuinfo'))) return;
  throw new UserError(
    "this processor has no AVX instructions, which TensorFlow needs: use a newer machine, or give the virtual machine its host's processor",
    exitCodes.unavailable,
  );
}

/** By the text of /proc/cpuinfo; false where it does not say. */
export function lacksAvx(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(' ');
  return flags !== undefined && !flags.includes('avx');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function requireLoads(addon: string, env: Environment): Promise<void> {
  const check = await checkAddon(addon, env);
  if (check.loads && check.libraryVersion === tensorflowVersion) return;
  const problem = check.loads ? `it says version ${check.libraryVersion}` : check.problem;
  throw new UserError(
    `TensorFlow does not load (${problem}): remove ${engineFolder(env)} and run setup again, or if it stays so update libstdc++ and the C library`,
    exitCodes.unavailable,
  );
}

function putInPlace(
  compiled: string,
  packageFolder: string,
  install: Omit<EngineInstall, 'addonSha256'>,
): EngineInstall {
  const folder = addonFolder(packageFolder);
  const record = { ...install, addonSha256: sha256Of(compiled) };
  const temporary = join(folder, `${addonName}.${randomUUID()}`);
  try {
    makeFolder(folder);
    // A running worker keeps the file that it has loaded: a rename does not touch it, writing into it would.
    copyFileSync(compiled, temporary);
    renameSync(temporary, join(folder, addonName));
    writeFileSync(temporary, JSON.stringify(record));
    renameSync(temporary, join(folder, recordName));
  } catch (error) {
    throw cacheError(error, folder);
  } finally {
    rmSync(temporary, { force: true });
  }
  return record;
}

const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
