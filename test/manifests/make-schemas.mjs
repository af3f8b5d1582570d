/**
 * Makes fixtures/schemas.json: the API schemas of the kinds that manifests use, and nothing else, with unknown fields refused.
 * From published Go modules, whose sources carry them; run it again to move to another version:
 *
 *   go mod download k8s.io/kubernetes@v1.36.3 sigs.k8s.io/jobset@v0.10.1 github.com/prometheus-operator/prometheus-operator@v0.85.0
 *   node test/manifests/make-schemas.mjs "$(go env GOMODCACHE)"
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const versions = {
  'k8s.io/kubernetes': 'v1.36.3',
  'sigs.k8s.io/jobset': 'v0.10.1',
  'github.com/prometheus-operator/prometheus-operator': 'v0.85.0',
};

/** Kind to the definition of Kubernetes' own OpenAPI. */
const kinds = {
  'v1/Namespace': 'io.k8s.api.core.v1.Namespace',
  'v1/ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1/Secret': 'io.k8s.api.core.v1.Secret',
  'v1/Service': 'io.k8s.api.core.v1.Service',
  'v1/ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'v1/PersistentVolumeClaim': 'io.k8s.api.core.v1.PersistentVolumeClaim',
  'v1/Pod': 'io.k8s.api.core.v1.Pod',
  'apps/v1/Deployment': 'io.k8s.api.apps.v1.Deployment',
  'batch/v1/Job': 'io.k8s.api.batch.v1.Job',
  'networking.k8s.io/v1/NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
  'policy/v1/PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
};

/** Kind to the module and file of its CustomResourceDefinition. */
const customKinds = {
  'jobset.x-k8s.io/v1alpha2/JobSet': [
    'sigs.k8s.io/jobset',
    'config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml',
  ],
  'monitoring.coreos.com/v1/PodMonitor': [
    'github.com/prometheus-operator/prometheus-operator',
    'example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml',
  ],
  'monitoring.coreos.com/v1/PrometheusRule': [
    'github.com/prometheus-operator/prometheus-operator',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
};

const kept = [
  'type',
  'properties',
  'required',
  'items',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  '$ref',
];
const metadataRef = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const jobRef = 'io.k8s.api.batch.v1.JobTemplateSpec';
const ref = (name) => ({ $ref: `#/definitions/${name}` });

const modules = process.argv[2];
const read = (module, path) => readFileSync(join(modules, `${module}@${versions[module]}`, path), 'utf8');

/** The schema without prose and server-side extensions; objects with known fields take no others. */
function strict(schema) {
  if (schema.format === 'int-or-string' || schema['x-kubernetes-int-or-string'])
    return { type: ['integer', 'string'] };
  const result = {};
  for (const key of kept) {
    // Go's way to ignore case; of a field that nothing of ours has.
    if (schema[key] === undefined || (key === 'pattern' && schema.pattern.includes('(?i)'))) continue;
    if (key === 'properties') {
      result.properties = Object.fromEntries(
        Object.entries(schema.properties).map(([name, field]) => [name, strict(field)]),
      );
    } else if (key === 'items') result.items = strict(schema.items);
    else result[key] = schema[key];
  }
  if (typeof schema.additionalProperties === 'object') {
    result.additionalProperties = strict(schema.additionalProperties);
  } else if (schema.properties && !schema['x-kubernetes-preserve-unknown-fields']) {
    result.additionalProperties = false;
  }
  return result;
}

const source = JSON.parse(read('k8s.io/kubernetes', 'api/openapi-spec/swagger.json')).definitions;
const definitions = {};
function take(name) {
  if (definitions[name]) return;
  definitions[name] = name.endsWith('.Quantity') ? { type: ['string', 'number'] } : strict(source[name]);
  for (const [, next] of JSON.stringify(definitions[name]).matchAll(/#\/definitions\/([^"]+)/g)) take(next);
}

const properties = {};
for (const [kind, definition] of Object.entries(kinds)) {
  take(definition);
  properties[kind] = ref(definition);
}
take(metadataRef);
take(jobRef);
for (const [kind, [module, path]] of Object.entries(customKinds)) {
  const [, version] = /\/(v[^/]+)\//.exec(kind);
  const crd = parse(read(module, path));
  const schema = strict(crd.spec.versions.find(({ name }) => name === version).schema.openAPIV3Schema);
  schema.properties.metadata = ref(metadataRef);
  if (kind.endsWith('/JobSet')) {
    // The definition has all of a Job written out: it is the one that Kubernetes has.
    schema.properties.spec.properties.replicatedJobs.items.properties.template = ref(jobRef);
  }
  delete schema.properties.status;
  definitions[kind] = schema;
  properties[kind] = { $ref: `#/definitions/${kind.replaceAll('/', '~1')}` };
}

const document = {
  $comment: `Made by make-schemas.mjs from ${Object.entries(versions)
    .map((module) => module.join(' '))
    .join(
      ', ',
    )}. Copyright The Kubernetes Authors and the prometheus-operator Authors, Apache License 2.0; changed: only the kinds in use, descriptions left out, unknown fields refused.`,
  properties,
  definitions: Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1))),
};
writeFileSync(new URL('fixtures/schemas.json', import.meta.url), `${JSON.stringify(document, null, 1)}\n`);
