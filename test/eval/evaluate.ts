import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone, dealt, replayAndScore, type Score } from '../support/link-score.ts';
import { pooledCaptures } from '../support/pooled.ts';
import { summary, type Kept } from './kept.ts';

export const KEPT_FILE = join(import.meta.dirname, 'kept.json');

/** All captures, linked in each way; `captures`: how many exchanges they are. */
export function evaluate(): { captures: number; ways: Record<string, Score[]>; found: Kept } {
  const captures = pooledCaptures();
  const ways = {
    pooled: replayAndScore(captures, 1000),
    alone: alone(captures, 1000),
    'at once': replayAndScore(dealt(captures), 20),
  };
  const found = Object.fromEntries(Object.entries(ways).map(([way, scores]) => [way, summary(scores)]));
  return { captures: captures.length, ways, found };
}

/** The kept result; empty when none was kept. */
export function readKept(): Kept {
  return existsSync(KEPT_FILE) ? (JSON.parse(readFileSync(KEPT_FILE, 'utf8')) as Kept) : {};
}
