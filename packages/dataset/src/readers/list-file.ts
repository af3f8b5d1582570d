/** Opens the lists that a person writes beside the data, with one sentence for each way in which that fails. */
import { readBounded, UserError } from '@unet-fleet/shared';

/** The file's bytes. Throws a UserError that names the file and the option. */
export function readList(path: string, maxBytes: number, what: string, option: string): Buffer {
  try {
    return readBounded(path, maxBytes);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UserError(`There is no ${what} ${path}: check ${option}.`);
    }
    throw new UserError(`Cannot read the ${what} ${path} (${message}): check ${option}.`);
  }
}
