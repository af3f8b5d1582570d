/** A container's variables and arguments, as the pod spec says them. Pure: ConfigMaps and Secrets are given. */
import type { Json } from '../client.ts';

export interface Sources {
  /** Texts by key; null where the object is not there. */
  configMap(name: string): Record<string, string> | null;
  secret(name: string): Record<string, string> | null;
}

/** What the spec names and the cluster does not have: the pod waits for it. */
export class MissingSource extends Error {
  override name = 'MissingSource';
}

/** Variables of a container, in the order in which the spec lets them refer to each other. */
export function environmentOf(container: Json, pod: Json, sources: Sources): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const found = configMapRef
      ? wanted('ConfigMap', configMapRef, sources.configMap(configMapRef.name))
      : wanted('Secret', secretRef, sources.secret(secretRef.name));
    for (const [key, value] of Object.entries(found ?? {})) values[`${prefix}${key}`] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const text = valueFrom ? referred(valueFrom, pod, sources) : expand(value ?? '', values);
    if (text !== null) values[name] = text;
  }
  return values;
}

function referred(from: Json, pod: Json, sources: Sources): string | null {
  if (from.fieldRef) return fieldOf(pod, from.fieldRef.fieldPath);
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (!reference) throw new Error(`this kubelet knows no valueFrom of ${Object.keys(from).join()}`);
  const [kind, found] = from.configMapKeyRef
    ? (['ConfigMap', sources.configMap(reference.name)] as const)
    : (['Secret', sources.secret(reference.name)] as const);
  const value = wanted(kind, reference, found)?.[reference.key];
  if (value === undefined && !reference.optional) {
    throw new MissingSource(`couldn't find key ${reference.key} in ${kind} ${reference.name}`);
  }
  return value ?? null;
}

function wanted<T>(kind: string, { name, optional }: Json, found: T | null): T | null {
  if (found === null && !optional) throw new MissingSource(`${kind} "${name}" not found`);
  return found;
}

/** A field of the downward API, such as metadata.name or metadata.annotations['batch.kubernetes.io/job-completion-index']. */
export function fieldOf(pod: Json, path: string): string {
  const [, folder, key] = /^(.+)\['(.+)'\]$/.exec(path) ?? [];
  const steps = folder && key ? [...folder.split('.'), key] : path.split('.');
  const value = steps.reduce((at, step) => at?.[step], pod);
  return value === undefined ? '' : String(value);
}

/** `$(NAME)` becomes the variable's value; `$$(NAME)` stays `$(NAME)`, and so does a name that is not there. */
export const expand = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([^()]+)\)/g, (found, name?: string) =>
    name === undefined ? '$' : (values[name] ?? found),
  );
