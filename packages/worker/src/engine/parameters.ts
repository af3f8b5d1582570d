/**
 * The weights of one version as tensors, and the place where gradients go. Layers ask for a parameter by its name in
 * the state dict and give its gradient back by the same name.
 */
import type { ModelTensors, Precision, TensorSpec } from '@unet-fleet/law';
import type { Tensor, TensorFlow } from './tensorflow.ts';

export class Parameters {
  readonly #tf: TensorFlow;
  readonly #model: ModelTensors;
  readonly #index: Map<string, number>;
  readonly #statisticSpecs: Map<string, TensorSpec>;
  #tensors = new Map<string, Tensor>();
  readonly #precision: Precision;
  /** The same rounded to bf16; empty where nothing is computed in that. */
  #rounded = new Map<string, Tensor>();

  /** `precision`: of what is computed with them. */
  constructor(tf: TensorFlow, model: ModelTensors, precision: Precision) {
    this.#tf = tf;
    this.#model = model;
    this.#precision = precision;
    this.#index = new Map(model.parameters.map((spec, index) => [spec.name, index]));
    this.#statisticSpecs = new Map(model.statistics.map((spec) => [spec.name, spec]));
  }

  /** The tensors lie in both flat vectors where those are aligned as TensorFlow wants it, else in a copy. */
  set(parameters: Float32Array, statistics: Float32Array): void {
    this.free();
    const place = (specs: TensorSpec[], values: Float32Array) => {
      for (const spec of specs) {
        const part = values.subarray(spec.offset, spec.offset + spec.size);
        this.#tensors.set(spec.name, this.#tf.tensor(spec.engineShape, part));
      }
    };
    place(this.#model.parameters, parameters);
    place(this.#model.statistics, statistics);
    if (this.#precision === 'float32') return;
    for (const { name } of this.#model.parameters) {
      this.#rounded.set(name, this.#tf.as(this.#precision, this.get(name)));
    }
  }

  get(name: string, precision: Precision = 'float32'): Tensor {
    const tensor = (precision === 'float32' ? this.#tensors : this.#rounded).get(name);
    if (!tensor) throw new Error(`no weights of ${name} yet`);
    return tensor;
  }

  shapeOf(name: string): number[] {
    return this.#model.parameters[this.#index.get(name)!]!.engineShape;
  }

  /** Index and place of a parameter in the flat vector. */
  specOf(name: string): { index: number; spec: TensorSpec } {
    const index = this.#index.get(name)!;
    return { index, spec: this.#model.parameters[index]! };
  }

  statisticSpec(name: string): TensorSpec {
    return this.#statisticSpecs.get(name)!;
  }

  free(): void {
    this.#tf.free(...this.#tensors.values(), ...this.#rounded.values());
    this.#tensors = new Map();
    this.#rounded = new Map();
  }
}
