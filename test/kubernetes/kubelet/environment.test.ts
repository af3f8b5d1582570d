import { expect, test } from 'vitest';
import { environmentOf, expand, fieldOf, MissingSource } from './environment.ts';

const index = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
const pod = {
  metadata: { name: 'p', annotations: { 'batch.kubernetes.io/job-completion-index': '3' } },
  spec: { nodeName: 'n' },
};
const sources = {
  configMap: (name: string) => (name === 'm' ? { a: '1' } : null),
  secret: (name: string) => (name === 's' ? { b: '2' } : null),
};

test('variables refer to those before them, $$ keeps a dollar, and unknown names stay', () => {
  const values = { A: '1', 'B.c': '2' };
  expect(expand('$(A)-$(B.c)-$(C)-$$(A)-$A-$$$(A)', values)).toBe('1-2-$(C)-$(A)-$A-$1');
  const env = [
    { name: 'X', value: 'x' },
    { name: 'Y', value: '$(X)y$(Z)' },
    { name: 'Z', value: '$(Y)' },
  ];
  expect(environmentOf({ env }, pod, sources)).toEqual({ X: 'x', Y: 'xy$(Z)', Z: 'xy$(Z)' });
});

test('values come from fields, ConfigMaps and Secrets, whole ones first', () => {
  const container = {
    envFrom: [{ configMapRef: { name: 'm' }, prefix: 'M_' }, { secretRef: { name: 'none', optional: true } }],
    env: [
      { name: 'I', valueFrom: { fieldRef: { fieldPath: index } } },
      { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'b' } } },
      { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'm', key: 'z', optional: true } } },
    ],
  };
  expect(environmentOf(container, pod, sources)).toEqual({ M_a: '1', I: '3', B: '2' });
  expect(fieldOf(pod, 'spec.nodeName')).toBe('n');
});

test('what is not there is said, so that the pod can wait for it', () => {
  const without = (valueFrom: object) => () =>
    environmentOf({ env: [{ name: 'X', valueFrom }] }, pod, sources);
  expect(without({ secretKeyRef: { name: 'none', key: 'b' } })).toThrow(MissingSource);
  expect(without({ secretKeyRef: { name: 's', key: 'z' } })).toThrow("couldn't find key z in Secret s");
});
