import type { RandomText } from './random-text.ts';

/** Response bytes as they came in: each with the ms since the response's head. */
export interface Arrival {
  bytes: Buffer;
  afterMs: number;
}

/**
 * A message as the API streams it: deltas of one to four words, most of them a chunk of their own, some two or three
 * together and a few cut in the middle, at irregular times, with padded deltas.
 */
export function answerStream(
  message: Record<string, unknown> & { content: Record<string, unknown>[] },
  outputTokens: number,
  random: RandomText,
): Arrival[] {
  const { content, ...start } = message;
  const usage = {
    input_tokens: 4,
    cache_creation_input_tokens: random.between(600, 4000),
    cache_read_input_tokens: random.between(20_000, 120_000),
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: random.between(600, 4000) },
    output_tokens: random.between(1, 8),
    service_tier: 'standard',
  };
  const events: Record<string, unknown>[] = [
    {
      type: 'message_start',
      message: { ...start, content: [], stop_reason: null, stop_sequence: null, usage },
    },
  ];
  content.forEach((block, index) => {
    const { opened, deltas } = deltasOf(block, random);
    events.push({ type: 'content_block_start', index, content_block: opened });
    if (index === 0) events.push({ type: 'ping' });
    for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
  });
  const stopReason = content.some((block) => block['type'] === 'tool_use') ? 'tool_use' : 'end_turn';
  events.push(
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { ...usage, output_tokens: outputTokens },
      context_management: { applied_edits: [] },
    },
    { type: 'message_stop' },
  );
  const padded = random.number() < 0.5;
  return arrivals(
    events.map((event) => eventText(event, padded, random)),
    random,
  );
}

function deltasOf(
  block: Record<string, unknown>,
  random: RandomText,
): { opened: Record<string, unknown>; deltas: Record<string, unknown>[] } {
  if (block['type'] === 'thinking') {
    return {
      opened: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        ...pieces(String(block['thinking']), random).map((thinking) => ({
          type: 'thinking_delta',
          thinking,
        })),
        { type: 'signature_delta', signature: block['signature'] },
      ],
    };
  }
  if (block['type'] === 'tool_use') {
    const parts = ['', ...pieces(JSON.stringify(block['input']), random)];
    return {
      opened: { ...block, input: {} },
      deltas: parts.map((part) => ({ type: 'input_json_delta', partial_json: part })),
    };
  }
  return {
    opened: { type: 'text', text: '' },
    deltas: pieces(String(block['text']), random).map((text) => ({ type: 'text_delta', text })),
  };
}

function pieces(text: string, random: RandomText): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = random.between(2, 14);
    out.push(text.slice(at, at + length));
    at += length;
  }
  return out;
}

function eventText(event: Record<string, unknown>, padded: boolean, random: RandomText): string {
  // Spaces before the last brace, so that lengths cannot be read off encrypted traffic.
  const padding = padded ? ' '.repeat(random.between(0, 15)) : '';
  return `event: ${String(event['type'])}\ndata: ${JSON.stringify(event).slice(0, -1)}${padding}}\n\n`;
}

function arrivals(events: string[], random: RandomText): Arrival[] {
  const out: Arrival[] = [];
  let afterMs = random.between(3, 40);
  for (let index = 0; index < events.length;) {
    const together = random.number() < 0.75 ? 1 : random.between(2, 3);
    const bytes = Buffer.from(events.slice(index, index + together).join(''));
    const cut = random.number() < 0.03 ? random.between(1, bytes.length - 1) : bytes.length;
    out.push({ bytes: bytes.subarray(0, cut), afterMs });
    afterMs += -Math.log(1 - random.number()) * 28;
    if (cut < bytes.length) out.push({ bytes: bytes.subarray(cut), afterMs: (afterMs += 1) });
    index += together;
  }
  return out;
}
