/**
 * Which tensors a checkpoint's files hold, and how the engine's flat vectors become them and back. model.safetensors
 * has the state dict of milesial/Pytorch-UNet: torch loads it without a conversion.
 */
import {
  describeModel,
  fromTorchLayout,
  type ModelConfig,
  type ModelDescription,
  type TensorSpec,
  toTorchLayout,
} from '@unet-fleet/law';
import { bytesOf, type HashedFile } from './files.ts';
import type { CheckpointVectors } from './manifest.ts';
import { bytesPerValue, decodeHeader, encodeHeader, type TensorHeader } from './safetensors.ts';

type Contents = Pick<TensorHeader, 'name' | 'dtype' | 'shape'>;

/** Torch counts the batches of each batch norm; its name follows from the running mean's. */
const counterNames = (model: ModelDescription): string[] =>
  model.statistics
    .filter(({ kind }) => kind === 'runningMean')
    .map(({ name }) => name.replace(/running_mean$/, 'num_batches_tracked'));

const floats = (specs: TensorSpec[], prefix = ''): Contents[] =>
  specs.map(({ name, torchShape }) => ({ name: prefix + name, dtype: 'F32', shape: torchShape }));

const modelContents = (model: ModelDescription): Contents[] => [
  ...counterNames(model).map((name): Contents => ({ name, dtype: 'I64', shape: [] })),
  ...floats([...model.parameters, ...model.statistics]),
];

const optimizerContents = (model: ModelDescription, slots: string[]): Contents[] =>
  slots.flatMap((slot) => floats(model.parameters, `${slot}.`));

function writeTensors(file: HashedFile, specs: TensorSpec[], flat: Float32Array): void {
  for (const spec of specs) {
    const values = flat.subarray(spec.offset, spec.offset + spec.size);
    file.write(bytesOf(toTorchLayout(spec, values)));
  }
}

export function writeModel(
  file: HashedFile,
  model: ModelDescription,
  vectors: CheckpointVectors,
  numBatchesTracked: number,
  metadata: Record<string, string>,
): void {
  file.write(encodeHeader(modelContents(model), metadata));
  const counter = BigInt64Array.of(BigInt(numBatchesTracked));
  for (const _ of counterNames(model)) file.write(bytesOf(counter));
  writeTensors(file, model.parameters, vectors.parameters);
  writeTensors(file, model.statistics, vectors.statistics);
}

export function writeOptimizer(
  file: HashedFile,
  model: ModelDescription,
  slotNames: string[],
  slots: Float32Array[],
  metadata: Record<string, string>,
): void {
  file.write(encodeHeader(optimizerContents(model, slotNames), metadata));
  for (const slot of slots) writeTensors(file, model.parameters, slot);
}

/** The tensors of a file, by name. Throws unless they are exactly the expected ones, with their types and shapes. */
function openTensors(bytes: Uint8Array, expected: Contents[]): (name: string) => Uint8Array {
  const { tensors, dataOffset } = decodeHeader(bytes);
  const found = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, dtype, shape } of expected) {
    const tensor = found.get(name);
    if (tensor === undefined) throw new Error(`tensor ${name} is missing`);
    if (tensor.dtype !== dtype || tensor.shape.join() !== shape.join()) {
      const has = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
      throw new Error(`tensor ${name} is ${has}, not ${dtype} [${shape.join(', ')}]`);
    }
  }
  if (found.size !== expected.length) throw new Error(`it has ${found.size} tensors, not ${expected.length}`);
  return (name) => {
    const { begin, end } = found.get(name)!;
    return bytes.subarray(dataOffset + begin, dataOffset + end);
  };
}

function readTensors(
  tensor: (name: string) => Uint8Array,
  specs: TensorSpec[],
  flat: Float32Array,
  prefix = '',
): void {
  for (const spec of specs) {
    const bytes = tensor(prefix + spec.name);
    // A file of ours is aligned; one of another writer need not be.
    const values =
      bytes.byteOffset % bytesPerValue.F32 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, spec.size)
        : new Float32Array(bytes.slice().buffer);
    flat.set(fromTorchLayout(spec, values), spec.offset);
  }
}

const sharedFloats = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(length * bytesPerValue.F32));

/** The flat vectors (in shared memory) of the two files. Throws an Error that says what does not fit. */
export function readVectors(
  config: ModelConfig,
  slotNames: string[],
  modelFile: Uint8Array,
  optimizerFile: Uint8Array,
): CheckpointVectors {
  const model = describeModel(config);
  // Both first: what is allocated is then no more than what the files hold.
  const modelTensor = openTensors(modelFile, modelContents(model));
  const optimizerTensor = openTensors(optimizerFile, optimizerContents(model, slotNames));
  const parameters = sharedFloats(model.numParameters);
  const statistics = sharedFloats(model.numStatistics);
  readTensors(modelTensor, model.parameters, parameters);
  readTensors(modelTensor, model.statistics, statistics);
  const slots = slotNames.map((slot) => {
    const flat = sharedFloats(model.numParameters);
    readTensors(optimizerTensor, model.parameters, flat, `${slot}.`);
    return flat;
  });
  return { parameters, statistics, slots };
}
