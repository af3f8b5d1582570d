import { expect, test } from 'vitest';
import { otherVersionNote, unrecordedNote } from './older-runs.ts';

test('a run that another version has made is told with both versions', () => {
  expect(otherVersionNote({ 'unet-fleet': '0.1.0' }, '0.1.0')).toBeNull();
  expect(otherVersionNote({}, '0.1.0')).toBeNull();
  expect(otherVersionNote({ 'unet-fleet': '0.1.0' }, '0.2.0')).toMatch(
    /made by unet-fleet 0.1.0, and this is 0.2.0/,
  );
});

test('what the record of an old run lacks is named', () => {
  const old = { library: 'tf', device: 'cpu', intraOpThreads: 1 };
  expect(unrecordedNote([])).toBeNull();
  expect(unrecordedNote([{ ...old, decoder: 'sharp 1', settings: '' }])).toBeNull();
  expect(unrecordedNote([old, { ...old, settings: '' }])).toMatch(
    /lacks decoder and settings, which are not compared/,
  );
});
