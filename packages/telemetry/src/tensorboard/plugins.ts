/**
 * What TensorBoard's plugins keep in event files: the options of the run for the HParams view (plugins/hparams/api.proto
 * and plugin_data.proto of tensorboard), and the charts of the Custom Scalars view (plugins/custom_scalar/layout.proto).
 */
import { classScores, recordedScores } from '@unet-fleet/law';
import * as proto from './protobuf.ts';
import { pluginText, pluginValue, type Value } from './summaries.ts';
import {
  accuracyTag,
  lossTag,
  meanTag,
  normTag,
  rateTag,
  scorePrefix,
  speedTag,
  validationLossTag,
} from './tags.ts';

export type Hyperparameters = Readonly<Record<string, string | number | boolean>>;

const hparams = 'hparams';
const statusSuccess = 1;

/** PluginData, whose one content is field `kind`. */
const content = (kind: number, ...fields: proto.Fields[]): Uint8Array =>
  proto.join([proto.whole(1, 0), proto.message(kind, ...fields)]);

/** google.protobuf.Value */
function dynamic(value: string | number | boolean): proto.Fields {
  if (typeof value === 'number') return proto.double(2, value);
  return typeof value === 'string' ? proto.string(3, value) : proto.whole(4, value ? 1 : 0);
}

/**
 * What a run says of itself at its start. No `_hparams_/experiment`: with one, TensorBoard shows the options in
 * alphabetical order; without, those first in which runs differ.
 */
export function startValues(values: Hyperparameters, runName: string, startedAtMs: number): Value[] {
  const start = content(
    3,
    ...Object.entries(values).map(([name, value]) =>
      proto.message(1, proto.string(1, name), proto.message(2, dynamic(value))),
    ),
    proto.string(4, runName),
    proto.double(5, startedAtMs / 1_000),
  );
  return [
    pluginValue('_hparams_/session_start_info', hparams, start),
    pluginText('custom_scalars__config__', 'custom_scalars', layout()),
  ];
}

/** What a run says of itself once it has come to its end. */
export const endValue = (endedAtMs: number): Value =>
  pluginValue(
    '_hparams_/session_end_info',
    hparams,
    content(4, proto.whole(1, statusSuccess), proto.double(2, endedAtMs / 1_000)),
  );

/** Titles, and regular expressions of the tags of each chart. */
const charts: [category: string, charts: [title: string, ...tags: string[]][]][] = [
  [
    'Training',
    [
      ['Loss', `^${lossTag}$`, `^${validationLossTag}$`],
      ['Learning rate', `^${rateTag}$`],
      ['Norm of the gradient', `^${normTag}$`],
      ['Images per second', `^${speedTag}$`],
    ],
  ],
  [
    'Scores',
    [
      ...recordedScores.map(({ of }): [string, string] => [
        `${classScores[of].title} by class`,
        `^${scorePrefix(of)}`,
      ]),
      [
        `Mean ${recordedScores.map(({ of }) => classScores[of].title).join(', ')} and pixel accuracy`,
        ...[...recordedScores.map(({ of }) => meanTag(of)), accuracyTag].map((tag) => `^${tag}$`),
      ],
    ],
  ],
];

const layout = (): Uint8Array =>
  proto.join(
    charts.map(([title, ofCategory]) =>
      proto.message(
        2,
        proto.string(1, title),
        ...ofCategory.map(([chart, ...patterns]) =>
          proto.message(
            2,
            proto.string(1, chart),
            proto.message(2, ...patterns.map((pattern) => proto.string(1, pattern))),
          ),
        ),
      ),
    ),
  );
