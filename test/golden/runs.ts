/**
 * The short runs whose weights are on record. Together they cover what reaches a weight: optimizers, schedules,
 * clipping, class weights, ignored pixels, both up-samplings, odd and mixed sizes, 1, 3 and 4 channels, reducing and
 * enlarging, uneven batches, several workers and both carriers, threads, a stop and a resume, a changed rate, a loss of
 * two passes, leaves that are skipped, dropout, bf16, and the formats that round what travels.
 */
import type { dataKinds } from './data.ts';

export interface RecordedRun {
  name: string;
  data: keyof typeof dataKinds;
  flags: string;
  /** The run is stopped after this step and resumed. */
  stopAfterStep?: number;
  /** Learning rates from given steps on, as a person would have set them. */
  rates?: { step: number; learningRate: number }[];
}

const adam = '--optimizer adam --learning-rate 0.002';
const sgd = '--optimizer sgd --momentum 0.8 --learning-rate 0.05 --weight-decay 0.001';

export const recordedRuns: RecordedRun[] = [
  { name: 'classic', data: 'plain', flags: '--batch-size 7 --leaf-size 2' },
  {
    name: 'sgd, step schedule, clip by norm',
    data: 'plain',
    flags: `--batch-size 4 ${sgd} --schedule step --step-epochs 1 --step-factor 0.3 --clip norm --clip-limit 0.5`,
  },
  {
    name: 'adam, cosine with warm-up, no clip',
    data: 'plain',
    flags: `--batch-size 5 ${adam} --schedule cosine --warmup-steps 3 --final-learning-rate 0.0001 --clip none`,
  },
  {
    name: 'adamw, constant, balanced class weights, bilinear',
    data: 'plain',
    flags: `--batch-size 4 --optimizer adamw --weight-decay 0.02 --schedule constant --class-weights balanced --upsampling bilinear`,
  },
  {
    name: 'ignored pixels and weights by hand',
    data: 'ignored',
    flags: `--batch-size 4 ${adam} --ignore-index 255 --class-weights 1,2.5,0.25`,
  },
  {
    name: 'odd sizes of several kinds',
    data: 'sizes',
    flags: `--size= --scale 0.5 --batch-size 3 --leaf-size 1 ${adam}`,
  },
  {
    name: 'odd sizes, bilinear',
    data: 'plain',
    flags: `--size 45x35 --batch-size 4 ${adam} --upsampling bilinear`,
  },
  {
    name: 'residual encoder',
    data: 'plain',
    flags: `--architecture residual-encoder --depth 3 --size 40x32 --batch-size 4 ${adam} --clip none`,
  },
  {
    name: 'three levels, group norm',
    data: 'plain',
    flags: `--depth 2 --norm group --base-width 8 --batch-size 4 ${adam}`,
  },
  { name: 'dropout', data: 'plain', flags: `--dropout 0.4 --batch-size 5 --leaf-size 2 ${adam}` },
  {
    name: 'residual encoder, dropout',
    data: 'plain',
    flags: `--architecture residual-encoder --depth 2 --dropout 0.1 --batch-size 4 ${adam}`,
  },
  { name: 'one channel', data: 'grey', flags: `--channels 1 --batch-size 4 ${adam}` },
  { name: 'four channels', data: 'alpha', flags: `--channels 4 --batch-size 4 ${adam}` },
  { name: 'JPEG photos, enlarged', data: 'jpeg', flags: `--size 80x64 --batch-size 4 ${adam}` },
  { name: 'masks by colours, two threads', data: 'colours', flags: `--threads 2 --batch-size 4 ${adam}` },
  {
    name: 'uneven batches, two workers over NATS',
    data: 'plain',
    flags: `--batch-size 9 --leaf-size 2 ${adam} --workers 2 --shared-memory false`,
  },
  {
    name: 'plateau that drops, early stopping, validation in between',
    data: 'plain',
    flags: `--batch-size 4 ${adam} --learning-rate 0.05 --epochs 4 --validate-every 2 --plateau-patience 0 --plateau-factor 0.5 --early-stopping 3`,
  },
  {
    name: 'stopped and resumed',
    data: 'plain',
    flags: `--batch-size 3 --checkpoint-every 2 --epochs 3 --schedule cosine ${adam}`,
    stopAfterStep: 3,
  },
  {
    name: 'rates set by hand',
    data: 'plain',
    flags: `--batch-size 4 ${adam} --epochs 3`,
    rates: [
      { step: 3, learningRate: 0.0005 },
      { step: 7, learningRate: 0.004 },
    ],
  },
  {
    name: 'batch Dice, ignored pixels, uneven batches',
    data: 'ignored',
    flags: `--loss batch-dice --batch-size 7 --leaf-size 2 ${adam} --ignore-index 255 --workers 2`,
  },
  {
    name: 'bf16',
    data: 'plain',
    flags: `--precision bf16 --base-width 16 --batch-size 5 --leaf-size 2 ${adam} --workers 2`,
  },
  {
    name: 'bf16, two threads, bilinear, dropout, ignored pixels',
    data: 'ignored',
    flags: `--precision bf16 --threads 2 --upsampling bilinear --dropout 0.3 --batch-size 4 ${adam} --ignore-index 255 --on-non-finite retry-float32`,
  },
  {
    name: 'bf16, residual encoder, batch Dice',
    data: 'plain',
    flags: `--precision bf16 --architecture residual-encoder --depth 3 --loss batch-dice --batch-size 4 ${adam}`,
  },
  {
    name: 'bf16 on the wire, two workers over NATS',
    data: 'plain',
    flags: `--wire bf16 --batch-size 9 --leaf-size 2 ${adam} --workers 2 --shared-memory false`,
  },
  {
    name: 'int8 on the wire, clip by norm',
    data: 'plain',
    flags: `--wire int8 --batch-size 7 --leaf-size 2 ${sgd} --clip norm --clip-limit 0.5 --workers 2`,
  },
  {
    name: 'leaves that are skipped',
    data: 'rare',
    flags: `--batch-size 4 --leaf-size 2 ${adam} --class-weights 1,1,1e39 --on-non-finite skip`,
  },
];
