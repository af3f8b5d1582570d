/**
 * Who may speak with whom: nobody, but workers and coordinator with the broker, the name service, and the servers that
 * the options name. What kubectl port-forward carries comes from the pod's own node and needs no rule.
 */
import { isUrl } from '@unet-fleet/config';
import {
  type Fields,
  type KubeObject,
  metadata,
  names,
  ports,
  selectorOf,
  selectorOfAll,
} from './objects.ts';
import { type DeployOptions, hasBroker } from './options.ts';

const peers = {
  matchLabels: selectorOfAll,
  matchExpressions: [
    { key: 'app.kubernetes.io/component', operator: 'In', values: ['coordinator', 'worker'] },
  ],
} as const;

const tcp = (port: number | string) => ({ protocol: 'TCP', port });
const namespaced = (namespace: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
});

export function networkPolicies(options: DeployOptions): KubeObject[] {
  const { namespace, monitoring, monitoringNamespace, dashboardFrom } = options;
  const policy = (name: string, spec: Fields): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(name, namespace, null),
    spec,
  });
  const egress = [
    { to: [namespaced('kube-system')], ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
    hasBroker(options)
      ? { to: [{ podSelector: { matchLabels: selectorOf('nats') } }], ports: [tcp(ports.nats)] }
      : egressTo(options.natsUrl, namespace, ports.nats),
    ...packServer(options).map((url) => egressTo(url, namespace, 443)),
  ];
  return [
    policy('unet-fleet-deny', {
      podSelector: { matchLabels: selectorOfAll },
      policyTypes: ['Ingress', 'Egress'],
    }),
    policy('unet-fleet-peers', { podSelector: peers, policyTypes: ['Egress'], egress }),
    ...(hasBroker(options)
      ? [
          policy(names.nats, {
            podSelector: { matchLabels: selectorOf('nats') },
            policyTypes: ['Ingress'],
            ingress: [{ from: [{ podSelector: peers }], ports: [tcp(ports.nats)] }],
          }),
        ]
      : []),
    ...(monitoring
      ? [
          policy('unet-fleet-metrics', {
            podSelector: peers,
            policyTypes: ['Ingress'],
            ingress: [{ from: [namespaced(monitoringNamespace)], ports: [tcp(ports.metrics)] }],
          }),
        ]
      : []),
    ...(dashboardFrom === ''
      ? []
      : [
          policy('unet-fleet-dashboard', {
            podSelector: { matchLabels: selectorOf('coordinator') },
            policyTypes: ['Ingress'],
            ingress: [{ from: [namespaced(dashboardFrom)], ports: [tcp(ports.dashboard)] }],
          }),
        ]),
  ];
}

/** Where a pack is fetched from: its URL's server, or for S3 the endpoint that is set, or else Amazon's. */
function packServer({ config, packSecrets }: DeployOptions): string[] {
  const { pack } = config.data;
  if (!isUrl(pack)) return [];
  return [pack.startsWith('s3:') ? (packSecrets.AWS_ENDPOINT_URL ?? 'https://s3.amazonaws.com') : pack];
}

const defaultPorts: Record<string, number> = { 'http:': 80, 'https:': 443 };

/**
 * A rule for the server of a URL. Policies know no names of hosts: one outside is its port anywhere but on the link's
 * own network, where clouds keep their credentials; a Service of the cluster is its namespace, whose pods may listen on
 * other ports than their Service.
 */
function egressTo(url: string, ownNamespace: string, defaultPort: number): Fields {
  const { protocol, hostname, port } = new URL(url);
  const inCluster = /^[a-z0-9-]+(?:\.([a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?)?$/.exec(hostname);
  const isService = inCluster !== null && (!hostname.includes('.') || /\.svc(\.|$)/.test(hostname));
  if (isService) return { to: [namespaced(inCluster[1] ?? ownNamespace)] };
  const anywhere = [
    { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } },
    { ipBlock: { cidr: '::/0', except: ['fe80::/10'] } },
  ];
  const to = /^\d+(\.\d+){3}$/.test(hostname)
    ? [{ ipBlock: { cidr: `${hostname}/32` } }]
    : hostname.startsWith('[')
      ? [{ ipBlock: { cidr: `${hostname.slice(1, -1)}/128` } }]
      : anywhere;
  return { to, ports: [tcp(Number(port) || (defaultPorts[protocol] ?? defaultPort))] };
}
