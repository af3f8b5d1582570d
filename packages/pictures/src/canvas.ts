/**
 * The one way that a picture comes to be: pixel layers and vector drawing (SVG, without text elements) on a plain
 * ground, flattened to PNG. Photos travel as raw pixels, never inside the SVG, whose parser limits its input.
 */
import sharp from 'sharp';

/** Three bytes a pixel, row by row. */
export interface RgbImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

export interface Layer {
  left: number;
  top: number;
  image: RgbImage;
}

export interface Drawing {
  width: number;
  height: number;
  layers: Layer[];
  /** SVG elements, drawn over the layers. */
  svg: string[];
}

/**
 * Photo pixels of 1, 3 or 4 channels (HWC; bytes 0..255, or floats 0..1) as RGB; transparency lies over white. RGB bytes
 * are not copied.
 */
export function toRgb(
  values: Uint8Array | Float32Array,
  width: number,
  height: number,
  channels: number,
): RgbImage {
  const numPixels = width * height;
  const pixels =
    values instanceof Uint8Array ? values : Uint8Array.from(values, (value) => Math.round(value * 255));
  if (pixels.length !== numPixels * channels) {
    throw new Error(`${pixels.length} bytes are no ${width} x ${height} x ${channels} image`);
  }
  if (channels === 3) return { width, height, pixels };
  const rgb = new Uint8Array(numPixels * 3);
  for (let pixel = 0; pixel < numPixels; pixel++) {
    const alpha = channels === 4 ? pixels[pixel * 4 + 3]! / 255 : 1;
    for (let channel = 0; channel < 3; channel++) {
      const value = pixels[pixel * channels + (channels === 1 ? 0 : channel)]!;
      rgb[pixel * 3 + channel] = channels === 4 ? Math.round(value * alpha + 255 * (1 - alpha)) : value;
    }
  }
  return { width, height, pixels: rgb };
}

/** Same picture at another size: `nearest` keeps colours exact (masks), otherwise a good filter (photos). */
export async function resizeRgb(
  image: RgbImage,
  width: number,
  height: number,
  kernel: 'nearest' | 'lanczos3' = 'lanczos3',
): Promise<RgbImage> {
  if (image.width === width && image.height === height) return image;
  const { data } = await raw(image)
    .resize(width, height, { kernel, fit: 'fill' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width, height, pixels: data };
}

/** PNG of the image alone. */
export const encodeRgb = (image: RgbImage): Promise<Buffer> => raw(image).png().toBuffer();

/** PNG of a drawing. Width and height are rounded up to whole pixels. */
export function renderPng(drawing: Drawing): Promise<Buffer> {
  const width = Math.ceil(drawing.width);
  const height = Math.ceil(drawing.height);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawing.svg.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([
      ...drawing.layers.map(({ left, top, image }) => ({
        input: Buffer.from(image.pixels.buffer, image.pixels.byteOffset, image.pixels.byteLength),
        raw: { width: image.width, height: image.height, channels: 3 as const },
        left: Math.round(left),
        top: Math.round(top),
      })),
      { input: Buffer.from(svg), left: 0, top: 0 },
    ])
    .removeAlpha()
    .png()
    .toBuffer();
}

/** What is in memory already needs no limit. */
const raw = ({ width, height, pixels }: RgbImage) =>
  sharp(pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false });

const round = (value: number): string => String(Math.round(value * 100) / 100);

export interface RectStyle {
  fill?: string;
  stroke?: string;
  radius?: number;
}

export function rectSvg(x: number, y: number, width: number, height: number, style: RectStyle): string {
  const { fill = 'none', stroke, radius = 0 } = style;
  const edge = stroke === undefined ? '' : ` stroke="${stroke}"`;
  const corner = radius === 0 ? '' : ` rx="${radius}"`;
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"${edge}${corner}/>`;
}

export interface StrokeStyle {
  stroke: string;
  widthPx?: number;
  opacity?: number;
  dash?: string;
}

/** A line through the points, in pixels. */
export function polylineSvg(points: [x: number, y: number][], style: StrokeStyle): string {
  const { stroke, widthPx = 1, opacity = 1, dash } = style;
  const data = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  const dashes = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
  return `<polyline fill="none" stroke="${stroke}" stroke-width="${widthPx}" stroke-opacity="${opacity}" stroke-linejoin="round" stroke-linecap="round"${dashes} points="${data}"/>`;
}

export const circleSvg = (x: number, y: number, radius: number, fill: string): string =>
  `<circle cx="${round(x)}" cy="${round(y)}" r="${round(radius)}" fill="${fill}"/>`;
