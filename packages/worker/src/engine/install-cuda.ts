/**
 * CUDA's libraries as the wheel `tensorflow` 2.21.0 names them in its extra `and-cuda`, each at the version that it asks
 * for at least, pinned. They are NVIDIA's, under NVIDIA's licence, fetched from the index like everything else.
 */
import type { Wheel } from '@unet-fleet/install';

/** The shared libraries; of the compiler, what TensorFlow runs when it meets a newer GPU than it was built for. */
const isNeeded = (path: string): boolean =>
  /^nvidia\/(\w+\/lib\/[^/]+\.so[.\d]*|cuda_nvcc\/(bin\/ptxas|nvvm\/libdevice\/.+\.bc))$/.test(path);

const cuda = (
  name: string,
  version: string,
  sizeBytes: number,
  unpackedBytes: number,
  sha256: string,
): Wheel => ({
  name: `nvidia-${name}-cu12`,
  version,
  abi: 'none',
  files: { x86_64: { platformTag: 'manylinux2014_x86_64', sha256, sizeBytes } },
  isNeeded,
  unpackedBytes,
});

export const cudaWheels: readonly Wheel[] = [
  cuda(
    'cublas',
    '12.5.3.2',
    363_313_169,
    551_706_504,
    'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b',
  ),
  cuda(
    'cuda-cupti',
    '12.5.82',
    13_811_507,
    43_952_208,
    'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953',
  ),
  cuda(
    'cuda-nvcc',
    '12.5.82',
    22_468_537,
    31_408_356,
    'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0',
  ),
  cuda(
    'cuda-nvrtc',
    '12.5.82',
    24_873_108,
    68_243_664,
    '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd',
  ),
  cuda(
    'cuda-runtime',
    '12.5.82',
    895_707,
    712_032,
    '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115',
  ),
  cuda(
    'cudnn',
    '9.3.0.75',
    577_163_502,
    885_338_960,
    '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d',
  ),
  cuda(
    'cufft',
    '11.2.3.61',
    192_524_114,
    278_929_256,
    '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8',
  ),
  cuda(
    'curand',
    '10.3.6.82',
    56_309_107,
    96_529_840,
    '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536',
  ),
  cuda(
    'cusolver',
    '11.6.3.83',
    130_341_232,
    218_141_696,
    '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
  ),
  cuda(
    'cusparse',
    '12.5.1.3',
    217_558_979,
    295_715_544,
    '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752',
  ),
  cuda(
    'nccl',
    '2.27.7',
    322_546_339,
    430_126_192,
    'de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa',
  ),
  cuda(
    'nvjitlink',
    '12.5.82',
    21_298_879,
    54_560_656,
    'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212',
  ),
];
