/**
 * What a run must amount to, computed as one plain loop: no leases, reducers, buckets or messages. Every commit of
 * every schedule is held against it, bit for bit.
 */
import {
  afterValidation,
  type Bucket,
  earlyStoppingAfterValidation,
  type Intervention,
  initialEarlyStopping,
  initialSchedule,
  metricsOf,
  numSteps,
  numValidationLeaves,
  type Progress,
  rateAt,
  shouldStopEarly,
  stepPlan,
  stepsPerEpoch,
  stepTo,
  totalsOf,
  type ValueFormat,
  wireFormats,
  withRate,
} from '@unet-fleet/law';
import {
  clipNormCoefficient,
  createOptimizer,
  type FloatVector,
  NumericMemory,
  roundValues,
  updateRunningStatistics,
} from '@unet-fleet/numerics';
import { isFiniteLeaf, isFiniteSum, type ToyPlan, toyPlan } from './plans.ts';
import {
  addendsOf,
  numClasses,
  numParameters,
  numStatistics,
  numTotals,
  trainLeaf,
  validationLeaf,
  weightsKeyOf,
} from './toy.ts';

export interface Weights {
  parameters: Float32Array;
  statistics: Float32Array;
  slots: Float32Array[];
}

export interface Reference {
  toy: ToyPlan;
  /** By version. */
  weights: Weights[];
  /** `weightsKeyOf` of each version, as workers have it. */
  weightsKeys: number[];
  /** Of step n at index n: what its commit must say. */
  steps: {
    /** null where no pixel counted. */
    loss: number | null;
    weightSum: number;
    gradientNorm: number;
    learningRate: number;
    skipped: number[];
  }[];
  /** Progress by version as JSON: when the step was committed, and after its validation, if it has one. */
  progress: string[][];
  /** By version: leaves that went into the batch norms' statistics. */
  numBatchesTracked: number[];
  reason: 'completed' | 'early-stopping' | 'failed';
  /** Where the run fails, for a leaf that is not finite. */
  failure: { version: number; leaves: number[] } | null;
}

type Changes = readonly Pick<Intervention, 'step' | 'learningRate'>[];

const references = new Map<string, Reference>();
/** Of a few dozen plans, with changes of the learning rate at any of their steps. */
const maxReferences = 2_000;

/** What the plan amounts to with these changes of its learning rate. */
export function referenceOf(planIndex: number, changes: Changes): Reference {
  const key = [planIndex, ...changes.map(({ step, learningRate }) => `${step}:${learningRate}`)].join(' ');
  let reference = references.get(key);
  if (!reference) {
    if (references.size >= maxReferences) references.clear();
    reference = train(toyPlan(planIndex), changes);
    references.set(key, reference);
  }
  return reference;
}

/** Vectors are not given back, so the memory is renewed now and then. */
let memory = new NumericMemory({ shared: true });
let numUses = 0;

function currentMemory(): NumericMemory {
  if (++numUses % 1_000 === 0) memory = new NumericMemory({ shared: true });
  return memory;
}

export const initialWeights = (numSlots: number): Weights => ({
  parameters: Float32Array.from({ length: numParameters }, (_, i) => (i + 1) / 7),
  statistics: new Float32Array(numStatistics).fill(1),
  slots: Array.from({ length: numSlots }, () => new Float32Array(numParameters)),
});

export const initialProgress = ({ plan, train }: ToyPlan): Progress => ({
  version: 0,
  validationPending: false,
  schedule: initialSchedule(train, stepsPerEpoch(plan)),
  earlyStopping: initialEarlyStopping(train),
  best: null,
});

type Round = (values: Float32Array) => Float32Array;

/** Rounds as a format that travels in these buckets does. */
const rounding =
  (memory: NumericMemory, format: ValueFormat, buckets: readonly Bucket[]): Round =>
  (values) => {
    const vector: FloatVector = memory.from(values);
    for (const { offset, length } of buckets) roundValues(vector.part(offset, length), format);
    return vector.view;
  };

/**
 * Neighbours are added, left + right in float32 and then rounded, until one is left; one without a neighbour goes up as it
 * is.
 */
function sumOverTree(vectors: Float32Array[], round: Round): Float32Array {
  if (vectors.length === 1) return vectors[0]!;
  const sums: Float32Array[] = [];
  for (let i = 0; i < vectors.length; i += 2) {
    const [left, right] = [vectors[i]!, vectors[i + 1]];
    sums.push(right ? round(left.map((value, k) => value + right[k]!)) : left);
  }
  return sumOverTree(sums, round);
}

/** As the product's: squares are added bucket by bucket, each in eight partial sums of which a toy fills three. */
function normOf(gradients: Float32Array, buckets: Bucket[]): number {
  let sum = 0;
  for (const { offset, length } of buckets) {
    const [a = 0, b = 0, c = 0] = Array.from(gradients.subarray(offset, offset + length), (x) => x * x);
    sum += a + c + b;
  }
  return Math.sqrt(sum);
}

