/**
 * Which machines the ready-made libraries exist for. Everything that is downloaded is chosen by this alone, never by
 * the user's Python, so that all machines of one kind get the same bytes.
 */
import { UserError } from '@unet-fleet/law';

export type Arch = 'x86_64' | 'aarch64';

/** What a platform check looks at; injected by tests. */
export interface Machine {
  platform: string;
  arch: string;
  /** Version of the GNU C library, or '' where there is another one (Alpine's musl). */
  glibcVersion: string;
}

const arches: Readonly<Record<string, Arch>> = { x64: 'x86_64', arm64: 'aarch64' };

export function thisMachine(): Machine {
  // Network interfaces make a report slow where name service is.
  Object.assign(process.report ?? {}, { excludeNetwork: true });
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return {
    platform: process.platform,
    arch: process.arch,
    glibcVersion: report?.header?.glibcVersionRuntime ?? '',
  };
}

/**
 * The machine's architecture in the words of Python wheels.
 * @param what for the sentence: what there is no build of
 * @throws UserError if the machine is not Linux with the GNU C library `glibc` or newer on x86_64 or aarch64
 */
export function supportedArch(what: string, glibc = '2.27', machine: Machine = thisMachine()): Arch {
  const arch = arches[machine.arch];
  const remedy = `use Linux with glibc ${glibc} or newer on x86_64 or aarch64, in a container or virtual machine if need be`;
  if (machine.platform !== 'linux' || arch === undefined) {
    throw new UserError(`there is no build of ${what} for ${machine.platform} on ${machine.arch}: ${remedy}`);
  }
  if (machine.glibcVersion === '') {
    throw new UserError(`there is no build of ${what} for a Linux without the GNU C library: ${remedy}`);
  }
  if (isOlder(machine.glibcVersion, glibc)) {
    throw new UserError(
      `${what} needs glibc ${glibc} or newer and this is ${machine.glibcVersion}: ${remedy}`,
    );
  }
  return arch;
}

/** Whether version `a` is older than `b`; both as numbers between dots, and what follows them is left out. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

const numbers = (version: string): number[] =>
  (/\d+(\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
