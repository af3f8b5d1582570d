/** All readers of files and messages that come from outside. A new one is a line here. */
import type { Reader } from '../reader.ts';
import { listReaders } from './lists.ts';
import { maskReaders } from './masks.ts';
import { photoReaders } from './photos.ts';

export const readers: Reader[] = [...maskReaders, ...photoReaders, ...listReaders];
