import { countOf, isObject, member } from './json.ts';

/** Tokens of one response as the upstream counted them. `inputTokens` is without cache reads and writes. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadInputTokens: number;
  /** All cache writes; the two below split them by lifetime where the upstream says so. */
  cacheCreationInputTokens: number;
  cacheCreation5mTokens: number;
  cacheCreation1hTokens: number;
  raw: unknown;
}

/** The `usage` member of a message; null when there is none. */
export function readUsage(message: unknown): Usage | null {
  const raw = member(message, 'usage');
  if (!isObject(raw)) return null;
  const split = member(raw, 'cache_creation');
  const hour = countOf(member(split, 'ephemeral_1h_input_tokens'));
  const short = countOf(member(split, 'ephemeral_5m_input_tokens'));
  const total = Math.max(countOf(member(raw, 'cache_creation_input_tokens')), hour + short);
  return {
    inputTokens: countOf(member(raw, 'input_tokens')),
    outputTokens: countOf(member(raw, 'output_tokens')),
    cacheReadInputTokens: countOf(member(raw, 'cache_read_input_tokens')),
    cacheCreationInputTokens: total,
    // Without the split, the API's default lifetime of five minutes.
    cacheCreation5mTokens: total - hour,
    cacheCreation1hTokens: hour,
    raw,
  };
}

/** `total` as users of the old system know it (cache apart), `context` what filled the window. */
export function totals(usage: Usage): { total: number; context: number } {
  return {
    total: usage.inputTokens + usage.outputTokens,
    context: usage.inputTokens + usage.cacheReadInputTokens + usage.cacheCreationInputTokens,
  };
}
