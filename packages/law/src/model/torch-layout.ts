/**
 * Between PyTorch's layout (conv OIHW, transposed conv IOHW) and the engine's (HWIO, HWOI). Both ways are exact: each
 * is a transpose of a matrix whose rows are the pairs of channels and whose columns are the kernel's cells, after the
 * two channel axes have changed places.
 */
import type { TensorSpec } from './types.ts';

const isKernel = ({ torchShape }: TensorSpec): boolean => torchShape.length === 4;

/** Values of one tensor in PyTorch's layout, from the engine's. */
export function toTorchLayout(spec: TensorSpec, values: Float32Array): Float32Array {
  assertSize(spec, values);
  if (!isKernel(spec)) return values.slice();
  const out = new Float32Array(values.length);
  forEachCell(spec, (torch, engine) => {
    out[torch] = values[engine]!;
  });
  return out;
}

/** Values of one tensor in the engine's layout, from PyTorch's. */
export function fromTorchLayout(spec: TensorSpec, values: Float32Array): Float32Array {
  assertSize(spec, values);
  if (!isKernel(spec)) return values.slice();
  const out = new Float32Array(values.length);
  forEachCell(spec, (torch, engine) => {
    out[engine] = values[torch]!;
  });
  return out;
}

/** Visits [a, b, h, w] of PyTorch and [h, w, b, a] of the engine side by side. */
function forEachCell(spec: TensorSpec, visit: (torch: number, engine: number) => void): void {
  const [numA, numB, height, width] = spec.torchShape as [number, number, number, number];
  const numCells = height * width;
  for (let cell = 0; cell < numCells; cell++) {
    for (let b = 0; b < numB; b++) {
      const engine = (cell * numB + b) * numA;
      const torch = b * numCells + cell;
      for (let a = 0; a < numA; a++) visit(a * numB * numCells + torch, engine + a);
    }
  }
}

function assertSize(spec: TensorSpec, values: Float32Array): void {
  if (values.length !== spec.size)
    throw new Error(`${spec.name}: ${values.length} values instead of ${spec.size}`);
}
