import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldResponseHeaders, unfoldResponseHeaders, type HeaderPairs } from './header-values.ts';

/** A response of the API with made-up ids. */
const response = (second: number): HeaderPairs => [
  ['Date', `Sun, 22 Nov 2026 14:28:${String(second)} GMT`],
  ['Content-Type', 'text/event-stream; charset=utf-8'],
  ['Transfer-Encoding', 'chunked'],
  ['anthropic-ratelimit-unified-status', 'allowed'],
  ['anthropic-ratelimit-unified-5h-reset', String(1_795_374_000 + second)],
  ['anthropic-ratelimit-unified-5h-utilization', `0.${String(second)}`],
  ['anthropic-ratelimit-unified-reset', String(1_795_374_000 + second)],
  ['anthropic-ratelimit-requests-limit', '4000'],
  ['anthropic-ratelimit-requests-reset', `2026-11-22T14:28:${String(second)}.887Z`],
  ['request-id', `req_01YewDdBZ5PWwW23d6Cc${String(second)}`],
  ['strict-transport-security', 'max-age=31536000; includeSubDomains; preload'],
  ['anthropic-organization-id', '00000000-0000-4000-8000-000000000000'],
  ['CF-RAY', `9a2b3c4d5e6f7a${String(second)}-FRA`],
  ['set-cookie', '[redacted]'],
  ['x-envoy-upstream-service-time', '1234'],
];

function check(headers: HeaderPairs): void {
  expect(unfoldResponseHeaders(foldResponseHeaders(headers))).toEqual(headers);
}

describe('response headers', () => {
  test('of one server share their shape', () => {
    const [first, second] = [foldResponseHeaders(response(24)), foldResponseHeaders(response(57))];
    expect(second.shape).toEqual(first.shape);
    expect(first.shape.filter(([, value]) => value !== null).map(([name]) => name)).toEqual([
      'Content-Type',
      'Transfer-Encoding',
      'anthropic-ratelimit-unified-status',
      'strict-transport-security',
      'anthropic-organization-id',
    ]);
    expect(first.values?.length).toBeLessThan(110);
  });

  test.each<[string, HeaderPairs]>([
    ['none', []],
    ['nothing that varies', [['Server', 'x']]],
    [
      'the same name twice',
      [
        ['set-cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['set-cookie', 'a=1'],
      ],
    ],
    [
      'numbers that are not written plainly',
      [
        ['age', '007'],
        ['age', '1e3'],
        ['age', '-4'],
        ['age', '0.50'],
      ],
    ],
    [
      'dates that are none',
      [
        ['date', 'soon'],
        ['date', 'Sun, 99 Nov 2026 14:28:24 GMT'],
        ['expires', '0'],
      ],
    ],
    [
      'a date before 1970',
      [
        ['date', 'Wed, 31 Dec 1969 23:59:59 GMT'],
        ['expires', '9999999999'],
      ],
    ],
    [
      'times that go back',
      [
        ['expires', '2000000000'],
        ['age', '1000000000'],
        ['date', response(30)[0]![1]],
      ],
    ],
    [
      'what is not ASCII',
      [
        ['etag', '"é😀"'],
        ['x-empty', ''],
        ['date', ''],
      ],
    ],
  ])('%s come back', (_name, headers) => {
    check(headers);
    check([...response(33), ...headers, ...response(34)]);
  });

  test('any headers come back', () => {
    const name = fc.constantFrom('date', 'request-id', 'age', 'x-other', 'expires', 'retry-after');
    const time = fc.date({ min: new Date(-1e12), max: new Date(1e13), noInvalidDate: true });
    const value = fc.oneof(
      fc.string(),
      fc.nat().map(String),
      fc.double().map(String),
      time.map((date) => date.toISOString()),
      time.map((date) => date.toUTCString()),
    );
    fc.assert(fc.property(fc.array(fc.tuple(name, value)), check));
  });
});
