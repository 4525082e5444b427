import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactBody, redactString } from './redact-body.ts';
import type { BodyPolicy } from './redact-edits.ts';
import { findSecrets } from './redact-find.ts';
import { secretKinds } from './redact-kinds.ts';

const token = 'the-sidecars-made-up-token';
const all: BodyPolicy = { mode: 'all', ownSecrets: [token] };
const own: BodyPolicy = { mode: 'own', ownSecrets: [token] };
const none: BodyPolicy = { mode: 'none', ownSecrets: [token] };
const key = `sk-ant-api03-madeup`;
const ownKey = `cnp_live_madeup1234567890`;

function check(
  policy: BodyPolicy,
  body: unknown,
  expected: unknown,
  redactions: [path: string, kind: string][],
): void {
  const bytes = (value: unknown): Buffer =>
    typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(JSON.stringify(value));
  const result = redactBody(bytes(body), policy, 'requestBody');
  expect(result.body.toString()).toBe(bytes(expected).toString());
  expect(result.redactions).toEqual(redactions.map(([path, kind]) => ({ path: `requestBody${path}`, kind })));
}

describe('a JSON body', () => {
  it('loses its secrets and nothing else; they are listed by path', () => {
    check(
      all,
      {
        model: 'm',
        messages: [{ content: 'é' }, { content: [{ text: `語 ${key} and ${token}` }] }],
        'a b': key,
      },
      {
        model: 'm',
        messages: [
          { content: 'é' },
          { content: [{ text: `語 sk-ant-**** and ${'*'.repeat(token.length)}` }] },
        ],
        'a b': 'sk-ant-****',
      },
      [
        ['.messages[1].content[0].text', 'anthropic-key'],
        ['.messages[1].content[0].text', 'nexus-token'],
        ['["a b"]', 'anthropic-key'],
      ],
    );
  });

  it('loses a secret that is a name; no path shows it', () => {
    check(all, { [key]: [key] }, { 'sk-ant-****': ['sk-ant-****'] }, [
      ['.sk-ant-****', 'anthropic-key'],
      ['.sk-ant-****[0]', 'anthropic-key'],
    ]);
  });

  it('lists each place once, and not too many', () => {
    check(all, { a: `${key} ${key}` }, { a: 'sk-ant-**** sk-ant-****' }, [['.a', 'anthropic-key']]);
    const many = Buffer.from(JSON.stringify(Array.from({ length: 1000 }, () => key)));
    const result = redactBody(many, all, 'requestBody');
    expect(result.body.includes(key)).toBe(false);
    expect(result.redactions).toHaveLength(50);
  });

  it('keeps lengths where only the own keys go', () => {
    const body = { a: key, b: `${ownKey} ${token}${token}` };
    const stars = (n: number): string => '*'.repeat(n);
    check(own, body, { a: key, b: `cnp_live_${stars(16)} ${stars(2 * token.length)}` }, [
      ['.b', 'nexus-key'],
      ['.b', 'nexus-token'],
    ]);
  });

  it('is itself where nothing is masked', () => {
    for (const [policy, text] of [
      [none, `{"a":"${key} ${token}"}`],
      [own, `{"a":"${key}"}`],
      [all, '{"a":"nothing of the kind: https://host/x, a bearer of news"}'],
    ] as const) {
      const body = Buffer.from(text);
      expect(redactBody(body, policy, '').body).toBe(body);
    }
  });

  it('stays JSON where a pattern could run over a quote', () => {
    check(all, '{"a":"x://me:","b":"you@host"}', '{"a":"x://me:","b":"you@host"}', []);
    check(all, `{"a":"https://u:p","b":"@"}`, `{"a":"https://u:p","b":"@"}`, []);
  });
});

describe('a body that is no JSON', () => {
  it('is masked as text, broken UTF-8 and all', () => {
    check(all, `\xff\xfe --x\r\nkey=${key}\r\n\x80`, `\xff\xfe --x\r\nkey=sk-ant-****\r\n\x80`, [
      ['', 'anthropic-key'],
    ]);
    check(all, `{"cut": "${key}`, `{"cut": "sk-ant-****`, [['', 'anthropic-key']]);
  });
});

/** Text out of what the patterns look for, and of what could carry them out of a string. */
const parts = fc.constantFrom(
  ...secretKinds.flatMap(({ hints }) => hints),
  ...[
    'PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9jK2mN5',
    token,
    ownKey,
    key,
  ],
  ...['"', '\\', '\\"', '\n', ' ', '@', ':', '/', '=', "'", 'é', '\u2028', '\u0001', 'me:pa55@', '\ud800'],
);
const hostile = fc
  .array(fc.oneof(parts, fc.string({ maxLength: 4 })), { maxLength: 12 })
  .map((list) => list.join(''));

describe('any JSON', () => {
  it('is JSON of the same shape afterwards, each string masked as it is by itself', () => {
    const shape = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        hostile,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    const expected = (value: unknown): unknown => {
      if (typeof value === 'string') return redactString(value, all);
      if (Array.isArray(value)) return value.map(expected);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, expected(inner)]));
    };
    fc.assert(
      fc.property(shape, (value) => {
        const { body } = redactBody(Buffer.from(JSON.stringify(value)), all, '');
        expect(JSON.parse(body.toString())).toEqual(expected(value));
      }),
      { numRuns: 2000 },
    );
  });

  it('is masked within JSON text within JSON, which stays JSON', () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        const inner = JSON.stringify({ one, other });
        const { body } = redactBody(Buffer.from(JSON.stringify({ inner })), own, '');
        expect(
          () => JSON.parse((JSON.parse(body.toString()) as { inner: string }).inner) as unknown,
        ).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile input of 1 MB costs no more than its length', () => {
  // A quadratic pattern takes minutes here; the test's time limit is the bound.
  const hints = [
    ...secretKinds.map(({ hints: [hint] }) => hint!),
    '-----BEGIN PRIVATE KEY-----',
    'a://b:c',
    'Bearer x',
  ];
  const repeated = (unit: string): string => unit.repeat(Math.ceil(1e6 / unit.length));
  it.each(['', 'a', '\\n'])('hints followed by %j', { timeout: 120_000 }, (tail) => {
    for (const hint of hints) {
      findSecrets(repeated(hint + tail));
      if (tail !== '') findSecrets(hint + repeated(tail));
    }
  });
  it('secrets without end are masked and listed', { timeout: 120_000 }, () => {
    const body = Buffer.from(repeated(`{"a":["${key}",`));
    expect(redactBody(body, all, '').body.includes(key)).toBe(false);
  });
});
