/**
 * `unet-fleet deploy render`: a training's recipe and what a cluster needs besides, as Kubernetes manifests. It asks no
 * cluster anything: what it prints depends on the options and the folder of credentials alone.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type FileName, type ManifestFile, paths, render, renderLoader, yamlOf } from '@unet-fleet/deploy';
import { type Config, UserError } from '@unet-fleet/law';
import { explained, makeFolder } from '@unet-fleet/shared';
import { Command } from 'commander';
import { addConfigFile, addConfigOptions, configFrom, requireFolders } from '../config-options.ts';
import { deployCredentials } from '../deploy-credentials.ts';
import { addDeployOptions, deployOptions, deploySelection, type RenderFlags } from '../deploy-options.ts';
import { type Io, printJson } from '../io.ts';
import { shown } from '../shown.ts';

export const deployCommand = (io: Io): Command => new Command('deploy').addCommand(renderCommand(io));

const examples = `
Paths are those in the pods, where the data is in /data: --images photos is /data/photos.

Examples:
  npx unet-fleet deploy render --config recipe.yaml --workers 8 --gpu | kubectl apply -f -
  npx unet-fleet deploy render --only secrets --namespace my-run | kubectl apply -f -`;

const renderCommand = (io: Io): Command =>
  addConfigOptions(
    addDeployOptions(
      addConfigFile(
        new Command('render').description('print what kubectl applies, from the options of a training'),
      ),
    ).addHelpText('after', examples),
    deploySelection,
  ).action((flags: RenderFlags) => printManifests(flags, io));

/** Parts that say nothing of the data, so that a command for them need not either. */
const withoutData = new Set<FileName>(['namespace', 'accounts', 'secrets', 'nats', 'loader']);

async function printManifests(flags: RenderFlags, io: Io): Promise<void> {
  const config = recipeOf(flags, io);
  if (!flags.only?.every((part) => withoutData.has(part))) requireFolders(config);
  const wished = deployOptions(flags, config, io.env);
  const { credentials, told } = await deployCredentials(
    {
      folder: flags.credentials ?? '',
      namespace: wished.namespace,
      isExternal: wished.natsUrl !== '',
      numWorkers: wished.workers,
      ...(flags.maxWorkers !== undefined && { maxWorkers: flags.maxWorkers }),
    },
    io,
  );
  if (told !== '') io.stderr.write(`${told}\n`);
  const keys = { seeds: credentials !== null, ca: (credentials?.ca ?? '') !== '' };
  const options = { ...wished, keys };
  const files = chosen([...render(options, credentials), renderLoader(options)], flags.only);
  const objects = files.flatMap((file) => file.objects);
  if (flags.out !== undefined) write(files, flags.out, flags.json ?? false, io);
  else if (flags.json) printJson(io, objects);
  else io.stdout.write(yamlOf(objects));
}

/** Paths in it are those in the pods; the file itself lies here. */
function recipeOf(flags: RenderFlags, io: Io): Config {
  const file = flags.config === undefined ? {} : { config: resolve(io.cwd, flags.config) };
  return configFrom({ ...flags, ...file }, deploySelection, { ...io, cwd: paths.data });
}

/** The files that --only names, or all but the loader. */
function chosen(files: readonly ManifestFile[], only: readonly FileName[] | undefined): ManifestFile[] {
  if (!only) return files.filter(({ name }) => name !== 'loader');
  const absent = only.find((part) => !files.some(({ name }) => name === part));
  if (absent) throw new UserError(`these options make no ${absent}: leave it out of --only`);
  return files.filter(({ name }) => only.some((part) => part === name));
}

function write(files: readonly ManifestFile[], out: string, asJson: boolean, io: Io): void {
  const folder = resolve(io.cwd, out);
  const written = files.map(({ name, objects }) => ({ path: join(folder, `${name}.yaml`), objects }));
  try {
    makeFolder(folder);
    for (const { path, objects } of written) {
      const isSecret = objects.some(({ kind }) => kind === 'Secret');
      writeFileSync(path, yamlOf(objects), { mode: isSecret ? 0o600 : 0o644 });
    }
  } catch (error) {
    throw explained(error, {
      what: 'the manifests',
      path: folder,
      instead: 'or name another folder with --out',
    });
  }
  if (asJson) {
    const rows = written.map(({ path, objects }) => ({ path, kinds: objects.map(({ kind }) => kind) }));
    printJson(io, { folder, files: rows });
  } else {
    io.stdout.write(`${written.map(({ path }) => shown(path, io)).join('\n')}\n`);
  }
}
