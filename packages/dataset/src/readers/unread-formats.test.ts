import { describe, expect, it } from 'vitest';
import { maskExtensionsOf } from './mask.ts';
import { photoExtensions } from './photo.ts';
import { describeUnread, unreadExtensions } from './unread-formats.ts';

describe('formats that are not read', () => {
  it.each([
    [
      'mask',
      'a/0001.NPZ',
      'one file .npz (archives of NumPy arrays), which is not read: save each mask as .npy',
    ],
    ['mask', 'x.h5', 'HDF5'],
    ['mask', 'instances.json', 'COCO'],
    ['mask', '1.xml', 'CVAT: export as "Segmentation mask 1.1"'],
    ['mask', '1.txt', 'YOLO'],
    ['mask', '1.jpg', '--mask-threshold 128'],
    ['mask', 'brain.seg.nii.gz', 'NIfTI'],
    ['photo', 'IMG_1.HEIC', 'heif-convert'],
    ['photo', 'a.dng', 'darktable-cli'],
    ['photo', 'a.dcm', 'pydicom'],
    ['photo', 'a.mp4', 'ffmpeg -i'],
  ] as const)('%s %s', (kind, name, sentence) => {
    expect(describeUnread(kind, [name])).toContain(sentence);
  });

  it('names the most frequent, and nothing where the names say nothing', () => {
    expect(describeUnread('mask', ['a.json', 'b.npz', 'c.npz', 'README'])).toMatch(
      /^2 files \.npz \(archives/,
    );
    expect(describeUnread('mask', ['README', 'a.xyz', 'noextension'])).toBeNull();
  });

  it('are none of those that are read for both photos and masks', () => {
    const masks = maskExtensionsOf({ maskThreshold: 0 });
    const read = photoExtensions.filter((extension) => masks.includes(extension));
    expect(unreadExtensions.filter((extension) => read.includes(extension))).toEqual([]);
  });
});
