/**
 * The TensorFlow addon of @tensorflow/tfjs-node-gpu, loaded by itself: the engine calls TensorFlow's kernels directly
 * and needs no TensorFlow.js above them. Threads and determinism are settled before the library is loaded, because
 * it reads them once.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UserError } from '@unet-fleet/law';

export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}

export interface TensorMetadata {
  id: number;
  shape: number[];
  dtype: number;
}

/** What the addon exports; see binding/tfjs_binding.cc in the package. */
export interface TensorFlowBinding {
  TF_Version: string;
  TF_FLOAT: number;
  TF_INT32: number;
  TF_INT64: number;
  TF_ATTR_STRING: number;
  TF_ATTR_INT: number;
  TF_ATTR_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  createTensor(shape: number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(name: string, attributes: OpAttribute[], inputs: number[], numOutputs: number): TensorMetadata[];
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
}

/** Where `unet-fleet setup` puts the compiled addon. */
export function bindingPath(): string {
  const require = createRequire(import.meta.url);
  const packageJson = require.resolve('@tensorflow/tfjs-node-gpu/package.json');
  return join(dirname(packageJson), 'lib', 'napi-v8', 'tfjs_binding.node');
}

/**
 * Loads the addon into this thread. Only the first load in a process can set the number of threads and the device, and
 * a thread other than the main one can only if it was started with SHARE_ENV: TensorFlow reads the process's variables.
 * Throws a UserError when the addon has not been built or its library is missing.
 */
export function loadBinding(options: {
  intraOpThreads: number;
  device: 'auto' | 'cpu' | 'gpu';
}): TensorFlowBinding {
  const threads = String(options.intraOpThreads);
  assertFirstOrSame(`${process.pid} ${threads} ${options.device}`);
  process.env.TF_NUM_INTRAOP_THREADS = threads;
  process.env.OMP_NUM_THREADS = threads;
  process.env.TF_NUM_INTEROP_THREADS = '1';
  process.env.TF_DETERMINISTIC_OPS = '1';
  // TensorFlow leaves oneDNN off on processors without AVX-512, where its convolutions are the faster ones too.
  process.env.TF_ENABLE_ONEDNN_OPTS = '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
  // Otherwise the first worker on a GPU takes nearly all of its memory, and a second has none.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  if (options.device === 'cpu') process.env.CUDA_VISIBLE_DEVICES = '-1';
  const path = bindingPath();
  if (!existsSync(path)) {
    throw new UserError('the TensorFlow engine is not installed: run `npx unet-fleet setup`');
  }
  let binding: TensorFlowBinding;
  try {
    binding = createRequire(import.meta.url)(path) as TensorFlowBinding;
  } catch (error) {
    throw new UserError(
      `the TensorFlow engine can't be loaded (${(error as Error).message}): run \`npx unet-fleet setup\` again`,
    );
  }
  if (options.device === 'gpu' && !binding.isUsingGpuDevice()) {
    throw new UserError(
      'TensorFlow finds no GPU here: run `npx unet-fleet setup --gpu` and `npx unet-fleet doctor`, or use --device cpu',
    );
  }
  return binding;
}

/** An engine with other settings than the process's first would silently compute with the first one's: other bits. */
function assertFirstOrSame(settings: string): void {
  const first = process.env.UNET_FLEET_ENGINE_SETTINGS;
  if (first?.startsWith(`${process.pid} `) && first !== settings) {
    throw new Error(`TensorFlow is loaded with (pid, threads, device) ${first}, so not with ${settings}`);
  }
  process.env.UNET_FLEET_ENGINE_SETTINGS = settings;
}
