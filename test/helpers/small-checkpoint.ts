/** The smallest checkpoint that the real writer makes, so that every byte of it can be tried. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { loadConfig } from '@unet-fleet/config/load';
import { describeModel, initialEarlyStopping, initialSchedule, type ModelConfig } from '@unet-fleet/law';
import { type CheckpointContent, type CheckpointVectors, weightsSha256 } from '@unet-fleet/record';
import { smallModel } from './small-model.ts';

/** Where a hundred thousand small files are read and written: in memory, where the system has such a folder. */
export const fastFolder = (): string => (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());

const model: ModelConfig = smallModel({ inChannels: 1, baseWidth: 1, upsampling: 'bilinear' });
const { numParameters, numStatistics } = describeModel(model);
const config = loadConfig({ flags: { images: 'photos', masks: 'masks', optimizer: 'sgd' } });

export interface SmallOptions {
  /** Step of the best one so far; null: none was validated. */
  best?: number | null;
  /** Other weights at the same step. */
  mark?: number;
}

export function smallCheckpoint(
  step: number,
  { best = null, mark = step }: SmallOptions = {},
): CheckpointContent {
  return {
    facts: {
      runId: 'small',
      term: 1,
      progress: {
        version: step,
        validationPending: false,
        schedule: initialSchedule(config.train, 10),
        earlyStopping: initialEarlyStopping(config.train),
        best: best === null ? null : { step: best, loss: 0.1, meanIou: 0.9 },
      },
      epoch: 0,
      stepInEpoch: step,
      config,
      model,
      classNames: ['null', 'coat'],
      identitySha256: '',
      dataSha256: '',
      engines: [],
      numBatchesTracked: step,
    },
    slotNames: ['momentum_buffer'],
    vectors: vectorsOf(mark),
  };
}

const made = new Map<number, CheckpointVectors>();

function vectorsOf(mark: number): CheckpointVectors {
  const before = made.get(mark);
  if (before) return before;
  const filled = (length: number, seed: number) => {
    const values = new Float32Array(new SharedArrayBuffer(length * 4));
    for (let i = 0; i < length; i++) values[i] = ((i * 7919 + seed * 104_729) % 10_007) / 1000;
    return values;
  };
  const vectors = {
    parameters: filled(numParameters, mark),
    statistics: filled(numStatistics, mark + 1),
    slots: [filled(numParameters, mark + 2)],
  };
  made.set(mark, vectors);
  return vectors;
}

const known = new Map<number, string>();

/** What tells the weights of one mark from those of another: their hash. */
export function weightsOf(mark: number): string {
  let hash = known.get(mark);
  if (hash === undefined) {
    const { parameters, statistics } = vectorsOf(mark);
    hash = weightsSha256(parameters, statistics);
    known.set(mark, hash);
  }
  return hash;
}
