/**
 * TensorFlow's libraries, pinned: which wheels hold them, what of these is needed, and how they lie in the cache. What
 * it keeps true: the folder that is returned has `tensorflow` and, for a GPU, `nvidia` side by side, as the runpath
 * inside the libraries expects.
 */
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Arch,
  hasWheel,
  type InstallOptions,
  installWheel,
  type Wheel,
  wheelFolder,
} from '@unet-fleet/install';
import { type Environment, engineFolder, makeAtomically, makeFolder, requireDisk } from '@unet-fleet/shared';
import { cudaWheels } from './install-cuda.ts';

/** For the CPU alone, or for NVIDIA GPUs (and the CPU, where there is none). */
export type Flavor = 'cpu' | 'gpu';

export const tensorflowVersion = '2.21.0';

export const tensorflowLibraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/** The two libraries and the headers of the C API: 78 of 11,000 files. */
const tensorflowMembers = [
  ...tensorflowLibraries.map((library) => `tensorflow/${library}`),
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];

const isTensorflowMember = (path: string): boolean =>
  tensorflowMembers.some((member) => path.startsWith(member));

const tensorflow = { version: tensorflowVersion, abi: 'cp312', isNeeded: isTensorflowMember };

/** The index has no tensorflow-cpu for aarch64: there the plain package is without CUDA. */
const cpuWheels: Readonly<Record<Arch, Wheel>> = {
  x86_64: {
    ...tensorflow,
    name: 'tensorflow-cpu',
    files: {
      x86_64: {
        platformTag: 'manylinux_2_27_x86_64',
        sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
        sizeBytes: 274_000_871,
      },
    },
    unpackedBytes: 853_900_000,
  },
  aarch64: {
    ...tensorflow,
    name: 'tensorflow',
    files: {
      aarch64: {
        platformTag: 'manylinux_2_27_aarch64',
        sha256: 'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
        sizeBytes: 281_946_471,
      },
    },
    unpackedBytes: 883_600_000,
  },
};

const gpuWheel: Wheel = {
  ...tensorflow,
  name: 'tensorflow',
  files: {
    x86_64: {
      platformTag: 'manylinux_2_27_x86_64',
      sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
      sizeBytes: 572_611_111,
    },
  },
  unpackedBytes: 1_259_600_000,
};

/** TensorFlow's wheel first. */
export const engineWheels = (flavor: Flavor, arch: Arch): readonly Wheel[] =>
  flavor === 'gpu' ? [gpuWheel, ...cudaWheels] : [cpuWheels[arch]];

/** The folder that holds TensorFlow's libraries and headers once they are installed. */
export const libraryFolder = (flavor: Flavor, arch: Arch, env?: Environment): string =>
  join(flavor === 'cpu' ? wheelFolder(cpuWheels[arch], arch, env) : gatheredFolder(arch, env), 'tensorflow');

const gatheredFolder = (arch: Arch, env?: Environment): string =>
  join(engineFolder(env), 'engines', `tensorflow-${tensorflowVersion}-${arch}-gpu`);

/** Fetches what is missing of the libraries. */
export async function installLibraries(flavor: Flavor, arch: Arch, options: InstallOptions): Promise<void> {
  const wheels = engineWheels(flavor, arch);
  const missing = wheels.filter((wheel) => !hasWheel(wheel, arch, options.env));
  if (missing.length > 1) {
    // Each wheel asks for its own space; that the last one has none should be known before the first.
    const bytes = missing.reduce((sum, wheel) => sum + wheel.unpackedBytes, 0);
    requireDisk(
      engineFolder(options.env),
      bytes,
      `TensorFlow ${tensorflowVersion} with CUDA`,
      options.statfs,
    );
  }
  const folders: string[] = [];
  for (const wheel of wheels) folders.push(await installWheel(wheel, arch, options));
  const gathered = gatheredFolder(arch, options.env);
  if (flavor === 'cpu' || (missing.length === 0 && existsSync(gathered))) return;
  await makeAtomically(gathered, async (temporary) => {
    for (const folder of folders) linkTree(folder, temporary);
  });
}

/**
 * Mirrors `source` by folders of the same names and links to the files. Links to folders would not do: the loader
 * looks for CUDA at `..` of the folder that TensorFlow's library lies in, which leads out of a linked one.
 */
export function linkTree(source: string, target: string): void {
  makeFolder(target);
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) linkTree(from, to);
    else if (!existsSync(to)) symlinkSync(from, to);
  }
}
