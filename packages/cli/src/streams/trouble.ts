/** What a stream that can't be written any more is called before a person. */

const reasons: Readonly<Record<string, string>> = {
  EPIPE: 'its reader has gone',
  ECONNRESET: 'its reader has gone',
  EIO: 'its terminal or disk does not answer',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is as large as this process may make one',
  EBADF: 'it is not open for writing',
};

export const troubleReason = ({ code, message }: NodeJS.ErrnoException): string =>
  (code === undefined ? undefined : reasons[code]) ?? message;

export const troubleSentence = (stream: string, error: NodeJS.ErrnoException): string =>
  `${stream} can't be written (${troubleReason(error)}): what was to be printed is lost; send it elsewhere, or mend that and run the command again`;
