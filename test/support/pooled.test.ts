import { describe, expect, test } from 'vitest';
import { createAssembler } from '../../src/sidecar/core/assemble.ts';
import { joinBody } from '../../src/sidecar/core/join.ts';
import { splitBody } from '../../src/sidecar/core/split.ts';
import { alone, dealt, replayAndScore, type Score } from './link-score.ts';
import { pooledCaptures } from './pooled.ts';

const captures = pooledCaptures();

const wrongIn = (scores: Score[]): string[] => scores.flatMap(({ wrong }) => wrong);

describe('all captures', () => {
  test('pooled in one store in recorded order, every exchange is linked as it was', () => {
    const scores = replayAndScore(captures, 1000);
    expect(wrongIn(scores)).toEqual([]);
    expect(scores.reduce((sum, { columns }) => sum + columns.parents.right, 0)).toBeGreaterThanOrEqual(259);
  });

  test('dealt out as if all clients ran at once, only twins in two client versions are confused', () => {
    const wrong = wrongIn(replayAndScore(dealt(captures), 20));
    expect(wrong.filter((line) => !line.includes('/model/'))).toEqual([]);
  });

  test('each scenario alone, too', () => {
    expect(wrongIn(alone(captures, 1000))).toEqual([]);
  });

  test('request bodies come back byte for byte', () => {
    const bodies = captures.filter(({ request }) => request.body.length > 0);
    expect(bodies.length).toBeGreaterThan(460);
    for (const { id, request } of bodies) {
      const split = splitBody(request.body);
      expect(split === null ? id : joinBody(split).equals(request.body)).toBe(true);
    }
  });

  test('responses are put together as they were, however they are cut', () => {
    const whole = captures.filter(
      ({ response }) => response.ended === 'complete' && response.status === 200 && !hasError(response.body),
    );
    expect(whole.length).toBeGreaterThan(400);
    for (const { response } of whole) {
      if (typeof response.message === 'string') continue;
      const assembler = createAssembler(response.headers['content-type'] ?? null);
      for (let from = 0; from < response.body.length; from += 97) {
        assembler.push(response.body.subarray(from, from + 97), from);
      }
      const facts = assembler.end();
      expect(facts.message).toEqual(response.message);
      expect(facts.complete).toBe(true);
    }
  });
});

const hasError = (body: Buffer): boolean => body.includes('event: error');
