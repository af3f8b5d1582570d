/** JPEG, through sharp. */
import { type Container, startsWith } from './container.ts';
import { readWithSharp } from './sharp-picture.ts';

export const jpeg: Container = {
  name: 'jpeg',
  title: 'JPEG file',
  extensions: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  matches: (bytes) => startsWith(bytes, '\xff\xd8\xff'),
  read: (bytes, limit) => readWithSharp(bytes, true, limit),
  forSharp: () => ({ page: 0, bits: 8, isLossy: true, layout: null }),
  lossOf: 'it is JPEG, whose compression',
  isAlwaysLossy: true,
};
