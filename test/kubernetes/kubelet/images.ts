/**
 * What is in an image, for a machine without a container engine: the programs of this working tree in the places and
 * with the variables of deploy/images/Dockerfile.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { natsServerHere } from '@unet-fleet/coordinator';
import { engineFolder } from '@unet-fleet/shared';
import { script } from '../../chaos/command.ts';

/** In every container: what the images' ENTRYPOINT and ENV say. */
export interface Image {
  entrypoint: string[];
  environment: Record<string, string>;
  workingFolder: string;
  /** Programs in /opt/unet-fleet/bin, by name: links to where they are on this machine. */
  programs: Record<string, string>;
  /** Folders of this machine that are seen in the container, for reading. */
  folders: string[];
}

/** Of the repository, from the sources as well as from what they are compiled to. */
export const repository = ((): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  return here.replace(/\/test\/(dist\/)?kubernetes\/kubelet$/, '');
})();

/** The content of our images, with the tini of this machine; an image of another name is not known. */
export async function imageContent(tini: string): Promise<Image> {
  const broker = await natsServerHere();
  if (!broker) throw new Error('there is no nats-server here: run unet-fleet setup first');
  const node = process.execPath;
  return {
    entrypoint: ['tini', '--', 'unet-fleet'],
    environment: {
      PATH: ['/opt/unet-fleet/bin', dirname(node), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      NODE_ENV: 'production',
      HOME: '/tmp',
      UNET_FLEET_ENGINE: engineFolder(),
      UNET_FLEET_CACHE: '/var/cache/unet-fleet',
      UNET_FLEET_METRICS_HOST: '0.0.0.0',
      UNET_FLEET_METRICS_PORT: '9464',
    },
    workingFolder: '/run/unet-fleet',
    programs: { tini, 'unet-fleet': script, 'nats-server': broker.path },
    folders: [repository, engineFolder(), join(dirname(node), '..'), dirname(tini)],
  };
}

export const isOurs = (image: string): boolean =>
  /(^|\/)unet-fleet-(coordinator|worker|worker-gpu)(:|@|$)/.test(image);
