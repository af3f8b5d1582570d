/**
 * What a NATS server says to somebody whom it does not let in. The client loses it: a server that is full says so and
 * hangs up, and the client reports that its time is over.
 */
import { connect } from 'node:net';

const patienceMs = 1_000;
const mostCharacters = 16_384;

/** The server's complaint, such as "maximum connections exceeded"; '' where it has none, or does not answer. Never rejects. */
export function complaintOf(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ host, port, timeout: patienceMs });
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/-ERR '[^'\r\n]*'/.test(said) || said.length > mostCharacters) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(/-ERR '([^'\r\n]*)'/.exec(said)?.[1] ?? '');
    });
  });
}
