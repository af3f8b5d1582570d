/** On which nodes pods may run: workers on nodes with GPUs and on spot nodes, what holds the run together on others. */
import type { Fields } from './objects.ts';
import type { DeployOptions } from './options.ts';

/** By what nodes of the large clouds, and of Karpenter, say that they may go at any time. */
const spotLabels = [
  { key: 'cloud.google.com/gke-spot', value: 'true' },
  { key: 'kubernetes.azure.com/scalesetpriority', value: 'spot' },
  { key: 'eks.amazonaws.com/capacityType', value: 'SPOT' },
  { key: 'karpenter.sh/capacity-type', value: 'spot' },
] as const;
/** Of those, what keeps pods away that do not ask for it. */
const spotTaints = spotLabels.slice(0, 2);

/** Spot nodes are preferred, not demanded: where a cloud has none left, the run goes on with others. */
const preferSpot = {
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: spotLabels.map(({ key, value }) => ({
      weight: 100,
      preference: { matchExpressions: [{ key, operator: 'In', values: [value] }] },
    })),
  },
};

const avoidSpot = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        {
          matchExpressions: spotLabels.map(({ key, value }) => ({ key, operator: 'NotIn', values: [value] })),
        },
      ],
    },
  },
};

export function workerPlacement(options: DeployOptions): Fields {
  const { gpu, gpuResource, runtimeClass, workerNodes, spot } = options;
  const tolerations = [
    ...(gpu ? [{ key: gpuResource, operator: 'Exists', effect: 'NoSchedule' }] : []),
    ...(spot
      ? spotTaints.map(({ key, value }) => ({ key, operator: 'Equal', value, effect: 'NoSchedule' }))
      : []),
  ];
  return {
    ...(Object.keys(workerNodes).length > 0 && { nodeSelector: workerNodes }),
    ...(spot && { affinity: preferSpot }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(gpu && runtimeClass !== '' && { runtimeClassName: runtimeClass }),
  };
}

/** Of coordinator and broker, which are one each. */
export const stablePlacement = ({ spot }: DeployOptions): Fields => (spot ? { affinity: avoidSpot } : {});

/** A node is not given back for the sake of these pods' neighbours; a drain may still evict them. */
export const stayAnnotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } as const;
