import { expect, it } from 'vitest';
import { foldMarkdown, foldText } from './folding.ts';

const lines = (count: number, word = 'line'): string =>
  Array.from({ length: count }, (_, index) => `${word} ${String(index + 1)}`).join('\n');
const shownLines = (fold: { shown: string; hidden: number }): [number, number] => [
  fold.shown.split('\n').length,
  fold.hidden,
];

it.each([
  ['a few lines more than the limit stay', lines(15), [15, 0]],
  ['a long text shows twelve', lines(16), [12, 4]],
  ['one endless line is cut', 'x'.repeat(10_000), [1, 1]],
])('%s', (_name, text, expected) => {
  expect(shownLines(foldText(text))).toEqual(expected);
});

it.each([
  ['prose shows twice as much', lines(40), [24, 16]],
  [
    'a short code block is shown whole',
    `${lines(20)}\n\`\`\`js\n${lines(8)}\n\`\`\`\n${lines(20)}`,
    [30, 20],
  ],
  ['a long code block is not begun', `${lines(20)}\n\`\`\`js\n${lines(60)}\n\`\`\`\n${lines(20)}`, [20, 82]],
  ['a text that is all code is cut', `\`\`\`js\n${lines(60)}\n\`\`\``, [24, 38]],
])('%s', (_name, text, expected) => {
  expect(shownLines(foldMarkdown(text))).toEqual(expected);
});
