/** The compute thread: owns the engine and does one call after another. TensorFlow blocks it for the whole of a leaf. */
import { parentPort, workerData } from 'node:worker_threads';
import { explained, UserError } from '@unet-fleet/shared';
import { classBytes } from './class-bytes.ts';
import type { ComputeAnswer, ComputeCall, EvaluatedLeaf } from './compute-protocol.ts';
import { createEngine } from './tensorflow-engine.ts';
import type { Engine, EngineOptions } from './types.ts';

const answer = (message: ComputeAnswer, transfer: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transfer);

function failed(error: unknown): void {
  const told = explained(error, { what: 'the engine' }) as Error;
  const isUserError = told instanceof UserError;
  answer({
    type: 'failed',
    message: isUserError ? told.message : (told.stack ?? told.message),
    exitCode: isUserError ? told.exitCode : null,
  });
}

function perform(engine: Engine, call: ComputeCall): void {
  switch (call.type) {
    case 'set-weights':
      engine.setWeights(call.parameters, call.statistics);
      answer({ type: 'done', value: null });
      return;
    case 'train': {
      const onTensor = call.reportsTensors ? (index: number) => answer({ type: 'tensor', index }) : undefined;
      const value = engine.trainLeaf(call.batch, call.gradients, call.statistics, onTensor);
      answer({ type: 'done', value });
      return;
    }
    case 'evaluate': {
      const confusion = new Float64Array(call.numClasses * call.numClasses);
      const { batch, numClasses, kept } = call;
      const pictures: Uint8Array<ArrayBuffer>[] = [];
      const numPixels = batch.width * batch.height;
      const keep = (classes: ArrayLike<number>) => {
        for (const image of kept)
          pictures.push(classBytes(classes, image * numPixels, numPixels, numClasses));
      };
      const loss = engine.evaluateLeaf(batch, confusion, kept.length > 0 ? keep : undefined);
      const value: EvaluatedLeaf = { loss, confusion, pictures };
      answer({ type: 'done', value }, [confusion.buffer, ...pictures.map(({ buffer }) => buffer)]);
      return;
    }
    case 'predict': {
      const classes = engine.predict(call.batch);
      answer({ type: 'done', value: classes }, [classes.buffer as ArrayBuffer]);
      return;
    }
  }
}

try {
  const engine = createEngine(workerData as EngineOptions);
  parentPort!.on('message', (call: ComputeCall) => {
    try {
      perform(engine, call);
    } catch (error) {
      failed(error);
    }
  });
  answer({ type: 'started', fingerprint: engine.fingerprint });
} catch (error) {
  failed(error);
}
