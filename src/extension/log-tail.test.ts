import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { followLog, parseLogLine, type LogEntry } from './log-tail.ts';

it.each<[string, LogEntry]>([
  ['{"level":30,"time":1,"pid":2,"hostname":"h","msg":"Ready."}', { level: 'info', text: 'Ready.' }],
  ['{"level":"warn","msg":"Slow","ms":7}', { level: 'warn', text: 'Slow {"ms":7}' }],
  ['{"level":20,"msg":"d"}', { level: 'debug', text: 'd' }],
  ['{"level":60,"msg":"f"}', { level: 'error', text: 'f' }],
  ['    at somewhere', { level: 'info', text: '    at somewhere' }],
  ['{"cut', { level: 'info', text: '{"cut' }],
])('%s', (line, expected) => {
  expect(parseLogLine(line)).toEqual(expected);
});

let dir: string;
let file: string;
let stop = (): void => undefined;
let texts: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-tail-'));
  file = join(dir, 'sidecar.log');
  texts = [];
});
afterEach(() => {
  stop();
  rmSync(dir, { recursive: true, force: true });
});

const line = (msg: string): string => `${JSON.stringify({ level: 30, msg })}\n`;
const follow = (): void => {
  stop = followLog(file, (entry) => texts.push(entry.text));
};
const shows = (expected: string[]) =>
  vi.waitFor(
    () => {
      expect(texts).toEqual(expected);
    },
    { timeout: 20_000 },
  );

it('follows a log from its end on, whole lines only', async () => {
  writeFileSync(file, line('one'));
  follow();
  expect(texts).toEqual(['one']);
  appendFileSync(file, line('two') + line('three').slice(0, 8));
  await shows(['one', 'two']);
  appendFileSync(file, line('three').slice(8));
  await shows(['one', 'two', 'three']);
});

it('follows a log that is not there yet, and over rotation', async () => {
  follow();
  writeFileSync(file, line('one'));
  await shows(['one']);
  renameSync(file, `${file}.1`);
  writeFileSync(file, line('after the rotation'));
  await shows(['one', 'after the rotation']);
});

it('shows only the end of a long log', () => {
  writeFileSync(file, Array.from({ length: 2000 }, (_, index) => line(`entry ${String(index)}`)).join(''));
  follow();
  expect(texts.at(-1)).toBe('entry 1999');
  expect(texts.length).toBeLessThan(1000);
  expect(texts.every((text) => text.startsWith('entry '))).toBe(true);
});
