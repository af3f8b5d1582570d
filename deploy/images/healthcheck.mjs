/**
 * Health of a container, for HEALTHCHECK: exit code 0 if what runs in it answers, else 1 with a line that says why.
 *
 *   node healthcheck.mjs                          /healthz on the port of the metrics
 *   node healthcheck.mjs nats://127.0.0.1:4222    the greeting of a nats-server, which comes before TLS
 */
import { connect } from 'node:net';

const patienceMs = 4_000;

async function askHttp(url) {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
  if (!ok) throw new Error(`answers ${status}`);
}

async function askNats({ hostname, port }) {
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setTimeout(patienceMs, () => socket.destroy(new Error('says nothing')));
  for await (const greeting of socket) {
    if (!greeting.toString('latin1').startsWith('INFO ')) throw new Error('is no nats-server');
    return;
  }
  throw new Error('closed the connection');
}

const port = process.env.UNET_FLEET_METRICS_PORT || '9464';
const url = new URL(process.argv[2] ?? `http://127.0.0.1:${port}/healthz`);
try {
  await (url.protocol === 'nats:' ? askNats(url) : askHttp(url));
} catch (error) {
  console.error(`${url.href}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
