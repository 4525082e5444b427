/** One line of the benchmark's table. `met` null: there is no goal, or nothing could be measured. */
export interface Row {
  what: string;
  value: string;
  goal: string;
  met: boolean | null;
  numbers: Record<string, number>;
  /** Measured as a multiple of the goal, for figures that should be small: 1.3 is missed by 30 %. */
  ofGoal?: number;
}

/** A row for a figure that should be at most `goal`, in whatever unit both are. `value` and `goalText` are for readers. */
export function figure(of: {
  what: string;
  measured: number;
  goal: number;
  value: string;
  goalText: string;
  numbers: Record<string, number>;
}): Row {
  const { what, measured, goal, value, goalText, numbers } = of;
  return { what, value, goal: goalText, met: measured <= goal, numbers, ofGoal: measured / goal };
}

/** A figure in ms that should be at most `goalMs`. */
export function milliseconds(what: string, measured: number, goalMs: number, remark = ''): Row {
  return figure({
    what,
    measured,
    goal: goalMs,
    value: `${shown(measured)} ms${remark === '' ? '' : ` (${remark})`}`,
    goalText: `≤ ${String(goalMs)} ms`,
    numbers: { ms: measured },
  });
}

/** A figure without a goal, or what could not be measured. */
export function note(what: string, value: string, numbers: Record<string, number> = {}): Row {
  return { what, value, goal: '', met: null, numbers };
}

/** Enough digits to compare, and no more. */
export function shown(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** The rows as a table of plain text; where a goal is missed, it says by how much. */
export function tableOf(rows: Row[]): string {
  const cells = rows.map((row) => [row.what, row.value, row.goal, verdict(row)]);
  const head = ['what', 'measured', 'goal', ''];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]!.length)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

function verdict({ met, ofGoal }: Row): string {
  if (met === null) return '';
  if (met) return 'met';
  return ofGoal === undefined ? 'missed' : `missed: ${shown(ofGoal)}× the goal`;
}
