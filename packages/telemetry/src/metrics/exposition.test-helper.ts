/** A strict reader of Prometheus's text format, for tests. Throws where the text is not what the format asks for. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

const suffixes: Record<string, readonly string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  let current: [name: string, family: Family] | null = null;
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      if (families.has(help[1]!)) throw new Error(`${help[1]} is there twice`);
      current = [help[1]!, { type: '', help: help[2]!, samples: [] }];
      families.set(...current);
    } else if (type) {
      if (current?.[0] !== type[1]) throw new Error(`${line} without its help`);
      current[1].type = type[2]!;
    } else {
      const sample = sampleOf(line);
      if (!current || !suffixes[current[1].type]?.some((end) => sample.name === current![0] + end)) {
        throw new Error(`${line} is outside of its family`);
      }
      const key = sample.name + JSON.stringify(Object.entries(sample.labels).sort());
      if (seen.has(key)) throw new Error(`${key} is there twice`);
      seen.add(key);
      current[1].samples.push(sample);
    }
  }
  return families;
}

function sampleOf(line: string): Sample {
  const match =
    /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (-?[0-9.e+-]+|NaN|\+Inf|-Inf)$/.exec(
      line,
    );
  if (!match) throw new Error(`no sample: ${line}`);
  const [, name, labels = '', value] = match;
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\[\\n"])*)"/g)].map(
    ([, key, text]) => [key!, text!.replace(/\\([\\n"])/g, (_, c) => (c === 'n' ? '\n' : c))] as const,
  );
  const number = value === '+Inf' ? Infinity : value === '-Inf' ? -Infinity : Number(value);
  return { name: name!, labels: Object.fromEntries(pairs), value: number };
}
