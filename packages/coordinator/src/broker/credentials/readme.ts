/** The page that lies beside a cluster's credentials: what goes where, and what to do when something changes. */
import { serverDays } from './certificates.ts';

export interface ReadmeFacts {
  hosts: readonly string[];
  port: number;
  serverFolder: string;
  workers: readonly string[];
}

export function readmeText({ hosts, port, serverFolder, workers }: ReadmeFacts): string {
  const url = `tls://${hosts[0]!.includes(':') ? `[${hosts[0]}]` : hosts[0]}:${port}`;
  return `# Credentials of a fleet

Made by \`unet-fleet credentials\`. Everything here but \`ca.pem\` and this page is secret.

| file | goes to | what it is |
|---|---|---|
| \`broker/\` | the broker's machine, as \`${serverFolder}\` | configuration, certificate and key of nats-server |
| \`ca.pem\` | every machine | certificate of the authority that vouches for the broker |
| \`coordinator.seed\` | the coordinator's machine | its key at the broker |
| \`reducer.seed\`, or \`reducer.join\` alone | machines with \`unet-fleet reducer\` | the reducers' key: whoever has it can hand weights to workers |
| \`workers/*.seed\` | one to each worker | a worker's key: two workers that share one could speak for each other |
| \`workers/*.join\` | one to each worker, instead of its seed and \`ca.pem\` | a URL with the worker's key and the authority's fingerprint: all that it needs |
| \`monitor.seed\` | who looks after the broker | sees the server's connections and load, nothing of the runs |
| \`authority/\` | nowhere: keep it offline | the authority's key, for new certificates |
| \`fleet.json\` | stays here | public keys of all, for adding workers later |

Start the broker:

    nats-server -c ${serverFolder}/nats-server.conf

Start a run, and its workers (${workers.join(', ')}):

    npx unet-fleet coordinator --nats-url ${url} --nats-seed coordinator.seed --nats-ca ca.pem --images … --masks …
    npx unet-fleet worker --join @workers/${workers[0] ?? 'worker-1'}.join

or, with the parts of that URL one by one:

    npx unet-fleet worker --nats-url ${url} --nats-seed workers/${workers[0] ?? 'worker-1'}.seed --nats-ca ca.pem

Add workers: \`npx unet-fleet credentials --out . --add 2\`, copy \`broker/\` again, and reload the server with
\`nats-server --signal reload\`; nobody is disconnected.

A seed or a URL that was lost or seen: \`npx unet-fleet credentials --out . --revoke worker-2\`, copy and reload likewise; its
holder is cut off at once. \`--revoke reducer\` gives the reducers a new key.

The broker's certificate is valid for ${serverDays} days and for ${hosts.join(', ')}. A new one, also for other hosts:
\`npx unet-fleet credentials --out . --hosts ${hosts.join(',')}\`; the URLs in \`workers/\` are for the first of them.
`;
}
