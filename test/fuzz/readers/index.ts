/** All readers of files and messages that come from outside. A new one is a line here. */
import type { Reader } from '../reader.ts';
import { checkpointReaders } from './checkpoints.ts';
import { configReaders } from './config.ts';
import { dataReaders } from './data.ts';
import { joinUrlReaders } from './join-url.ts';
import { listReaders } from './lists.ts';
import { maskReaders } from './masks.ts';
import { photoReaders } from './photos.ts';
import { reportReaders } from './report.ts';
import { runFileReaders } from './run-files.ts';
import { wheelReaders } from './wheel.ts';
import { wireReaders } from './wire.ts';

export const readers: Reader[] = [
  ...maskReaders,
  ...photoReaders,
  ...listReaders,
  ...dataReaders,
  ...wireReaders,
  ...checkpointReaders,
  ...runFileReaders,
  ...reportReaders,
  ...configReaders,
  ...joinUrlReaders,
  ...wheelReaders,
];
