/** What is told of a photo or mask that could not be used, while the others go on. */
import { FileError } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/shared';

export interface Failure {
  path: string;
  reason: string;
}

/** Which file is at fault, and why; null for what is no fault of a file but should never happen. */
export function failureOf(path: string, error: unknown): Failure | null {
  if (error instanceof FileError) return { path: error.path, reason: error.reason };
  if (error instanceof UserError) return { path, reason: error.message };
  const { code, path: file, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return null;
  return { path: file ?? path, reason: code === 'EACCES' ? 'there is no permission for it' : message };
}
