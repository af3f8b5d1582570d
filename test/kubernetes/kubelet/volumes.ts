/**
 * A pod's volumes as folders on the node: ConfigMaps, Secrets and projections as files, empty folders, claims. What it
 * keeps true is what a kubelet does about rights: files of the API belong to root and the pod's group, with the mode
 * that the spec asks for.
 */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Json } from '../client.ts';
import { fieldOf, MissingSource, type Sources } from './environment.ts';

export interface VolumeSources extends Sources {
  /** Path on the node of a bound claim; null while it is not bound. */
  claim(name: string): string | null;
}

const defaultMode = 0o644;

/** Folders by the volumes' names, under `folder` or where a claim is. */
export function layOut(pod: Json, folder: string, sources: VolumeSources): Map<string, string> {
  const group: number | undefined = pod.spec.securityContext?.fsGroup;
  return new Map(
    (pod.spec.volumes ?? []).map((volume: Json) => [
      volume.name,
      pathOf(volume, join(folder, volume.name), pod, group, sources),
    ]),
  );
}

function pathOf(
  volume: Json,
  path: string,
  pod: Json,
  group: number | undefined,
  sources: VolumeSources,
): string {
  if (volume.persistentVolumeClaim) {
    const { claimName } = volume.persistentVolumeClaim;
    const claimed = sources.claim(claimName);
    if (claimed === null) throw new MissingSource(`claim "${claimName}" is not bound`);
    return claimed;
  }
  mkdirSync(path, { recursive: true });
  if (volume.emptyDir) {
    if (group !== undefined) chownSync(path, 0, group);
    chmodSync(path, group === undefined ? 0o777 : 0o2777);
    return path;
  }
  const { mode, files } = filesOf(volume, pod, sources);
  for (const file of files) {
    const target = join(path, file.path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, file.content);
    // The pod's group can read whatever the mode says.
    chmodSync(target, (file.mode ?? mode) | (group === undefined ? 0 : 0o440));
    if (group !== undefined) chownSync(target, 0, group);
  }
  return path;
}

interface File {
  path: string;
  content: string;
  mode?: number;
}

function filesOf(volume: Json, pod: Json, sources: Sources): { mode: number; files: File[] } {
  const { configMap, secret, projected, downwardAPI } = volume;
  const mode = (configMap ?? secret ?? projected ?? downwardAPI)?.defaultMode ?? defaultMode;
  if (configMap) return { mode, files: chosen('ConfigMap', configMap, sources.configMap(configMap.name)) };
  if (secret)
    return { mode, files: chosen('Secret', secret, sources.secret(secret.secretName ?? secret.name)) };
  if (downwardAPI) {
    return {
      mode,
      files: downwardAPI.items.map((item: Json) => ({
        path: item.path,
        mode: item.mode,
        content: fieldOf(pod, item.fieldRef.fieldPath),
      })),
    };
  }
  if (projected) {
    return { mode, files: projected.sources.flatMap((source: Json) => filesOf(source, pod, sources).files) };
  }
  throw new Error(`this kubelet knows no volume of ${Object.keys(volume).join()}`);
}

function chosen(kind: string, source: Json, found: Record<string, string> | null): File[] {
  if (found === null) {
    if (source.optional) return [];
    throw new MissingSource(`${kind} "${source.secretName ?? source.name}" not found`);
  }
  if (!source.items) return Object.entries(found).map(([path, content]) => ({ path, content }));
  return source.items.map(({ key, path, mode }: Json) => {
    const content = found[key];
    if (content === undefined) throw new MissingSource(`couldn't find key ${key} in ${kind}`);
    return { path, mode, content };
  });
}
