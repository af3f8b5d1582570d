/**
 * Compiles the addon's own sources, as the npm package ships them, and the operations of ours that are linked into it
 * (packages/worker/native), against TensorFlow's headers. What it keeps true: one addon for each set of sources, library
 * and compile flags, kept in the user's cache, so that a second clone needs no compiler.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InstallReport, inStep, lastLine, runCommand, whileAlone } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { type Environment, engineFolder, makeAtomically } from '@unet-fleet/shared';

export interface AddonOptions {
  /** Folder of @tensorflow/tfjs-node-gpu. */
  packageFolder: string;
  /** Folder of the Node-API headers. */
  nodeApiFolder: string;
  /** Folder with libtensorflow_cc.so.2 and include/. */
  tensorflowFolder: string;
  env: Environment;
  report: InstallReport;
}

const addonName = 'tfjs_binding.node';
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const compileFlags = ['-std=c++17', '-O2', '-fPIC', '-DNDEBUG', '-DNAPI_VERSION=8'];
/** Without contraction, products and sums are rounded one by one on every processor. */
const ownFlags = ['-O3', '-ffp-contract=off', '-pthread'];
/** Threads of our operations wait in the addon for as long as the process lives. */
const linkFlags = ['-shared', '-pthread', '-Wl,-z,now', '-Wl,-z,nodelete', '-Wl,--no-as-needed'];
/** Operations of ours, packages/worker/native. */
const ownSources = fileURLToPath(new URL('../../native/', import.meta.url));
/**
 * Linked into the addon. TensorFlow logs through Abseil, which prints every message until a program has initialised
 * its log, and only errors from then on; two lines about oneDNN come before any code of ours could do that, as the
 * library is loaded. So the library's question whether that is done finds this answer, which stands before its own in
 * the order of symbols. With TF_CPP_MIN_LOG_LEVEL=0 all is printed. A library with another version of Abseil (it is
 * in the name) does not find it, and is only louder.
 */
const quietSource = `#include <cstdlib>
extern "C" __attribute__((visibility("default"))) bool _ZN4absl12lts_2025081412log_internal13IsInitializedEv() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  return level == nullptr || level[0] != '0';
}
`;
const quietName = 'leave-notices-out.cc';
const noCompiler =
  'there is no g++ on PATH: install it (Debian: apt install g++), it compiles the TensorFlow addon once';

/** @throws UserError if there is no g++ */
export async function compilerVersion(env: Environment): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand('g++', ['-dumpfullversion'], {
    env,
    missing: noCompiler,
  });
  if (exitCode !== 0) {
    throw new UserError(`g++ does not run (${lastLine(stderr)}): install it anew`, exitCodes.unavailable);
  }
  return stdout.trim();
}

/** Where the addon is or will be, in the user's cache. */
export function addonPath(options: Omit<AddonOptions, 'report'>): string {
  return join(engineFolder(options.env), 'addons', addonKey(options), addonName);
}

/** Names the addon by all that it is made of. */
export function addonKey(options: Pick<AddonOptions, 'packageFolder' | 'tensorflowFolder'>): string {
  const hash = createHash('sha256');
  for (const folder of [join(options.packageFolder, 'binding'), ownSources]) {
    for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  }
  const flags = [compileFlags, ownFlags, linkFlags];
  hash.update(JSON.stringify([options.tensorflowFolder, flags, quietSource, process.arch]));
  return hash.digest('hex').slice(0, 16);
}

/**
 * The compiled addon, compiled now if it is not in the cache.
 * @returns its path
 * @throws UserError if there is no g++ or it fails
 */
export async function compileAddon(options: AddonOptions): Promise<string> {
  const path = addonPath(options);
  if (existsSync(path)) return path;
  const folder = join(path, '..');
  const { report } = options;
  const onWait = () =>
    report({ type: 'note', text: 'another unet-fleet is compiling the addon; waiting for it' });
  await whileAlone(folder, onWait, async () => {
    if (existsSync(path)) return;
    await inStep('compiling the TensorFlow addon', report, () =>
      makeAtomically(folder, (temporary) => compileInto(temporary, options)),
    );
  });
  return path;
}

async function compileInto(folder: string, options: AddonOptions): Promise<void> {
  const binding = join(options.packageFolder, 'binding');
  const sourcesIn = (from: string) => readdirSync(from).filter((name) => name.endsWith('.cc'));
  const [sources, own] = [sourcesIn(binding), sourcesIn(ownSources)];
  const work = join(folder, 'work');
  mkdirSync(work);
  const include = ['-I', options.nodeApiFolder, '-I', join(options.tensorflowFolder, 'include')];
  writeFileSync(join(work, quietName), quietSource);
  const compile = (from: string, name: string, flags: readonly string[] = []) => {
    const object = join(work, `${name}.o`);
    return gpp([...compileFlags, ...flags, ...include, '-c', join(from, name), '-o', object], options.env);
  };
  await Promise.all([
    ...sources.map((name) => compile(binding, name)),
    ...own.map((name) => compile(ownSources, name, ownFlags)),
    compile(work, quietName),
    ...libraries.map((name) => makeStandIn(name, work, options.env)),
  ]);
  const objects = [...sources, ...own, quietName].map((name) => join(work, `${name}.o`));
  const standIns = libraries.map((name) => join(work, name));
  // Bound at load time, so that the check of loading is a check of every function.
  const link = [...linkFlags, '-Xlinker', '-rpath', '-Xlinker'];
  await gpp(
    [...link, options.tensorflowFolder, '-o', join(folder, addonName), ...objects, ...standIns],
    options.env,
  );
  rmSync(work, { recursive: true });
}

/** An empty library of the same name: linking against the real one, of 800 MB, takes ten seconds and gives the same. */
async function makeStandIn(name: string, folder: string, env: Environment): Promise<void> {
  const source = join(folder, `${name}.c`);
  writeFileSync(source, '');
  await gpp(
    ['-shared', '-nostdlib', `-Wl,-soname,${name}`, '-o', join(folder, name), '-x', 'c', source],
    env,
  );
}

async function gpp(args: readonly string[], env: Environment): Promise<void> {
  const { exitCode, stderr } = await runCommand('g++', args, { env, missing: noCompiler });
  if (exitCode === 0) return;
  const errors = stderr.split('\n').filter((line) => /error|No space|cannot/i.test(line));
  throw new UserError(
    `g++ cannot compile the TensorFlow addon (${errors[0]?.trim() || lastLine(stderr)}): it needs g++ 9 or newer with its C++ headers, and free disk space`,
    exitCodes.unavailable,
  );
}
