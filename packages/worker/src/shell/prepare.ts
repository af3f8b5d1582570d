/**
 * From a welcome to a member: scans the data, starts the engine, opens the bulk transport. What does not depend on
 * the coordinator's term (engine, sample cache) outlives a restart of the coordinator.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { datasetFrom, manifestSha256, scanDataset, splitSamples } from '@unet-fleet/dataset';
import {
  type BulkInbox,
  type BulkOutbox,
  type Config,
  connectBroker,
  describeModel,
  leafSizeOf,
  NatsInbox,
  NatsOutbox,
  type PlanConfig,
  runTagOf,
  ShmInbox,
  ShmOutbox,
  type Subjects,
  UserError,
  type UpMessage,
  type Welcome,
} from '@unet-fleet/shared';
import { ComputeThread } from '../engine/compute-thread.ts';
import { Batches } from './batches.ts';
import { Member } from './member.ts';
import { NodeComputer } from './nodes.ts';
import { Weights } from './weights.ts';

export interface WorkerLog {
  info(message: string): void;
  debug(message: string): void;
}

export interface PreparationOptions {
  broker: { url: string; user: string; password: string };
  workerId: string;
  name: string;
  images: string;
  masks: string;
  cacheDir: string;
  log: WorkerLog;
}

interface Bulk {
  inbox: BulkInbox;
  outbox: BulkOutbox;
  close(): Promise<void>;
}
