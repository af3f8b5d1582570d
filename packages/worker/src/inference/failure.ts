/** What is told of a photo or mask that could not be used, while the others go on. */
import { FileError } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import { refusalOf } from '@unet-fleet/shared';

export interface Failure {
  path: string;
  reason: string;
}

/** What failed of a set of photos. */
export class Failures {
  /** In the order they were met. */
  readonly list: Failure[] = [];
  /** The first that should never happen, to be thrown once all is told; null if there was none. */
  bug: unknown = null;

  add(path: string, error: unknown): void {
    const failure = failureOf(path, error);
    this.list.push(failure ?? { path, reason: String((error as Error | null)?.message) });
    if (failure === null) this.bug ??= error;
  }
}

/** Which file is at fault, and why; null for what is no fault of a file but should never happen. */
export function failureOf(path: string, error: unknown): Failure | null {
  if (error instanceof FileError) return { path: error.path, reason: error.reason };
  if (error instanceof UserError) return { path, reason: error.message };
  const { code, path: file, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return null;
  return { path: file ?? path, reason: refusalOf(error) || message };
}
