/** The operations of RFC 6902 that overlays use, as Kustomize applies them. */

export interface Operation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: unknown;
}

/** A copy with the operations applied. Throws where one leads to nothing. */
export function patched<T>(object: T, operations: readonly Operation[]): T {
  const copy = structuredClone(object);
  for (const { op, path, value } of operations) {
    const keys = path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop()!;
    let parent = copy as Record<string, unknown>;
    for (const key of keys) parent = parent[key] as Record<string, unknown>;
    if (op !== 'add' && !(last in parent)) throw new Error(`${op} ${path}: there is nothing`);
    if (op === 'remove') delete parent[last];
    else parent[last] = value;
  }
  return copy;
}
