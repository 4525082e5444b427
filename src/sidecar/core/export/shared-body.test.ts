import fc from 'fast-check';
import { expect, it } from 'vitest';
import { foldBody, unfoldBody } from './shared-body.ts';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const message = fc.record({
  role: fc.constantFrom('user', 'assistant'),
  content: fc.constantFrom('a', 'b', [1], {}),
});
const body = fc.oneof(
  fc.record(
    {
      model: fc.constant('m'),
      messages: fc.oneof(fc.array(message, { maxLength: 4 }), fc.constant('odd')),
      system: fc.constantFrom('s', ['t'], null),
      tools: fc.constantFrom([], [{ name: 'x' }]),
    },
    { requiredKeys: [] },
  ),
  fc.constantFrom(null, 'text', 7, []),
);

it('a body that shares with another one is whole again with it', () => {
  fc.assert(
    fc.property(body, body, (own, base) => {
      const folded = foldBody(bytes(own), { requestId: 'r', body: bytes(base) });
      expect(unfoldBody(JSON.parse(folded.body.toString()), folded.shared, base)).toEqual(own);
    }),
    { numRuns: 2000 },
  );
});

it('a turn has only its new messages', () => {
  const first = { messages: [{ role: 'user', content: 'a' }], system: 's', tools: [] };
  const answer = { role: 'assistant', content: 'b' };
  const second = { ...first, messages: [...first.messages, answer] };
  expect(foldBody(bytes(second), { requestId: 'r', body: bytes(first) })).toEqual({
    body: bytes({ messages: [answer] }),
    shared: { requestId: 'r', messages: 1, system: true, tools: true },
  });
  expect(foldBody(bytes(second), null)).toEqual({ body: bytes(second), shared: null });
  const odd = Buffer.from('{"tools":[],"tools":[1]}');
  expect(foldBody(odd, { requestId: 'r', body: odd })).toEqual({ body: odd, shared: null });
});
