/** One line of the table that `npm run bench` prints: ours beside a floor that was measured in the same run. */
export interface Measurement {
  readonly name: string;
  /** With its unit, as it is printed. */
  readonly ours: string;
  readonly floor: string;
  /** Ours divided by the floor. */
  readonly ratio: number;
  /** What the ratio should be, and whether it is. */
  readonly aim: { readonly text: string; readonly met: boolean };
}

const COLUMNS = ['name', 'ours', 'floor', 'ratio', 'aim', ''] as const;

/** The table as text, one measurement a line. */
export function formatTable(measurements: readonly Measurement[]): string {
  const rows = [
    [...COLUMNS],
    ...measurements.map(({ name, ours, floor, ratio, aim }) => [
      name,
      ours,
      floor,
      ratio.toFixed(2),
      aim.text,
      aim.met ? 'met' : 'missed',
    ]),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The middle one of some numbers. @throws RangeError when there is none */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest of some numbers that this share of them does not exceed. @throws RangeError when there is none */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('There is no quantile of nothing.');
  return found;
}
