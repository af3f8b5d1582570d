/** What is written for people and for Grafana about the metrics is what is served. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { coordinatorMetrics, type MetricSpec, processMetrics, workerMetrics } from './specs.ts';

const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

test('docs/metrics.md lists each metric, as it is', () => {
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  const row = ({ name, type, labels = [], help }: MetricSpec) => [
    name,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ];
  expect(rows).toEqual([...processMetrics, ...coordinatorMetrics, ...workerMetrics].map(row));
});

interface Panel {
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { expr: string; legendFormat?: string }[];
}

const dashboard = JSON.parse(read('deploy/grafana/unet-fleet.json')) as { panels: Panel[] };
const served = new Map<string, MetricSpec>(
  [...processMetrics, ...coordinatorMetrics].map((spec) => [spec.name, spec]),
);

/** Of a query: the metrics it asks for, a histogram by its own name. */
const metricsIn = (query: string) =>
  [...query.matchAll(/\b(?:unet_fleet|process)_\w+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ''),
  );

test('Grafana asks for metrics that a coordinator serves, of the one that was chosen', () => {
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(20);
  for (const query of queries) {
    const names = metricsIn(query);
    expect(names.filter((name) => !served.has(name))).toEqual([]);
    // A counter says nothing by itself: it begins again with each process.
    for (const name of names) {
      const { type } = served.get(name)!;
      const isRate = new RegExp(`rate\\(${name}(_bucket)?\\{`).test(query);
      expect([name, isRate]).toEqual([name, type !== 'gauge']);
    }
    expect(query.match(/instance="\$instance"/g)).toHaveLength(names.length);
  }
});

test("Grafana's legends use labels that the metrics have", () => {
  for (const { targets } of dashboard.panels) {
    for (const { expr, legendFormat = '' } of targets) {
      const labels = metricsIn(expr).flatMap((name) => served.get(name)!.labels ?? []);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        expect([...labels, 'instance', 'job']).toContain(label);
      }
    }
  }
});

test('no panel lies on another', () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});
