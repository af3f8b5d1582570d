/** What a visitor may ask over HTTP, and the answers. Paths name runs and samples, never files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { UserError } from '@unet-fleet/law';
import { openEvaluations, runPaths } from '@unet-fleet/record';
import type { RunHistory } from '../history/run-history.ts';
import type { SegmentHeader, Session } from '../protocol.ts';
import type { Access } from './access.ts';
import { JsonBody, Refusal, send } from './answers.ts';
import { readBody } from './body.ts';
import { HistoryBodies } from './history-bodies.ts';
import type { LivePort } from './live-port.ts';
import { logTail } from './log-tail.ts';
import type { RunFolders } from './run-folders.ts';
import type { SamplePicture, SamplePictures } from './sample-pictures.ts';

export interface RoutesOptions {
  runs: RunFolders;
  live: { name: string; port: LivePort } | null;
  version: string;
}

interface Visit {
  request: IncomingMessage;
  response: ServerResponse;
  access: Access;
}

/** Of a photo from a camera, encoded. */
const maxPhotoBytes = 32 * 1024 * 1024;

export class Routes {
  readonly #options: RoutesOptions;
  #pictures: SamplePictures | null = null;
  readonly #histories = new HistoryBodies();

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  /** `path`: below api/, its parts decoded. Throws a Refusal, or a UserError for what is not there. */
  async answer(path: readonly string[], visit: Visit): Promise<void> {
    const [area, name, part, ...rest] = path;
    const { method } = visit.request;
    if (area === 'segment' && path.length === 1) {
      if (method !== 'POST')
        throw new Refusal(405, 'a photo to segment is sent with POST', { Allow: 'POST' });
      return this.#segment(visit);
    }
    if (method !== 'GET') throw new Refusal(405, 'only GET is answered here', { Allow: 'GET' });
    if (area === 'session' && path.length === 1) return this.#session(visit);
    if (area !== 'runs') throw new Refusal(404, 'there is nothing here');
    if (path.length === 1) return json(visit, await this.#options.runs.list());
    const run = this.#options.runs.open(name!);
    if (!run) throw new Refusal(404, 'there is no such run in this folder, or its files are damaged');
    switch (part) {
      case 'history':
        return rest.length === 0 ? this.#history(run, visit) : nothing();
      case 'log':
        return rest.length === 0 ? json(visit, await logTail(runPaths(run.runDir).log)) : nothing();
      case 'evaluations':
        return this.#evaluation(run, rest, visit);
      case 'samples':
        return this.#sample(run, rest, visit);
      default:
        return nothing();
    }
  }

  #session(visit: Visit): Promise<void> {
    const { live, version } = this.#options;
    const canControl = live !== null && visit.access === 'control';
    return json(visit, { liveRun: live?.name ?? null, canControl, version } satisfies Session);
  }

  async #history(run: RunHistory, { request, response }: Visit): Promise<void> {
    const { live } = this.#options;
    const followed = run.name === live?.name ? await live.port.followed() : undefined;
    const body = await this.#histories.of(run, followed);
    await body.send(request, response);
  }

  async #evaluation(run: RunHistory, [step, picture, ...rest]: string[], visit: Visit): Promise<void> {
    if (rest.length > 0) return nothing();
    const evaluations = openEvaluations(run.runDir);
    if (picture === undefined) {
      const evaluation = await evaluations.read(wholeOf(step));
      if (!evaluation) throw new Refusal(404, 'this step was not evaluated, or its evaluation is damaged');
      return json(visit, evaluation);
    }
    const classes = await evaluations.readClasses(wholeOf(step), wholeOf(picture));
    if (!classes) throw new Refusal(404, 'the prediction of this photo was not kept at this step');
    send(visit.response, 200, classes, { ...binary, 'Content-Encoding': 'deflate', ...forLong });
  }

  async #sample(run: RunHistory, [id, kind, ...rest]: string[], { response }: Visit): Promise<void> {
    if (id === undefined || rest.length > 0) return nothing();
    if (kind === 'photo') {
      const { bytes } = await (await this.#samplePictures()).photo(run, id);
      return send(response, 200, bytes, { 'Content-Type': 'image/jpeg', ...forLong });
    }
    if (kind !== 'truth') return nothing();
    const truth = await (await this.#samplePictures()).truth(run, id);
    send(response, 200, truth.bytes, {
      ...binary,
      'Content-Encoding': 'deflate',
      ...sizeOf(truth),
      ...forLong,
    });
  }

  /** What reads and encodes pictures is most of what this thread would load: it comes with the first one asked for. */
  async #samplePictures(): Promise<SamplePictures> {
    const { SamplePictures } = await import('./sample-pictures.ts');
    this.#pictures ??= new SamplePictures();
    return this.#pictures;
  }

  async #segment({ request, response }: Visit): Promise<void> {
    const { live } = this.#options;
    if (!live) throw new Refusal(409, 'no run is live here: use `unet-fleet predict`');
    const photo = await readBody(request, maxPhotoBytes);
    const { step, width, height, classes, rgb } = await live.port.segment(photo).catch(refused);
    const bytesPerPixel = classes.length === width * height ? 1 : 2;
    const header: SegmentHeader = { step, width, height, bytesPerPixel };
    const line = Buffer.from(`${JSON.stringify(header)}\n`);
    send(response, 200, Buffer.concat([line, rgb, classes]), binary);
  }
}

/** What is wrong with a photo is nothing that can't be found. */
function refused(error: Error): never {
  throw error instanceof UserError ? new Refusal(422, error.message) : error;
}

const binary = { 'Content-Type': 'application/octet-stream' };
/** What can't become anything else under the same address while the page is open. */
const forLong = { 'Cache-Control': 'private, max-age=600' };

const json = ({ request, response }: Visit, value: unknown): Promise<void> =>
  new JsonBody(value).send(request, response);

function nothing(): never {
  throw new Refusal(404, 'there is nothing here');
}

/** Throws a UserError for what is no step or place. */
function wholeOf(text: string | undefined): number {
  if (text === undefined || !/^\d{1,10}$/.test(text))
    throw new UserError('steps and pictures are whole numbers');
  return Number(text);
}

const sizeOf = ({ width, height, bytesPerPixel }: SamplePicture) => ({
  'X-Width': String(width),
  'X-Height': String(height),
  'X-Bytes-Per-Pixel': String(bytesPerPixel),
});
