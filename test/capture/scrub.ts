import { createHash } from 'node:crypto';

/** Letters of a text that nobody here wrote that are kept. */
const HEAD = 60;
/** Texts that are longer are none of ours. */
const LONGEST = 300;

/**
 * A value without what is not ours: long texts of the client keep their beginning, and what ties a report to its agent (a pure function: equal
 * stays equal, changed stays changed), the machine's paths become neutral ones.
 */
export function scrub<T>(value: T, paths: [string, string][]): T {
  const json = JSON.stringify(value, (_, one: unknown) => {
    if (typeof one !== 'string') return one;
    const neutral = paths.reduce((text, [from, to]) => text.replaceAll(from, to), one);
    return shorten(neutral.replaceAll(/\/tmp\/claude-\d+/g, '/tmp/claude-1000'));
  });
  return JSON.parse(json) as T;
}

/** Tools by their names: descriptions and schemas are the client's prose, and nothing reads them. */
export function scrubTools(tools: unknown): unknown {
  if (!Array.isArray(tools)) return tools;
  return tools.map((tool: Record<string, unknown>) => ({
    ...tool,
    ...('description' in tool ? { description: '' } : {}),
    ...('input_schema' in tool ? { input_schema: { type: 'object' } } : {}),
  }));
}

function shorten(text: string): string {
  const inner = text.replace(
    /(<system-reminder>)([^]*?)(<\/system-reminder>)/g,
    (_, open: string, said: string, close: string) =>
      `${open}${said.length <= LONGEST ? said : cut(said)}${close}`,
  );
  // Data of images and the like is not prose.
  if (inner.length <= LONGEST || !inner.includes(' ')) return inner;
  return cut(inner);
}

function cut(text: string): string {
  const mark = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const report = /\nagentId: \w+/.exec(text)?.[0] ?? '';
  return `${text.slice(0, HEAD)} … ${mark}${report}`;
}
