/** Opens the lists that a person writes beside the data, with one sentence for each way in which that fails. */
import { UserError } from '@unet-fleet/law';
import { explained, isErrno, readBounded } from '@unet-fleet/shared';

/** The file's bytes. Throws a UserError that names the file and the option. */
export function readList(path: string, maxBytes: number, what: string, option: string): Buffer {
  try {
    return readBounded(path, maxBytes);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
      throw new UserError(`There is no ${what} ${path}: check ${option}.`);
    }
    throw explained(error, { path, instead: `or check ${option}` });
  }
}
