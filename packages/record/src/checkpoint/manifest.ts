/**
 * What a checkpoint says about itself. A checkpoint is a folder `step-00000123` with
 *   manifest.json          everything but tensors: enough to go on in the middle of an epoch
 *   model.safetensors      state dict of milesial/Pytorch-UNet, in PyTorch's layout
 *   optimizer.safetensors  the optimizer's state vectors, one tensor per parameter and slot, same layout
 *   SHA256SUMS             of the three, in the format of sha256sum: `sha256sum -c SHA256SUMS` checks it by hand
 * Each of the four is covered: SHA256SUMS must be, byte for byte, what follows from the other three.
 */
import type { Config, ModelConfig, Progress, Step } from '@unet-fleet/law';
import type { fingerprintSchema } from '@unet-fleet/wire';

export const formatVersion = 1;

export const files = {
  manifest: 'manifest.json',
  model: 'model.safetensors',
  optimizer: 'optimizer.safetensors',
  sums: 'SHA256SUMS',
} as const;

/** What the coordinator knows about the version of the weights that a checkpoint keeps. */
export interface CheckpointFacts {
  runId: string;
  /** Fencing number of the coordinator that wrote it. */
  term: number;
  /** Version of the weights, schedule, early stopping and best score: all that the core needs to go on. */
  progress: Progress;
  /** Where the next step lies: epochs and steps count from 0. */
  epoch: number;
  stepInEpoch: number;
  config: Config;
  model: ModelConfig;
  classNames: string[];
  /** SHA-256 of the config's identity and of the data's manifest: a run goes on only with the same. */
  identitySha256: string;
  dataSha256: string;
  /** Of all engines that computed so far; more than one only with allowMixedEngines. */
  engines: (typeof fingerprintSchema)['_output'][];
  /** Batches that the batch norms have seen (leaves committed); PyTorch keeps it beside the running statistics. */
  numBatchesTracked: number;
}

export interface FileFacts {
  sizeBytes: number;
  sha256: string;
}

export interface Manifest extends CheckpointFacts {
  formatVersion: number;
  step: Step;
  /** Names of the optimizer's state vectors. */
  slots: string[];
  /** Of the flat parameters and then the statistics, in the engine's layout: names the weights in any run folder. */
  weightsSha256: string;
  files: { [files.model]: FileFacts; [files.optimizer]: FileFacts };
}

/** The flat vectors in the engine's layout. To be written in another thread they lie in SharedArrayBuffers. */
export interface CheckpointVectors {
  parameters: Float32Array;
  statistics: Float32Array;
  /** Each as long as the parameters; in the order of the optimizer's slots. */
  slots: Float32Array[];
}

const nameDigits = 8;
const namePattern = /^step-(\d{8,})$/;

export const checkpointName = (step: Step): string => `step-${String(step).padStart(nameDigits, '0')}`;

/** The step of a checkpoint folder's name; null for any other name. */
export function stepOfName(name: string): number | null {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

const replacedPrefix = '.replaced-';
/** Of a checkpoint that is on its way out: its name goes at once, its files one after another. */
export const removedPrefix = '.removed-';

/** Name that a checkpoint has while one of the same step takes its place. */
export const replacedName = (name: string): string => `${replacedPrefix}${name}`;

/** The checkpoint that goes by this name while it is replaced; null for any other name. */
export function replacedOf(name: string): string | null {
  const original = name.startsWith(replacedPrefix) ? name.slice(replacedPrefix.length) : '';
  return stepOfName(original) === null ? null : original;
}

export const encodeManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

export const sumsText = (manifestSha256: string, manifest: Manifest): string =>
  [
    `${manifestSha256}  ${files.manifest}`,
    `${manifest.files[files.model].sha256}  ${files.model}`,
    `${manifest.files[files.optimizer].sha256}  ${files.optimizer}`,
    '',
  ].join('\n');
