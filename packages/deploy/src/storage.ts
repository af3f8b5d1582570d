/** The claims: one for the run folder, one for the data where it has no other place, and a pod to copy in and out. */
import { type KubeObject, metadata, names } from './objects.ts';
import { type DeployOptions, hasOwnData } from './options.ts';
import { claimed, imageOf, podOf, scratch } from './pod.ts';
import { paths } from './recipe.ts';

const claim = (name: string, size: string, { namespace, storageClass }: DeployOptions): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: metadata(name, namespace, 'coordinator'),
  spec: {
    accessModes: ['ReadWriteOnce'],
    ...(storageClass !== '' && { storageClassName: storageClass }),
    resources: { requests: { storage: size } },
  },
});

export const claims = (options: DeployOptions): KubeObject[] => [
  claim(names.run, options.runSize, options),
  ...(hasOwnData(options) ? [claim(names.data, options.dataSize, options)] : []),
];

/** Does nothing but hold the claims, for `kubectl cp`: data in before a run, which waits until it is gone, results out after. */
export const loader = (options: DeployOptions): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(names.loader, options.namespace, 'loader'),
  spec: podOf(
    {
      component: 'loader',
      restartPolicy: 'Never',
      graceSeconds: 1,
      folders: [
        claimed('state', names.run, paths.state, false),
        ...(options.dataVolume !== '' || hasOwnData(options)
          ? [claimed('data', options.dataVolume || names.data, paths.data, false)]
          : []),
        scratch('tmp', '/tmp', '1Gi'),
      ],
      container: {
        name: 'loader',
        image: imageOf('coordinator', options),
        command: ['sleep', 'infinity'],
        resources: { cpu: '100m', memory: '256Mi' },
      },
    },
    names.coordinator,
  ),
});
