import { UserError } from '@unet-fleet/law';

/**
 * Variables of the environment by which a person changes the kernels that TensorFlow and its libraries choose, and with
 * them the bits: lower precision on a GPU or allowed on a processor, another instruction set, other algorithms. They are
 * left as they were set, and are part of the engine's fingerprint. What the engine sets itself (binding.ts) is no such.
 */
const kernelVariables = [
  'CUBLAS_WORKSPACE_CONFIG',
  'DNNL_DEFAULT_FPMATH_MODE',
  'DNNL_MAX_CPU_ISA',
  'GLIBC_TUNABLES',
  'NVIDIA_TF32_OVERRIDE',
  'ONEDNN_CPU_ISA_HINTS',
  'ONEDNN_DEFAULT_FPMATH_MODE',
  'ONEDNN_MAX_CPU_ISA',
  'TF_CUDNN_DETERMINISTIC',
  'TF_CUDNN_USE_AUTOTUNE',
  'TF_CUDNN_USE_FRONTEND',
  'TF_ENABLE_WINOGRAD_NONFUSED',
  'TF_SET_ONEDNN_FPMATH_MODE',
  'TF_USE_CUBLASLT',
  'TF_XLA_FLAGS',
  'UNET_FLEET_FILTER_GRADIENT',
  'XLA_FLAGS',
] as const;

const maxValueLength = 100;

/**
 * Whether the filter gradients of wide 3x3 convolutions are computed by our own operation (native/) and not as nine products:
 * other bits, in less time. Throws a UserError where the variable says what there is not.
 */
export function hasDirectFilterGradient({ UNET_FLEET_FILTER_GRADIENT: value }: NodeJS.ProcessEnv): boolean {
  if (!value) return false;
  if (value === 'direct') return true;
  throw new UserError(
    `UNET_FLEET_FILTER_GRADIENT=${value.slice(0, maxValueLength)}: it is direct, or not set`,
  );
}

/** Those that are set, as "NAME=value NAME=value"; empty where none is. */
export const settingsOf = (env: NodeJS.ProcessEnv): string =>
  kernelVariables
    .flatMap((name) => (env[name] ? [`${name}=${env[name].slice(0, maxValueLength)}`] : []))
    .join(' ');
