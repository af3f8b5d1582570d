/**
 * The pictures of an evaluation: each followed photo beside its truth and the prediction, at training size or smaller.
 * Photos and truths are read once, and kept while they are followed.
 */
import { readFile } from 'node:fs/promises';
import type { SampleFacts } from '@unet-fleet/coordinator';
import { decodePhoto, maskMeaning, readLabels, resizeLabels, resizePhoto } from '@unet-fleet/dataset';
import { type DataConfig, ignoredLabel } from '@unet-fleet/law';
import {
  type ClassScheme,
  colourMask,
  encodeRgb,
  fittedSize,
  labelMapOf,
  type PixelSize,
  type RgbImage,
  resizeLabelMap,
  resizeRgb,
  toRgb,
} from '@unet-fleet/pictures';
import { type Evaluation, type EvaluationStore, inflateClasses } from '@unet-fleet/record';

/** Of one panel's longer side: what a person sees in TensorBoard. */
const maxPanelPx = 512;
const gapPx = 4;

export interface MaskPicture {
  sampleId: string;
  width: number;
  height: number;
  png: Uint8Array;
}

interface Ready {
  photo: RgbImage;
  truth: RgbImage;
}

export class MaskPictures {
  readonly #data: DataConfig;
  readonly #samples: Map<string, SampleFacts>;
  readonly #scheme: ClassScheme;
  #ready = new Map<string, Ready>();

  constructor(data: DataConfig, samples: readonly SampleFacts[], classNames: readonly string[]) {
    this.#data = data;
    this.#samples = new Map(samples.map((sample) => [sample.id, sample]));
    this.#scheme = { classNames: [...classNames], ignoreIndex: ignoredLabel(data) };
  }

  /** Throws what a file that is gone or unreadable throws. */
  async of(evaluation: Evaluation, store: EvaluationStore): Promise<MaskPicture[]> {
    const pictures: MaskPicture[] = [];
    const ready = new Map<string, Ready>();
    for (const [index, { sampleId, width, height, bytesPerPixel }] of evaluation.pictures.entries()) {
      const sample = this.#samples.get(sampleId);
      const deflated = await store.readClasses(evaluation.step, index);
      const classes =
        deflated && (await inflateClasses(deflated, width * height, evaluation.classIou.length));
      if (!sample || !classes) continue;
      const panel = fittedSize({ width, height }, maxPanelPx);
      const known = this.#ready.get(sampleId) ?? (await this.#open(sample, { width, height }, panel));
      ready.set(sampleId, known);
      const map = labelMapOf(classes, { width, height, bytesPerPixel });
      const shown = resizeLabelMap(map, panel.width, panel.height);
      const strip = sideBySide([known.photo, known.truth, colourMask(shown, this.#scheme)]);
      pictures.push({ sampleId, width: strip.width, height: strip.height, png: await encodeRgb(strip) });
    }
    this.#ready = ready;
    return pictures;
  }

  async #open(sample: SampleFacts, size: PixelSize, panel: PixelSize): Promise<Ready> {
    const { channels } = this.#data;
    const { page } = sample;
    const photoBytes = await readFile(sample.imagePath);
    const photo = await decodePhoto(sample.imagePath, photoBytes, { ...this.#data, page });
    const pixels = await resizePhoto(photo, size);
    const maskBytes = await readFile(sample.maskPath);
    const mask = await readLabels(sample.maskPath, maskBytes, {
      ...(await maskMeaning(this.#data)),
      page,
    });
    const truth = { ...size, labels: resizeLabels(mask.labels, mask, size) };
    const rgb = toRgb(pixels, size.width, size.height, channels);
    return {
      photo: await resizeRgb(rgb, panel.width, panel.height),
      truth: colourMask(resizeLabelMap(truth, panel.width, panel.height), this.#scheme),
    };
  }
}

/** Panels of one size, on white. */
function sideBySide(panels: readonly RgbImage[]): RgbImage {
  const { width, height } = panels[0]!;
  const whole = panels.length * (width + gapPx) - gapPx;
  const pixels = new Uint8Array(whole * height * 3).fill(255);
  panels.forEach((panel, index) => {
    for (let y = 0; y < height; y++) {
      const row = panel.pixels.subarray(y * width * 3, (y + 1) * width * 3);
      pixels.set(row, (y * whole + index * (width + gapPx)) * 3);
    }
  });
  return { width: whole, height, pixels };
}
