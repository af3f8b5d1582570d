/** The line by which a worker joins: from a terminal, a file or an environment variable. */
import { UserError } from '@unet-fleet/law';
import { formatJoinUrl, parseJoinUrl } from '@unet-fleet/wire';
import type { Reader } from '../reader.ts';
import { textSeed } from './files.ts';

const secret = 'Hk6jpeaGh5O2323L8X_uYP4twGQv54js';
const rest = `/c301bed14adb#sha256:${'0123456789abcdef'.repeat(4)}`;
const url = `unet-fleet://worker:${secret}@10.0.0.5:4222${rest}`;

export const joinUrlReaders: Reader[] = [
  {
    name: 'join-url',
    weight: 1,
    seeds: () =>
      ['10.0.0.5', 'gpu-1.example.org', '[fd00::1]'].map((host) =>
        textSeed('url', url.replace('10.0.0.5', host)),
      ),
    hostile: () => [
      textSeed('empty', ''),
      textSeed('long', url + '0'.repeat(1_000_000)),
      textSeed('colons', `unet-fleet://${':'.repeat(900)}`),
      textSeed('dots', url.replace('10.0.0.5', 'a.'.repeat(400))),
      textSeed('dashes', url.replace('10.0.0.5', `a${'-'.repeat(800)}`)),
      textSeed('brackets', url.replace('10.0.0.5', '[[::1]]')),
      textSeed('escape', url.replace('worker', '\u001b[2J')),
      textSeed('encoded', url.replace('worker', '%63oordinator')),
    ],
    read: (input) => {
      const text = Buffer.from(input).toString();
      try {
        if (formatJoinUrl(parseJoinUrl(text)) !== text) throw new Error('it was read as another one');
      } catch (error) {
        if ((error as Error).message.includes(secret)) throw new Error('the secret is repeated');
        throw error;
      }
    },
    isAnswer: (error) => error instanceof UserError,
  },
];
