/** The stream that a server sends, cut anywhere: what bulk takes, and what the client sees. */
import { describe, expect, it } from 'vitest';
import { type PayloadTaker, Splitter } from './splitter.ts';

const bulk = (numBytes: number, fill: string): string =>
  `MSG bulk.x 7 ${numBytes}\r\n${fill.repeat(numBytes)}\r\n`;

/** What each side gets of the stream, in pieces of so many bytes. */
function split(stream: string, pieceBytes: number) {
  const taken: { subject: string; numBytes: number; text: string; isWhole: boolean }[] = [];
  let rest = '';
  const takerOf = (subject: string, numBytes: number): PayloadTaker | null => {
    if (!subject.startsWith('bulk.')) return null;
    const message = { subject, numBytes, text: '', isWhole: false };
    taken.push(message);
    return {
      take: (bytes) => {
        message.text += Buffer.from(bytes).toString('latin1');
      },
      end: () => {
        message.isWhole = true;
      },
    };
  };
  const splitter = new Splitter({
    takerOf,
    rest: (bytes) => {
      rest += Buffer.from(bytes).toString('latin1');
    },
  });
  const bytes = Buffer.from(stream, 'latin1');
  // As a socket does, into the same memory each time.
  const memory = Buffer.alloc(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const numBytes = bytes.copy(memory, 0, at, at + pieceBytes);
    splitter.push(memory.subarray(0, numBytes));
  }
  return { taken, rest };
}

describe.each([1, 2, 3, 7, 64, 1_000])('in pieces of %i bytes', (pieceBytes) => {
  it('gives bulk its payloads and the client all else, in order', () => {
    const control = [
      'INFO {"max_payload":1048576}\r\n',
      'PING\r\n',
      // A payload that looks like a line of the protocol.
      'MSG unet-fleet.all 1 24\r\nMSG bulk.x 7 5\r\n0123456\r\n\r\n',
      'HMSG bulk.x 7 30 30\r\nNATS/1.0 503 No Responders\r\n\r\n\r\n',
      '-ERR \'Permissions Violation for Publish to "bulk.x"\'\r\n',
      '+OK\r\n',
      'MSG unet-fleet.down 2 reply.to 0\r\n\r\n',
    ];
    const messages = [bulk(100, 'a'), bulk(0, ''), 'MSG bulk.y 8 reply 5\r\nMSG b\r\n', bulk(3, '\n')];
    const stream = control.flatMap((text, i) => [text, messages[i] ?? '']).join('');
    const { taken, rest } = split(stream, pieceBytes);
    expect(rest).toBe(control.join(''));
    expect(taken).toEqual([
      { subject: 'bulk.x', numBytes: 100, text: 'a'.repeat(100), isWhole: true },
      { subject: 'bulk.x', numBytes: 0, text: '', isWhole: true },
      { subject: 'bulk.y', numBytes: 5, text: 'MSG b', isWhole: true },
      { subject: 'bulk.x', numBytes: 3, text: '\n\n\n', isWhole: true },
    ]);
  });

  it('does not end a message that has not come whole', () => {
    const { taken, rest } = split(bulk(50, 'a').slice(0, -3), pieceBytes);
    expect(taken).toMatchObject([{ isWhole: false }]);
    expect(rest).toBe('');
  });
});

it('keeps no line without an end', () => {
  const { rest } = split(`${'x'.repeat(100_000)}`, 4_096);
  expect(rest.length).toBeGreaterThan(50_000);
});