function train(toy: ToyPlan, changes: Changes): Reference {
  const memory = currentMemory();
  const optimizer = createOptimizer(toy.train);
  const start = initialWeights(optimizer.slots.length);
  const parameters = memory.from(start.parameters);
  const slots = start.slots.map((slot) => memory.from(slot));
  const { statistics } = start;
  const formats = wireFormats[toy.train.wire];
  const roundWeights = rounding(memory, formats.weights, toy.buckets);
  const roundNode = rounding(memory, formats.gradients, toy.buckets);
  const keyOfWorkers = () => weightsKeyOf(roundWeights(parameters.view), statistics);
  const progress = initialProgress(toy);
  const copy = (): Weights => ({
    parameters: parameters.view.slice(),
    statistics: statistics.slice(),
    slots: slots.map((slot) => slot.view.slice()),
  });
  const reference: Reference = {
    toy,
    weights: [copy()],
    weightsKeys: [keyOfWorkers()],
    steps: [],
    progress: [[JSON.stringify(progress)]],
    numBatchesTracked: [0],
    reason: 'completed',
    failure: null,
  };
  const total = numSteps(toy.plan);
  for (let version = 0; version < total; version++) {
    const { numLeaves } = stepPlan(toy.plan, version);
    const key = reference.weightsKeys[version]!;
    const first = firstPass(toy, key, version, numLeaves);
    const leaves = Array.from({ length: numLeaves }, (_, leaf) =>
      trainLeaf(key, version, leaf, isFiniteLeaf(toy, version, leaf), first.totals),
    );
    const skipped = leaves.flatMap(({ sums }, leaf) => (sums.isFinite ? [] : [leaf]));
    if (skipped.length > 0 && toy.train.onNonFinite === 'stop') {
      reference.reason = 'failed';
      reference.failure = { version, leaves: first.skipped.length > 0 ? first.skipped : skipped };
      break;
    }
    const weightSum = leaves.reduce((sum, leaf) => sum + leaf.sums.weightSum, 0);
    const lossSum = leaves.reduce((sum, leaf) => sum + leaf.sums.lossSum, 0);
    const rounded = leaves.map((leaf) => roundNode(leaf.gradients));
    const gradients = memory.from(sumOverTree(rounded, roundNode));
    const scale = weightSum > 0 ? 1 / weightSum : 0;
    const gradientNorm = normOf(gradients.view, toy.buckets) * scale;
    const normCoefficient =
      toy.train.clip === 'norm' ? clipNormCoefficient(toy.train.clipLimit, gradientNorm) : 1;
    const change = changes.find((other) => other.step === version + 1);
    if (change) {
      const learningRate = change.learningRate!;
      progress.schedule = withRate(progress.schedule, version, learningRate);
      const counted = { step: change.step, learningRate };
      progress.interventions = [...(progress.interventions ?? []), counted];
    }
    const learningRate = rateAt(progress.schedule, version);
    optimizer.apply(
      { parameters, gradients, slots },
      { scale, normCoefficient, learningRate, updateIndex: version + 1 },
    );
    for (const leaf of leaves) {
      if (leaf.sums.isFinite) updateRunningStatistics(statistics, leaf.statistics);
    }
    const { validateEvery } = toy.train;
    progress.version = version + 1;
    const isEpochEnd = (version + 1) % stepsPerEpoch(toy.plan) === 0;
    const isDue = validateEvery > 0 ? (version + 1) % validateEvery === 0 : isEpochEnd;
    progress.validationPending = isDue || version + 1 === total;
    reference.weights.push(copy());
    reference.weightsKeys.push(keyOfWorkers());
    reference.numBatchesTracked.push(reference.numBatchesTracked[version]! + numLeaves - skipped.length);
    const loss = weightSum > 0 ? lossSum / weightSum : null;
    reference.steps.push({ loss, weightSum, gradientNorm, learningRate, skipped });
    reference.progress.push([JSON.stringify(progress)]);
    if (!progress.validationPending) continue;
    validate(toy, reference.weightsKeys[version + 1]!, progress);
    reference.progress[version + 1]!.push(JSON.stringify(progress));
    if (version + 1 < total && shouldStopEarly(progress.earlyStopping)) {
      reference.reason = 'early-stopping';
      break;
    }
  }
  return reference;
}

/** Totals of the leaves that are finite, one after the other; none for a loss of one pass. */
function firstPass(toy: ToyPlan, key: number, version: number, numLeaves: number) {
  const skipped: number[] = [];
  if (toy.train.loss !== 'batch-dice') return { totals: [], skipped };
  const totals = new Array<number>(numTotals).fill(0);
  for (let leaf = 0; leaf < numLeaves; leaf++) {
    if (!isFiniteSum(toy, version, leaf)) skipped.push(leaf);
    else for (const [i, addend] of addendsOf(key, version, leaf).entries()) totals[i]! += addend;
  }
  return { totals, skipped };
}

function validate(toy: ToyPlan, key: number, progress: Progress): void {
  let [lossSum, weightSum] = [0, 0];
  const totals = new Array<number>(numTotals).fill(0);
  const confusion = new Float64Array(numClasses * numClasses);
  for (let leaf = 0; leaf < numValidationLeaves(toy.plan); leaf++) {
    const result = validationLeaf(key, leaf);
    for (const [i, addend] of addendsOf(key, -1, leaf).entries()) totals[i]! += addend;
    lossSum += result.lossSum;
    weightSum += result.weightSum;
    result.confusion.forEach((count, cell) => {
      confusion[cell]! += count;
    });
  }
  const ofTotals = totalsOf(toy.train.loss)?.lossOf(totals);
  const loss = ofTotals ? ofTotals.lossSum / ofTotals.weightSum : lossSum / weightSum;
  progress.validationPending = false;
  progress.schedule = afterValidation(progress.schedule, loss);
  progress.earlyStopping = earlyStoppingAfterValidation(progress.earlyStopping, loss);
  if (progress.best === null || loss < progress.best.loss) {
    progress.best = {
      step: stepTo(progress.version),
      loss,
      meanIou: metricsOf(confusion, numClasses).meanIou!,
    };
  }
}
