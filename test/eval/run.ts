import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { COLUMNS, type Score } from '../support/link-score.ts';
import { evaluate, KEPT_FILE, readKept } from './evaluate.ts';
import { losses, type Kept } from './kept.ts';

/**
 * `npm run link:eval`: links all captured exchanges of real clients and says, for each client and scenario, what came out
 * as it was: pooled in one store in recorded order, each scenario alone, and all dealt out as if they ran at once.
 * Compares with the kept result (`kept.json`) and ends with 1 when anything that was right is wrong now. `--keep` keeps
 * this result; `--all` says everything that differs, also what did before.
 */
const { values: options } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, all: { type: 'boolean', default: false } },
});
const { captures, ways, found } = evaluate();
const pooled = ways['pooled']!;

console.log(tableOf(pooled));
console.log(`\n${String(captures)} exchanges in ${String(pooled.length)} scenarios. Right:`);
for (const [way, scores] of Object.entries(ways)) {
  console.log(`  ${way.padEnd(8)} ${cells(total(scores)).join('   ')}`);
}

const kept = readKept();
const lost = losses(kept, found);
if (options.all || lost.length > 0) {
  for (const [way, scores] of Object.entries(ways)) {
    for (const line of scores.flatMap(({ wrong }) => wrong)) console.log(`  ${way}: ${line}`);
  }
}
if (options.keep) {
  writeFileSync(KEPT_FILE, textOf(found));
  console.log('\nKept as test/eval/kept.json.');
} else if (lost.length > 0) {
  console.log(`\nLost since the kept result:\n  ${lost.join('\n  ')}`);
  process.exitCode = 1;
} else console.log('\nNothing lost since the kept result.');

/** A line for each scenario. */
function textOf(found: Kept): string {
  const ways = Object.entries(found).map(([way, scenarios]) => {
    const lines = Object.entries(scenarios).map(
      ([name, of]) => `  ${JSON.stringify(name)}: ${JSON.stringify(of)}`,
    );
    return ` ${JSON.stringify(way)}: {\n${lines.join(',\n')}\n }`;
  });
  return `{\n${ways.join(',\n')}\n}\n`;
}

function tableOf(scores: Score[]): string {
  const head = ['scenario', ...COLUMNS, 'conversations', 'split', 'merged'];
  const clients = Map.groupBy(scores, ({ scenario }) => scenario.split('/')[0]!);
  const lines = [...clients].flatMap(([client, own]) => [
    [client, ...cells(total(own), true)],
    ...own.map((one) => [`  ${one.scenario.slice(client.length + 1)}`, ...cells(one, true)]),
  ]);
  const widths = head.map((name, at) => Math.max(name.length, ...lines.map((line) => line[at]!.length)));
  const shown = (line: string[]): string =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ');
  return [shown(head), ...lines.map(shown)].join('\n');
}

/** `short`: for a table, where an empty cell says that there is none. */
function cells(
  { columns, conversations }: Pick<Score, 'columns' | 'conversations'>,
  short = false,
): string[] {
  const of = (right: number, all: number): string =>
    short && all === 0 ? '' : `${String(right)}/${String(all)}`;
  const { whole, of: all, split, merged } = conversations;
  const parts: [string, string][] = [
    ...COLUMNS.map((name): [string, string] => [name, of(columns[name].right, columns[name].of)]),
    ['conversations', of(whole, all)],
    ['split', String(split)],
    ['merged', String(merged)],
  ];
  return parts.map(([name, value]) => (short ? value : `${name} ${value}`));
}

function total(scores: Score[]): Pick<Score, 'columns' | 'conversations'> {
  const sum = (value: (one: Score) => number): number => scores.reduce((all, one) => all + value(one), 0);
  return {
    columns: Object.fromEntries(
      COLUMNS.map((name) => [
        name,
        { right: sum(({ columns }) => columns[name].right), of: sum(({ columns }) => columns[name].of) },
      ]),
    ) as Score['columns'],
    conversations: {
      whole: sum(({ conversations }) => conversations.whole),
      of: sum(({ conversations }) => conversations.of),
      split: sum(({ conversations }) => conversations.split),
      merged: sum(({ conversations }) => conversations.merged),
    },
  };
}
