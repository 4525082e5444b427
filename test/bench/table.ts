/** One line of the benchmark's table. `met` null: there is no goal, or nothing could be measured. */
export interface Row {
  what: string;
  value: string;
  goal: string;
  met: boolean | null;
  numbers: Record<string, number>;
}

/** The rows as a table of plain text. */
export function tableOf(rows: Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    row.value,
    row.goal,
    row.met === null ? '' : row.met ? 'met' : 'missed',
  ]);
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
