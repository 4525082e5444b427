import { describe, expect, test } from 'vitest';
import { prepareBody } from '../../src/sidecar/core/prepare.ts';
import { packResponse, type PackedResponse } from '../../src/sidecar/core/stream-pack.ts';
import { unpackResponse } from '../../src/sidecar/core/stream-unpack.ts';
import { pooledCaptures } from './pooled.ts';

const answered = pooledCaptures()
  .filter(({ response }) => response.body.length > 0)
  .map(({ id, request, response, truth }) => {
    const cuts = [{ length: response.body.length, offsetMs: 20 }];
    return { id, request, truth, body: response.body, cuts, packed: packResponse(response.body, cuts) };
  });

const blocksOf = ({ content }: PackedResponse): string[] =>
  content === null ? [] : content.blocks.map((block) => block.toString());

describe('the responses of all captures', () => {
  test('are packed, but for a JSON body that was cut off', () => {
    const raw = answered.filter(({ packed }) => packed.content === null);
    expect(answered.length).toBe(531);
    expect(raw.map(({ id }) => id)).toEqual(['claude-code-2.1.330/errors/005']);
  });

  test('come back', () => {
    for (const { id, body, cuts, packed } of answered) {
      if (packed.content === null) continue;
      const back = unpackResponse(packed.content, packed.packed);
      expect(back?.bytes.toString(), id).toBe(body.toString());
      expect(back?.cuts, id).toEqual(cuts);
    }
  });

  test('share few shapes and have little of their own', () => {
    const shapes = new Set(answered.map(({ packed }) => packed.content?.shape.toString()));
    expect(shapes.size).toBeLessThanOrEqual(60);
    const own = answered.reduce((sum, { packed }) => sum + packed.packed.length, 0);
    expect(own / answered.length).toBeLessThan(60);
  });

  test('have blocks that the next request sends back: those are stored once', () => {
    const sent = new Set<string>();
    const continued = new Set(answered.map(({ truth }) => truth.parent));
    for (const { request } of answered) {
      const body = prepareBody(request.body);
      if (body.kind === 'chains') for (const { block } of body.messages.nodes) sent.add(block.toString());
    }
    const blocks = answered
      .filter(({ id }) => continued.has(id))
      .flatMap(({ id, packed }) => blocksOf(packed).map((block) => ({ id, block })));
    const lost = blocks.filter(({ block }) => !sent.has(block));
    expect(blocks.length).toBe(262);
    // What no request sends back: summaries of compactions, answers that an error or the user cut off, the thinking of
    // another model, and a message of a thread whose history the server holds.
    expect(lost.map(({ id, block }) => `${id} ${block.slice(9, 17)}`)).toEqual([
      'anthropic-sdk-1.12.0/toolrunner/001 tool_use',
      'claude-code-1.0.58/errors/006 text","t',
      'claude-code-1.0.58/interactive/008 text","t',
      'claude-code-2.0.75/autocompact/007 text","t',
      'claude-code-2.0.75/errors/008 text","t',
      'claude-code-2.0.75/interactive/010 text","t',
      'claude-code-2.0.75/interrupt/005 text","t',
      'claude-code-2.1.330/compact/004 text","t',
      'claude-code-2.1.330/hints/007 text","t',
      'claude-code-2.1.330/interactive/004 text","t',
      'claude-code-2.1.330/model/001 thinking',
      'claude-code-2.1.330/model/002 thinking',
    ]);
  });
});
