/**
 * What file systems, servers and programs leave beside photos: thumbnails, indexes, bins, halves of files. The one list,
 * so that no command takes for a photo what another one leaves out.
 */

/** Lower case. What begins with a dot is hidden and left out anyway. */
const litter = new Set([
  // Windows
  'thumbs.db',
  'ehthumbs.db',
  'ehthumbs_vista.db',
  'desktop.ini',
  '$recycle.bin',
  'recycler',
  'system volume information',
  // macOS
  '__macosx',
  'icon\r',
  'network trash folder',
  'temporary items',
  // Synology and QNAP
  '#recycle',
  '#snapshot',
  '@recycle',
  '@recently-snapshot',
  '@tmp',
  // Linux, NetApp, Picasa
  'lost+found',
  '~snapshot',
  'picasa.ini',
]);

/** In any name, as Synology writes them: folders of thumbnails, what it keeps beside a file, thumbnails moved elsewhere. */
const marks = ['@eadir', '@syno', 'synophoto_thumb_', 'synofile_thumb_'];

/** Whether a file or folder of this name (no path) is no part of anybody's data. */
export function isLitter(name: string): boolean {
  const lower = name.toLowerCase();
  return name.startsWith('.') || litter.has(lower) || marks.some((mark) => lower.includes(mark));
}
