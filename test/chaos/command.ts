/** The built command, found from the sources of the tests as well as from what they are compiled to. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const built = createRequire(import.meta.url).resolve('unet-fleet');

export const script = join(dirname(built), '../bin/unet-fleet.js');
