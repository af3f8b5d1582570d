/**
 * Loaded before a program and each of its threads: writes a line for each answer that was damaged or had to be asked for
 * again, which the transfers heal and nobody would notice.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import type { TransferTrouble } from '@unet-fleet/wire';
import { troublesVariable } from './variables.ts';

const path = process.env[troublesVariable];
if (path) {
  subscribe('unet-fleet:transfer-trouble', (message) => {
    const { what, peer } = message as TransferTrouble;
    appendFileSync(path, `${what}\t${peer}\n`);
  });
}
