/**
 * Metrics by their specs, held by prom-client in a registry of their own. A gauge without labels has no value until it
 * is set: a loss of 0 before the first step would be a lie.
 */
import { setImmediate as letOthersRun } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type CounterOf, type GaugeOf, type HistogramOf, type MetricSpec, processMetrics } from './specs.ts';

type Labels = Record<string, string>;

export class Metrics<Name extends string> {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #labelled = new Set<string>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #process: Process;

  constructor(specs: readonly MetricSpec<Name>[]) {
    for (const spec of [...processMetrics, ...specs]) this.#register(spec);
    this.#process = new Process();
  }

  inc(name: CounterOf<Name>, by = 1, labels: Labels = {}): void {
    this.#counters.get(name)!.inc(labels, by);
  }

  set(name: GaugeOf<Name>, value: number, labels: Labels = {}): void {
    this.#gauges.get(name)!.set(labels, value);
  }

  /** Of a gauge without labels: null where there is no value, which 0 or the one before would not say. */
  show(name: GaugeOf<Name>, value: number | null): void {
    if (value === null) this.clear(name);
    else this.set(name, value);
  }

  /** Takes a gauge's values away, of all labels. */
  clear(name: GaugeOf<Name>): void {
    const gauge = this.#gauges.get(name)!;
    gauge.reset();
    // A reset makes it 0 where there are no labels.
    if (!this.#labelled.has(name)) gauge.remove();
  }

  observe(name: HistogramOf<Name>, value: number): void {
    this.#histograms.get(name)!.observe(value);
  }

  readonly contentType = this.#registry.contentType;

  /** In Prometheus's text format, in slices: the workers of a large cluster are half a megabyte. */
  async text(): Promise<string> {
    const { cpuSeconds, residentBytes, startSeconds } = this.#process.now();
    this.#counters.get('process_cpu_seconds_total')!.inc(cpuSeconds);
    this.#gauges.get('process_resident_memory_bytes')!.set(residentBytes);
    this.#gauges.get('process_start_time_seconds')!.set(startSeconds);
    const texts: string[] = [];
    for (const { name } of this.#registry.getMetricsAsArray()) {
      texts.push(await this.#registry.getSingleMetricAsString(name));
      await letOthersRun();
    }
    return `${texts.join('\n\n')}\n`;
  }

  #register({ name, type, help, labels = [], buckets }: MetricSpec): void {
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') this.#counters.set(name, new Counter(options));
    else if (type === 'histogram') {
      this.#histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
    } else {
      const gauge = new Gauge(options);
      if (labels.length > 0) this.#labelled.add(name);
      else gauge.remove();
      this.#gauges.set(name, gauge);
    }
  }
}

class Process {
  #lastCpuSeconds = 0;
  readonly #startSeconds = Date.now() / 1_000 - process.uptime();

  /** `cpuSeconds`: since the last call. */
  now(): { cpuSeconds: number; residentBytes: number; startSeconds: number } {
    const { user, system } = process.cpuUsage();
    const total = (user + system) / 1e6;
    const cpuSeconds = Math.max(0, total - this.#lastCpuSeconds);
    this.#lastCpuSeconds = total;
    return { cpuSeconds, residentBytes: process.memoryUsage.rss(), startSeconds: this.#startSeconds };
  }
}
