/** What the benchmarks say of their turns: ratios round by round, how far they lie apart, and on which machine. */
import { expect, test } from 'vitest';
import { figuresOf, reportAsText } from './bench/bench-report.ts';
import { type Cell, exchangeAsJson, exchangeTable } from './bench/exchange-report.ts';
import { processorOf } from './bench/machine.ts';
import { numberText, spreadOf, spreadText } from './bench/spread.ts';
import { neededBytes } from './bench/stand-in/memory.ts';

const machine = {
  ...{ processor: 'a processor', instructionSets: ['avx2'], numCores: 2, memoryGb: 16 },
  libraries: { node: '20.0.0', torch: '2.15.0' },
};
const timings = { fetchMs: 10, dataMs: 1, computeMs: 80, sendMs: 2, reduceMs: 3, optimizeMs: 4 };
const turn = (name: string, unit: 'ms' | 'images/s', value: number) => ({
  ...{ figures: [{ name, unit, value }], peakMb: value, step: { stepMs: 100 + value, timings } },
});
const contest = { name: 'a contest', about: 'of two', ours: () => Promise.reject(), yardstick: null };

test('a spread has the middle, the least and the most of its turns', () => {
  expect(spreadOf([3, 1, 2, 10])).toEqual({ median: 2.5, least: 1, most: 10 });
  expect(spreadText(spreadOf([0.8, 0.75, 0.9]))).toBe('0.800 (0.750 to 0.900)');
  expect([1234.4, 43.21, 4.321, 0].map(numberText)).toEqual(['1234', '43.2', '4.32', '0.00']);
});

test('a ratio is of two turns of one round, and above one where ours is faster', () => {
  // The machine halves its speed after the first round: the ratios know nothing of it.
  const ofTimes = { contest, ours: [turn('step', 'ms', 10), turn('step', 'ms', 20)] };
  const yardstick = [turn('step', 'ms', 20), turn('step', 'ms', 40)];
  expect(figuresOf({ ...ofTimes, yardstick })[0]!.ratio).toEqual({ median: 2, least: 2, most: 2 });
  const ofRates = { contest, ours: [turn('step', 'images/s', 3)], yardstick: [turn('step', 'images/s', 4)] };
  expect(figuresOf(ofRates)[0]!.ratio!.median).toBe(0.75);
  expect(figuresOf({ ...ofRates, yardstick: [] })[0]).toMatchObject({ yardstick: null, ratio: null });
});

test('the report names processor, instruction sets and versions, peak memory and the parts of a step', () => {
  const played = { contest, ours: [turn('step', 'ms', 8)], yardstick: [turn('step', 'ms', 4)] };
  const text = reportAsText(machine, 1, [played]);
  for (const part of ['a processor', 'avx2', 'torch 2.15.0', '8 MB a process', "yardstick's 4 MB"]) {
    expect(text).toContain(part);
  }
  expect(text).toContain('compute 80, send 2, reduce 3, optimize 4, fetch 10, rest 8, step 108');
});

test('a processor is told by name, numbers and the instruction sets that kernels are chosen by', () => {
  const cpuinfo = `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu sse4_2 avx avx2 fma avx512f avx512_bf16 amx_bf16 amx_tile

processor\t: 1
flags\t\t: fpu`;
  expect(processorOf(cpuinfo)).toEqual({
    processor: 'Intel(R) Xeon(R) Processor (GenuineIntel 6 143)',
    instructionSets: ['sse4_2', 'avx', 'avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_tile', 'amx_bf16'],
  });
  expect(processorOf('')).toEqual({ processor: 'unknown', instructionSets: [] });
});

const cell = (carrier: Cell['carrier'], leafMs: number, stepMs: number[]): Cell => ({
  ...{ leafMs, numWorkers: 2, carrier, wire: 'float32', leftOut: null },
  steps: stepMs.map((ms) => ({ stepMs: ms, timings: null, peakMb: 100 })),
});

test('the table of the exchange has an efficiency in each cell, beside the pretence of the same round', () => {
  const tooLarge: Cell = { ...cell('nats', 100, []), leftOut: 'about 30 GB' };
  const cells = [cell('shared', 100, [125, 250]), tooLarge, cell('pytorch', 100, [250, 500])];
  const workload = { baseWidth: 64, numClasses: 59, numRounds: 2 };
  const table = exchangeTable(machine, workload, cells);
  expect(table).toMatch(/\| shared float32, 2 workers +\| 0\.60 \(0\.40 to 0\.80\) \/ 2\.00 \|/);
  expect(table).toMatch(/\| nats float32, 2 workers +\| left out/);
  expect(table).toMatch(/\| pytorch float32, 2 workers +\| 0\.30 \(0\.20 to 0\.40\) +\|/);
  const [shared, nats] = exchangeAsJson(machine, workload, cells).cells;
  expect(shared).toMatchObject({
    efficiency: { median: expect.closeTo(0.6) },
    ratio: { median: 2 },
    peakMb: 100,
  });
  expect(nats).toMatchObject({ leftOut: 'about 30 GB', peakMb: null });
});

test('half the width needs about a quarter of the memory for vectors', () => {
  const ofVectors = (baseWidth: number) => neededBytes(baseWidth, 8) - neededBytes(1, 8);
  expect(ofVectors(64) / ofVectors(32)).toBeCloseTo(4, 1);
});
