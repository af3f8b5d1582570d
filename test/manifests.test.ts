/**
 * What `unet-fleet deploy render` prints, whatever the options: each object fits the API's schema with no unknown field, and
 * all of them keep what a cluster's owner relies on.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '@unet-fleet/law';
import type { Io } from 'unet-fleet/io';
import { wholeProgram } from 'unet-fleet/program';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemaFaults } from './manifests/check-schema.ts';
import {
  type Any,
  argument,
  folder,
  found,
  jobOf,
  jobsIn,
  objectsOf,
  podsIn,
  recipeIn,
  renderVariants,
  root,
  variants,
} from './manifests/rendered.ts';

beforeAll(renderVariants);
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(Object.keys(variants))('%s', (variant) => {
  test('fits the schemas of the API', () => {
    expect(objectsOf(variant).flatMap(schemaFaults)).toEqual([]);
  });

  test('runs at the restricted level of Pod Security, with a root that is read-only and no rights at the API', () => {
    const pods = podsIn(objectsOf(variant));
    expect(pods.length).toBeGreaterThanOrEqual(2);
    for (const { spec } of pods) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(spec.enableServiceLinks).toBe(false);
      expect([spec.hostNetwork, spec.hostPID, spec.hostIPC, spec.initContainers]).toEqual(
        Array(4).fill(undefined),
      );
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.terminationMessagePolicy).toBe('FallbackToLogsOnError');
      }
      const allowed = ['configMap', 'emptyDir', 'persistentVolumeClaim', 'secret'];
      expect(allowed).toEqual(
        expect.arrayContaining(spec.volumes.map((volume: Any) => Object.keys(volume)[1])),
      );
    }
  });

  test('asks for processors and memory, bounds memory and scratch space, and is probed', () => {
    for (const { spec } of podsIn(objectsOf(variant))) {
      const [{ resources, livenessProbe, readinessProbe, startupProbe, name }] = spec.containers;
      expect(resources.requests).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
      expect(resources.limits.memory).toBe(resources.requests.memory);
      for (const volume of spec.volumes)
        if (volume.emptyDir) expect(volume.emptyDir.sizeLimit).toMatch(/^\d+/);
      const isNats = name === 'nats';
      expect(startupProbe[isNats ? 'tcpSocket' : 'httpGet'].port).toBe(isNats ? 'nats' : 'metrics');
      expect(isNats || livenessProbe.httpGet.path).toBe(isNats || '/healthz');
      expect(isNats || readinessProbe.httpGet.path).toBe(isNats || '/readyz');
    }
  });

  test('names only what is there: accounts, claims, Secrets, volumes, ports', () => {
    const objects = objectsOf(variant);
    const has = (kind: string, name: string) =>
      objects.some((object) => object.kind === kind && object.metadata.name === name);
    for (const { spec } of podsIn(objects)) {
      expect(has('ServiceAccount', spec.serviceAccountName)).toBe(true);
      for (const { configMap, secret, persistentVolumeClaim } of spec.volumes) {
        if (configMap) expect(has('ConfigMap', configMap.name)).toBe(true);
        if (secret) expect(has('Secret', secret.secretName)).toBe(true);
        const isGiven = persistentVolumeClaim?.claimName === 'photos';
        if (persistentVolumeClaim && !isGiven)
          expect(has('PersistentVolumeClaim', persistentVolumeClaim.claimName)).toBe(true);
      }
      const [container] = spec.containers;
      const volumes = spec.volumes.map(({ name }: Any) => name);
      for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
      for (const { secretRef } of container.envFrom ?? []) expect(has('Secret', secretRef.name)).toBe(true);
    }
    const spaces = objects
      .filter(({ kind }) => kind !== 'Namespace')
      .map(({ metadata }) => metadata.namespace);
    expect(new Set(spaces)).toEqual(new Set(['unet-fleet']));
  });

  test('no secret is outside the Secrets', () => {
    const objects = objectsOf(variant);
    const secrets = objects.filter(({ kind }) => kind === 'Secret');
    const values = secrets.flatMap(({ data: files }) =>
      Object.entries(files).flatMap(([file, value]) =>
        file === 'AWS_ENDPOINT_URL'
          ? []
          : [value as string, Buffer.from(value as string, 'base64').toString()],
      ),
    );
    const rest = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
    for (const value of values) expect(rest.includes(JSON.stringify(value).slice(1, -1))).toBe(false);
    expect(rest).not.toMatch(/PRIVATE KEY|\bSU[A-Z2-7]{56}\b|secret-/);
  });

  test("pods' arguments are options of their commands", async () => {
    const program = await wholeProgram({ env: {}, cwd: folder } as unknown as Io);
    for (const { spec } of podsIn(objectsOf(variant))) {
      const [{ args = [], command }] = spec.containers;
      if (command) continue;
      const options = program.commands.find((known) => known.name() === args[0])!.options;
      const given = args.filter((arg: string) => arg.startsWith('--'));
      expect(options.map(({ long }) => long)).toEqual(expect.arrayContaining(given));
    }
  });

  test('Jobs fit what the API server demands of their policies, and exit codes', () => {
    for (const spec of jobsIn(objectsOf(variant))) {
      const { podFailurePolicy, template } = spec;
      expect(template.spec.restartPolicy).toBe('Never');
      expect(spec.podReplacementPolicy).toBe('Failed');
      const isIndexed = spec.completionMode === 'Indexed';
      expect([spec.successPolicy !== undefined, spec.backoffLimitPerIndex !== undefined]).toEqual([
        isIndexed,
        isIndexed,
      ]);
      expect(spec.completions).toBe(spec.parallelism);
      // It may not be more than completions: a Job that has it could not be scaled down below it.
      expect(spec.maxFailedIndexes).toBeUndefined();
      const hopeless = isIndexed ? 'FailIndex' : 'FailJob';
      expect(podFailurePolicy.rules.map(({ action }: Any) => action)).toEqual(['Ignore', hopeless, 'Ignore']);
      expect(podFailurePolicy.rules[0].onPodConditions).toEqual([
        { type: 'DisruptionTarget', status: 'True' },
      ]);
      for (const { onExitCodes } of podFailurePolicy.rules.slice(1)) {
        expect(onExitCodes.containerName).toBe(template.spec.containers[0].name);
        // The API server takes a sorted list without 0.
        expect(onExitCodes.values).toEqual([...new Set<number>(onExitCodes.values)].sort((a, b) => a - b));
        expect(onExitCodes.values).not.toContain(0);
      }
    }
  });

  test('a pod has longer to end than its process takes', () => {
    const { spec } = jobOf(variant, 'worker').template;
    const drainSeconds = Number(argument(spec.containers[0].args, '--drain-seconds'));
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds);
    // What the large clouds give a pod on a spot node that goes.
    expect(spec.terminationGracePeriodSeconds).toBeLessThanOrEqual(15);
    const { run } = recipeIn(objectsOf(variant));
    const coordinator = jobOf(variant, 'coordinator').template.spec;
    expect(coordinator.terminationGracePeriodSeconds).toBeGreaterThan(run.stopSeconds);
  });

  test('policies deny by default, to each pod, and let nothing in or out but what is named', () => {
    const objects = objectsOf(variant);
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => spec);
    const [deny] = policies;
    expect(deny).toEqual({ podSelector: expect.anything(), policyTypes: ['Ingress', 'Egress'] });
    for (const { metadata } of podsIn(objects))
      expect(metadata.labels).toMatchObject(deny.podSelector.matchLabels);
    const rules = policies.flatMap(({ ingress = [], egress = [] }) => [...ingress, ...egress]);
    for (const { from, to, ports } of rules) {
      const peers = from ?? to;
      expect(peers.length).toBeGreaterThan(0);
      for (const peer of peers)
        expect(Object.values(Object.values(peer)[0] as object).length).toBeGreaterThan(0);
      const isNamespace = peers.every((peer: Any) => peer.namespaceSelector);
      expect(isNamespace || ports.length > 0).toBe(true);
    }
    // Nobody may speak to a worker, but Prometheus.
    const toWorkers = policies.filter(
      ({ podSelector, ingress }) => ingress && podSelector.matchExpressions?.[0].values.includes('worker'),
    );
    expect(toWorkers).toHaveLength(variant === 'monitoring' ? 1 : 0);
  });
});

test('the schemas refuse a field that there is none of, a wrong type and an unknown kind', () => {
  const job = structuredClone(objectsOf('plain').find(({ kind }) => kind === 'Job'));
  job.spec.template.spec.containers[0].imagePullPolcy = 'Always';
  job.spec.backoffLimit = 'many';
  expect(schemaFaults(job).join('\n')).toMatch(/imagePullPolcy[\s\S]*|backoffLimit must be integer/);
  expect(schemaFaults(job)).toHaveLength(2);
  expect(schemaFaults({ apiVersion: 'batch/v1', kind: 'Jop' })).toHaveLength(1);
});

test('what exit codes mean to a Job is what docs/exit-codes.md says of trying again', () => {
  const [table = ''] = readFileSync(join(root, 'docs/exit-codes.md'), 'utf8').split('\n## ');
  const rows = [...table.matchAll(/^\| (\d+) \|.*\| ?([^|]*)\|$/gm)].map(
    ([, code, again]) => [Number(code), again!] as const,
  );
  expect(rows.map(([code]) => code)).toEqual(Object.values(exitCodes));
  const again = (pattern: RegExp) => rows.filter(([, text]) => pattern.test(text)).map(([code]) => code);
  const [, hopeless, onRequest] = jobOf('plain', 'coordinator').podFailurePolicy.rules;
  expect(hopeless.onExitCodes.values).toEqual(again(/^(Fails|Differs) again/));
  // And what a process ends with that is asked to leave before it can answer.
  expect(onRequest.onExitCodes.values).toEqual([...again(/^Goes on/), 128 + 15]);
});

test('the namespace enforces the restricted level', () => {
  expect(found('plain', 'Namespace', 'unet-fleet').metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
});
