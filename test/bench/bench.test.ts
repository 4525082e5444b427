import { describe, expect, it } from 'vitest';
import { decodeFrames, FrameKind } from '../../src/sidecar/core/frames.ts';
import { conversation, journalFile } from './conversation.ts';
import { quantile, rotated } from './load.ts';
import { figure, milliseconds, note, shown, tableOf } from './table.ts';

const AT = Date.parse('2026-03-02T08:00:00Z');

describe('the table', () => {
  it('says of each goal whether it is met, and by how much it is missed', () => {
    const rows = [
      milliseconds('fast', 0.9, 1),
      milliseconds('slow', 1.5, 1, 'of 3'),
      note('a part', 'could not be measured'),
      figure({
        what: 'many',
        measured: 0.8,
        goal: 1,
        value: '50×',
        goalText: '≥ 40×',
        numbers: { times: 50 },
      }),
    ];
    expect(tableOf(rows).split('\n')).toEqual([
      'what    measured               goal',
      '------  ---------------------  ------  ----------------------',
      'fast    0.900 ms               ≤ 1 ms  met',
      'slow    1.50 ms (of 3)         ≤ 1 ms  missed: 1.50× the goal',
      'a part  could not be measured',
      'many    50×                    ≥ 40×   met',
    ]);
    expect(rows.map(({ met }) => met)).toEqual([true, false, null, true]);
  });

  it.each([
    [0.0123, '0.012'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [1234.5, '1235'],
  ])('shows %s as %s', (value, text) => {
    expect(shown(value)).toBe(text);
  });
});

describe('samples', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[1, 2, 3, 4], 0, 1],
    [[1, 2, 3, 4], 0.99, 4],
    [[1, 2, 3, 4], 1, 4],
  ])('the quantile of %j at %s is %s', (values, q, expected) => {
    expect(quantile(values, q)).toBe(expected);
  });

  it('have no quantile when there are none', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('are taken in another order in each round', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
      'abc',
      'bca',
      'cab',
      'abc',
    ]);
  });
});

describe('the made conversation', () => {
  const turns = conversation({ turns: 100, seed: 1, at: AT });

  it('is the same for the same seed, and another one for another', () => {
    const again = conversation({ turns: 3, seed: 1, at: AT });
    expect(again.map(({ body }) => body)).toEqual(turns.slice(0, 3).map(({ body }) => body));
    expect(again[2]!.stream).toEqual(turns[2]!.stream);
    const other = conversation({ turns: 1, seed: 2, at: AT });
    expect(other[0]!.body.equals(turns[0]!.body)).toBe(false);
  });

  it('has bodies as large as real ones: 358 KB on average in 100 turns', () => {
    const average = turns.reduce((sum, { body }) => sum + body.length, 0) / turns.length / 1000;
    expect(average).toBeGreaterThan(340);
    expect(average).toBeLessThan(376);
  });

  it('has the key order of Claude Code, a history that only grows, and one mark on it', () => {
    const bodies = turns.map(
      ({ body }) => JSON.parse(body.toString()) as { messages: { content: unknown[] }[] },
    );
    expect(Object.keys(bodies[0]!)).toEqual([
      'model',
      'messages',
      'system',
      'tools',
      'metadata',
      'max_tokens',
      'thinking',
      'context_management',
      'stream',
    ]);
    const unmarked = (messages: unknown): string =>
      JSON.stringify(messages).replaceAll(',"cache_control":{"type":"ephemeral","ttl":"1h"}', '');
    for (const [index, { messages }] of bodies.entries()) {
      expect(messages).toHaveLength(1 + 2 * index);
      expect(JSON.stringify(messages).split('"cache_control"')).toHaveLength(2);
      const next = bodies[index + 1];
      if (next === undefined) continue;
      expect(unmarked(next.messages).startsWith(unmarked(messages).slice(0, -1))).toBe(true);
    }
  });

  it('streams what it answers, in time, in many chunks', () => {
    for (const { stream, message } of turns.slice(0, 20)) {
      const text = Buffer.concat(stream.map(({ bytes }) => bytes)).toString();
      expect(stream.length).toBeGreaterThan(20);
      expect(stream.every(({ afterMs }, index) => afterMs >= (stream[index - 1]?.afterMs ?? 0))).toBe(true);
      const events = [...text.matchAll(/^data: (.*)$/gm)].map(
        ([, data]) => JSON.parse(data!) as { type: string; delta?: Record<string, string> },
      );
      const said = events.map(({ delta }) => delta?.['thinking'] ?? '').join('');
      expect(said).toBe((message['content'] as Record<string, unknown>[])[0]!['thinking']);
      expect(events.at(-1)!.type).toBe('message_stop');
    }
  });

  it('is a journal file the recorder can read', () => {
    const { frames, used, damaged } = decodeFrames(journalFile(turns[4]!).bytes);
    expect({ damaged, used }).toEqual({ damaged: false, used: journalFile(turns[4]!).bytes.length });
    expect(frames[0]!.kind).toBe(FrameKind.requestHead);
    expect(frames[1]!.payload.equals(turns[4]!.body)).toBe(true);
    expect(frames.at(-1)!.kind).toBe(FrameKind.end);
    expect(frames.filter(({ kind }) => kind === FrameKind.chunk)).toHaveLength(turns[4]!.stream.length);
  });
});
