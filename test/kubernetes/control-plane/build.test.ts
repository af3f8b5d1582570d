import { expect, test } from 'vitest';
import { wrapperModule } from './build.ts';

test('the module around Kubernetes replaces its folders by releases, each once', () => {
  const kubernetes = [
    'module k8s.io/kubernetes',
    '',
    'go 1.26.0',
    'godebug default=go1.26',
    'require k8s.io/api v0.0.0',
    'replace (',
    '\tk8s.io/api => ./staging/src/k8s.io/api',
    '\tk8s.io/kube-proxy => ./staging/src/k8s.io/kube-proxy',
    '\tk8s.io/api => ./staging/src/k8s.io/api',
    ')',
  ].join('\n');
  expect(wrapperModule(kubernetes)).toBe(
    [
      'module wrapper',
      '',
      'go 1.26.0',
      'godebug default=go1.26',
      'require k8s.io/kubernetes v1.36.3',
      'replace (',
      '\tk8s.io/api => k8s.io/api v0.36.3',
      '\tk8s.io/kube-proxy => k8s.io/kube-proxy v0.36.3',
      ')',
      '',
    ].join('\n'),
  );
});
