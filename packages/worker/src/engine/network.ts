/**
 * Computes a graph of layers forward and backward. The backward pass is the graph walked in reverse with one rule for each
 * kind of node; a map is freed after its last use (lifetimesOf), and a parameter's gradient is handed over the moment
 * it is complete. What this file keeps true: it knows no architecture.
 */
import { type GraphNode, type LayerGraph, type Lifetimes, lifetimesOf, type NodeId } from '@unet-fleet/law';
import { type Computed, ruleOf } from './rules/index.ts';
import type { NetworkContext, Sink, TrainedLeaf } from './rules/rule.ts';
import type { Tensor } from './tensorflow.ts';

export class Network {
  readonly #context: NetworkContext;
  readonly #graph: LayerGraph;
  readonly #lifetimes: Lifetimes;
  /** Whether any parameter lies before the node or in it: else nobody asks for its map's gradient. */
  readonly #isTrained: readonly boolean[];
  /** Nodes that are computed, in order. */
  readonly #order: readonly (readonly [NodeId, GraphNode])[];

  constructor(context: NetworkContext, graph: LayerGraph) {
    this.#context = context;
    this.#graph = graph;
    this.#lifetimes = lifetimesOf(graph);
    const isTrained: boolean[] = [];
    for (const node of graph.nodes) {
      isTrained.push(node.parameters.length > 0 || node.inputs.some((input) => isTrained[input]));
    }
    this.#isTrained = isTrained;
    this.#order = [...graph.nodes.entries()].filter(
      ([id, { kind }]) => this.#lifetimes.needed[id] && kind !== 'input',
    );
  }

  /**
   * Logits (NHWC) in training mode, which are the caller's, and the way back: `backward` takes the gradient of the logits,
   * which it frees, and gives every parameter's gradient to the sink. x stays the caller's, and must live until then.
   */
  train(x: Tensor, leaf: TrainedLeaf): { logits: Tensor; backward(gradient: Tensor): void } {
    const maps: Tensor[] = [x];
    const kept: unknown[] = [];
    for (const [id, node] of this.#order) {
      const computed: Computed = ruleOf(node).forward(this.#context, node, this.#inputsOf(node, maps), leaf);
      maps[id] = computed.y;
      kept[id] = computed.kept;
      this.#freeMaps(maps, this.#lifetimes.afterForward[id]!);
    }
    return {
      logits: maps[this.#graph.output]!,
      backward: (gradient) => this.#backward(gradient, maps, kept, leaf.sink),
    };
  }

  /** Logits (NHWC) with running statistics. x stays the caller's. */
  infer(x: Tensor): Tensor {
    const maps: Tensor[] = [x];
    for (const [id, node] of this.#order) {
      maps[id] = ruleOf(node).infer(this.#context, node, this.#inputsOf(node, maps));
      this.#freeMaps(maps, this.#lifetimes.afterInference[id]!);
    }
    return maps[this.#graph.output]!;
  }

  #backward(ofLogits: Tensor, maps: Tensor[], kept: unknown[], sink: Sink): void {
    const { tf } = this.#context;
    this.#giveZeros(sink);
    const gradients: (Tensor | undefined)[] = [];
    gradients[this.#graph.output] = ofLogits;
    for (const [id, node] of this.#order.toReversed()) {
      const gradient = gradients[id]!;
      const inputGradients = ruleOf(node).backward(this.#context, node, {
        inputs: this.#inputsOf(node, maps),
        y: maps[id]!,
        kept: kept[id],
        gradient,
        needsInput: node.inputs.map((input) => this.#isTrained[input]!),
        sink,
      });
      tf.free(gradient);
      for (const [index, input] of node.inputs.entries()) {
        const part = inputGradients[index];
        if (!part) continue;
        const before = gradients[input];
        gradients[input] = before ? tf.add(part, before) : part;
        if (before) tf.free(part, before);
      }
      this.#freeMaps(maps, this.#lifetimes.afterBackward[id]!);
    }
  }

  /** Heads that have no part in the output have no gradient either. */
  #giveZeros(sink: Sink): void {
    for (const [id, { parameters }] of this.#graph.nodes.entries()) {
      if (this.#lifetimes.needed[id]) continue;
      for (const { name, torchShape } of parameters) {
        sink.gradient(name, new Float32Array(torchShape.reduce((product, n) => product * n, 1)));
      }
    }
  }

  #inputsOf(node: GraphNode, maps: readonly Tensor[]): Tensor[] {
    return node.inputs.map((input) => maps[input]!);
  }

  /** Their shapes stay known. */
  #freeMaps(maps: readonly Tensor[], ids: readonly NodeId[]): void {
    this.#context.tf.free(...ids.map((id) => maps[id]!));
  }
}
