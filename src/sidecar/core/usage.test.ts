import { expect, test } from 'vitest';
import { readUsage, totals } from './usage.ts';

const check = (usage: unknown, expected: unknown): void => {
  expect(readUsage({ usage })).toMatchObject(expected as object);
};

test('cache writes, split by lifetime where the upstream says so', () => {
  check(
    {
      input_tokens: 1,
      cache_creation_input_tokens: 9,
      cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 7 },
    },
    { cacheCreationInputTokens: 9, cacheCreation5mTokens: 2, cacheCreation1hTokens: 7 },
  );
  check(
    { cache_creation_input_tokens: 9 },
    { cacheCreationInputTokens: 9, cacheCreation5mTokens: 9, cacheCreation1hTokens: 0 },
  );
});

test('odd numbers count as nothing', () => {
  check(
    { input_tokens: -1, output_tokens: 'x', cache_read_input_tokens: null },
    { inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0 },
  );
  for (const message of [null, {}, { usage: 3 }, { usage: null }, []]) expect(readUsage(message)).toBeNull();
});

test('the total leaves the cache out, the context counts it', () => {
  const usage = readUsage({
    usage: {
      input_tokens: 7,
      output_tokens: 119,
      cache_read_input_tokens: 30,
      cache_creation_input_tokens: 3,
    },
  });
  expect(usage === null ? null : totals(usage)).toEqual({ total: 126, context: 40 });
});
