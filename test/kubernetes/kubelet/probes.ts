/**
 * The probes of a container by their periods and thresholds: until the startup probe has succeeded the others wait; a
 * liveness probe that fails too often ends the container, and readiness follows its probe.
 */
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../client.ts';
import type { Container } from './container.ts';

export interface ProbeOutcomes {
  onStarted(): void;
  onReady(isReady: boolean): void;
  /** The container is to be ended. */
  onUnhealthy(why: string): void;
}

const defaults = { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3, successThreshold: 1 };

/** Probes until `signal` is aborted. */
export async function probe(
  container: Container,
  spec: Json,
  address: string,
  outcomes: ProbeOutcomes,
  signal: AbortSignal,
): Promise<void> {
  const follow = (name: string, onChange: (isGood: boolean) => boolean) =>
    followProbe({ ...defaults, ...spec[name] }, container, spec, address, onChange, signal);
  if (spec.startupProbe) {
    let hasStarted = false;
    await follow('startupProbe', (isGood) => {
      hasStarted = isGood;
      if (!isGood) outcomes.onUnhealthy('startup probe failed');
      return false;
    });
    if (!hasStarted) return;
  }
  if (signal.aborted) return;
  outcomes.onStarted();
  const readiness = spec.readinessProbe
    ? follow('readinessProbe', (isGood) => {
        outcomes.onReady(isGood);
        return true;
      })
    : outcomes.onReady(true);
  const liveness = spec.livenessProbe
    ? follow('livenessProbe', (isGood) => {
        if (!isGood) outcomes.onUnhealthy('liveness probe failed');
        return isGood;
      })
    : undefined;
  await Promise.all([readiness, liveness]);
}

/** Tells `onChange` whenever a threshold is reached the first time in a row; ends when it says false. */
async function followProbe(
  probe: Json,
  container: Container,
  spec: Json,
  address: string,
  onChange: (isGood: boolean) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const pause = (seconds: number) => sleep(seconds * 1000, undefined, { signal }).catch(() => {});
  await pause(probe.initialDelaySeconds ?? 0);
  let numInRow = 0;
  let last: boolean | null = null;
  while (!signal.aborted) {
    const isGood = await isAnswered(probe, container, spec, address);
    if (signal.aborted) return;
    numInRow = isGood === last ? numInRow + 1 : 1;
    last = isGood;
    const threshold = isGood ? probe.successThreshold : probe.failureThreshold;
    if (numInRow === threshold && !onChange(isGood)) return;
    await pause(probe.periodSeconds);
  }
}

async function isAnswered(probe: Json, container: Container, spec: Json, host: string): Promise<boolean> {
  const limitMs = probe.timeoutSeconds * 1000;
  const portOf = (port: number | string): number =>
    typeof port === 'number' ? port : spec.ports.find(({ name }: Json) => name === port).containerPort;
  if (probe.exec) return await container.exec(probe.exec.command, limitMs);
  if (probe.tcpSocket) {
    return await new Promise((resolve) => {
      const socket = connect({ host, port: portOf(probe.tcpSocket.port), timeout: limitMs });
      const end = (isGood: boolean) => {
        socket.destroy();
        resolve(isGood);
      };
      socket.on('connect', () => end(true));
      socket.on('timeout', () => end(false));
      socket.on('error', () => end(false));
    });
  }
  const { path = '/', port } = probe.httpGet;
  return await new Promise((resolve) => {
    const request = get({ host, port: portOf(port), path, timeout: limitMs, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode! >= 200 && response.statusCode! < 400);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
