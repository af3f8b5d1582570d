/** Pictures of masks, predictions, confusion and training curves, as PNG, on any machine. */
export { encodeRgb, type RgbImage, resizeRgb, toRgb } from './canvas.ts';
export * from './confusion-picture.ts';
export * from './contact-sheet.ts';
export { trainingCurves } from './curves.ts';
export * from './figure.ts';
export * from './models/class-map.ts';
export { classColour, cssColour, type Rgb } from './models/palette.ts';
export * from './overlay.ts';
