/**
 * Single programs out of Debian's packages, into the user's cache: without root, and without the servers and users that
 * installing them would bring. For programs that need no more of the machine than the C library.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import { findProgram } from './find-program.ts';
import { program } from './known.ts';
import { once } from './once.ts';
import type { Tell, Tool } from './tool.ts';

const apt = program('apt-get', 'what is fetched', 'install it', ['apt']);
const dpkg = program('dpkg-deb', 'what is fetched', 'install it', ['dpkg']);

/** A program on the path, or else out of Debian's package of which it is `member`. */
export const unpackedProgram = (name: string, why: string, debianPackage: string, member: string): Tool => ({
  name,
  why,
  remedy: `apt-get install ${debianPackage}, or have apt-get and dpkg-deb here, which bring it into the cache`,
  packages: [debianPackage],
  find: () => findProgram([name]) ?? cached(debianPackage, member),
  fetch: { by: [apt, dpkg], run: (tell) => unpack(debianPackage, member, tell) },
});

const folderOf = (debianPackage: string): string => join(cacheFolder(), 'debian', debianPackage);

function cached(debianPackage: string, member: string): string | null {
  const path = join(folderOf(debianPackage), member);
  return existsSync(path) ? path : null;
}

async function unpack(debianPackage: string, member: string, tell: Tell): Promise<string> {
  const folder = folderOf(debianPackage);
  tell(`fetching Debian's ${debianPackage} into ${folder}, once`);
  await once(folder, tell, async (to) => {
    const run = (tool: string, args: readonly string[]) =>
      runCommand(tool, args, { cwd: to, missing: `there is no ${tool} on this machine` });
    const { exitCode, stderr } = await run('apt-get', ['download', debianPackage]);
    const archive = readdirSync(to).find((file) => file.endsWith('.deb'));
    if (exitCode !== 0 || archive === undefined) {
      throw new UserError(
        `apt-get can't fetch ${debianPackage} (${lastLine(stderr)}): try apt-get update, or apt-get install ${debianPackage}`,
        exitCodes.unavailable,
      );
    }
    const { exitCode: unpacked, stderr: said } = await run('dpkg-deb', ['--extract', archive, '.']);
    if (unpacked !== 0)
      throw new UserError(`${archive} can't be unpacked (${lastLine(said)})`, exitCodes.unavailable);
    rmSync(join(to, archive));
  });
  return join(folder, member);
}
