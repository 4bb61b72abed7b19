// The geometry of a sparkline: 72 by 18, the newest at the right edge, its height by the largest value shown.
export const WIDTH = 72;
export const HEIGHT = 18;
const SAMPLES = 30;
const PADDING = 2;

export interface SparkShape {
  line: string;
  /** Where there was no answer to time. */
  gaps: number[];
}

export function sparkOf(values: readonly (number | null)[]): SparkShape {
  const shown = values.slice(-SAMPLES);
  const largest = Math.max(1, ...shown.map((value) => value ?? 0));
  const step = WIDTH / (SAMPLES - 1);
  const left = WIDTH - (shown.length - 1) * step;
  let line = "";
  let pen = "M";
  const gaps: number[] = [];
  shown.forEach((value, index) => {
    const x = round(left + index * step);
    if (value === null) {
      gaps.push(x);
      pen = "M";
      return;
    }
    line += `${pen}${x} ${round(HEIGHT - PADDING - (value / largest) * (HEIGHT - 2 * PADDING))}`;
    pen = "L";
  });
  return { line, gaps };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
