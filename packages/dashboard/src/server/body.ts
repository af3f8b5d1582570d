/** The body of a request, up to a size. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from './answers.ts';

/** Throws a Refusal as soon as it is too large, before more of it is kept. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new Refusal(413, `more than ${Math.floor(maxBytes / 2 ** 20)} MB are not taken`, { Connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, numBytes);
}
