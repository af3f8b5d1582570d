/** Kubernetes objects as plain values, and what all of ours have in common: names and labels. */

/** Anything that YAML and JSON can hold. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };
export type Fields = { readonly [key: string]: Value };

export interface KubeObject extends Fields {
  apiVersion: string;
  kind: string;
  metadata: Fields & { readonly name: string };
}

export type Component = 'coordinator' | 'worker' | 'nats' | 'loader';

/** Names of the objects, which all begin alike and are told apart by what they are for. */
export const names = {
  recipe: 'unet-fleet-recipe',
  run: 'unet-fleet-run',
  data: 'unet-fleet-data',
  coordinator: 'unet-fleet-coordinator',
  workers: 'unet-fleet-workers',
  nats: 'unet-fleet-nats',
  pack: 'unet-fleet-pack',
  loader: 'unet-fleet-loader',
  /** Of a JobSet, whose Jobs are called <jobSet>-<job>-0. */
  jobSet: 'unet-fleet',
} as const;

export const ports = { nats: 4222, metrics: 9464, dashboard: 8088 } as const;

const part = { 'app.kubernetes.io/name': 'unet-fleet' } as const;

/** By which Services, policies and budgets find the pods of a component. */
export const selectorOf = (component: Component) =>
  ({ ...part, 'app.kubernetes.io/component': component }) as const;

/** All pods of the run. */
export const selectorOfAll = part;

/** An object's metadata. Without a component it belongs to all of them. */
export const metadata = (
  name: string,
  namespace: string,
  component: Component | null,
  more: { annotations?: Fields; labels?: Fields } = {},
) => ({
  name,
  namespace,
  labels: { ...(component ? selectorOf(component) : part), ...more.labels },
  ...(more.annotations && { annotations: more.annotations }),
});
