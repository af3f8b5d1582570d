/** Path data of the sample figures. Photo and mask are drawn from the same strings, so they agree to the pixel. */

export interface Joint {
  x: number;
  y: number;
  /** Half the limb's thickness here. */
  r: number;
}

const number = (value: number): string => (Math.round(value * 10) / 10).toString();

export const at = (x: number, y: number): string => `${number(x)} ${number(y)}`;

/** Clockwise, as all closed shapes here: a path of overlapping ones fills their union. */
export function ellipse(x: number, y: number, rx: number, ry: number): string {
  return `M${at(x - rx, y)}A${at(rx, ry)} 0 0 1 ${at(x + rx, y)}A${at(rx, ry)} 0 0 1 ${at(x - rx, y)}Z`;
}

export function polygon(points: readonly (readonly [number, number])[]): string {
  const area = points.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length] as readonly [number, number];
    return sum + x * nextY - nextX * y;
  }, 0);
  const ordered = area < 0 ? [...points].reverse() : points;
  return `M${ordered.map(([x, y]) => at(x, y)).join('L')}Z`;
}

/** A limb through joints, as thick at each as it says, with round joints. */
export function limb(joints: readonly Joint[]): string {
  const balls = joints.map(({ x, y, r }) => ellipse(x, y, r, r));
  const bones = joints.slice(1).map((to, i) => {
    const from = joints[i] as Joint;
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const [nx, ny] = [(to.y - from.y) / length, (from.x - to.x) / length];
    return polygon([
      [from.x + nx * from.r, from.y + ny * from.r],
      [to.x + nx * to.r, to.y + ny * to.r],
      [to.x - nx * to.r, to.y - ny * to.r],
      [from.x - nx * from.r, from.y - ny * from.r],
    ]);
  });
  return balls.join('') + bones.join('');
}

/** The first part of a limb, `share` of the way along its length, widened by `ease` on each side. */
export function limbUntil(joints: readonly Joint[], share: number, ease: number): Joint[] {
  const lengths = joints.slice(1).map((to, i) => {
    const from = joints[i] as Joint;
    return Math.hypot(to.x - from.x, to.y - from.y);
  });
  let left = lengths.reduce((sum, length) => sum + length, 0) * share;
  const part = [joints[0] as Joint];
  for (const [i, length] of lengths.entries()) {
    const from = joints[i] as Joint;
    const to = joints[i + 1] as Joint;
    const t = Math.min(1, left / length);
    const mix = (a: number, b: number) => a + (b - a) * t;
    part.push({ x: mix(from.x, to.x), y: mix(from.y, to.y), r: mix(from.r, to.r) });
    left -= length;
    if (left <= 0) break;
  }
  return part.map(({ x, y, r }) => ({ x, y, r: r + ease }));
}
