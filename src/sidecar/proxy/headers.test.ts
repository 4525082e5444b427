import { describe, expect, it } from 'vitest';
import { contentLength, forClient, forUpstream, fromBytes, hasBody, pairs } from './headers.ts';

/** `Name: value` lines to a raw list and back, to write headers as they look. */
const raw = (...lines: string[]): string[] =>
  lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);

describe('headers for the upstream', () => {
  it.each<[string, string[], string[]]>([
    [
      'keeps order, case and duplicates',
      ['X-B: 1', 'x-a: 2', 'X-B: 3', 'x-a: '],
      ['X-B: 1', 'x-a: 2', 'X-B: 3', 'x-a: '],
    ],
    [
      'drops what belongs to the connection',
      ['Connection: keep-alive', 'Keep-Alive: 5', 'TE: trailers', 'a: b'],
      ['a: b'],
    ],
    [
      'drops what Connection lists',
      ['x-one: 1', 'Connection: close, X-ONE', 'x-two: 2', 'connection: x-two'],
      [],
    ],
    [
      'drops Host, Expect, Upgrade and framing',
      ['Host: a', 'Expect: 100-continue', 'Upgrade: h2c', 'Transfer-Encoding: chunked'],
      [],
    ],
    [
      'drops proxy credentials',
      ['Proxy-Authorization: Basic x', 'authorization: Bearer y'],
      ['authorization: Bearer y'],
    ],
    ['sends content-length once', ['Content-Length: 5', 'content-length: 5'], ['Content-Length: 5']],
    [
      'passes accept-encoding as it is',
      ['accept-encoding: gzip, br, zstd'],
      ['accept-encoding: gzip, br, zstd'],
    ],
  ])('%s', (_name, given, expected) => {
    expect(forUpstream(raw(...given))).toEqual(raw(...expected));
  });
});

describe('headers for the client', () => {
  it.each<[string, string[], boolean, string[]]>([
    [
      'keeps cookies apart',
      ['Set-Cookie: a', 'set-cookie: b'],
      true,
      ['Set-Cookie: a', 'set-cookie: b', 'x: y'],
    ],
    ['keeps Trailer where trailers can follow', ['Trailer: z'], true, ['Trailer: z', 'x: y']],
    ['drops Trailer elsewhere', ['Trailer: z'], false, ['x: y']],
    [
      'keeps length and encoding',
      ['Content-Length: 1', 'Content-Encoding: br'],
      false,
      ['Content-Length: 1', 'Content-Encoding: br', 'x: y'],
    ],
  ])('%s', (_name, given, trailers, expected) => {
    expect(forClient(raw(...given), trailers, ['x', 'y'])).toEqual(raw(...expected));
  });
});

describe('small readers', () => {
  it('reads bytes as Latin-1', () => {
    expect(fromBytes([Buffer.from([0x61, 0xe9]), 'x'])).toEqual(['a\u00e9', 'x']);
  });
  it('pairs up', () => {
    expect(pairs(['a', 'b', 'c', 'd'])).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });
  it.each([
    [['Content-Length: 12'], 12, true],
    [['content-length: 0'], 0, false],
    [['content-length: 1e3'], null, false],
    [['Transfer-Encoding: chunked'], null, true],
    [[], null, false],
  ])('%j has length %s and a body: %s', (lines, length, body) => {
    expect(contentLength(raw(...lines))).toBe(length);
    expect(hasBody(raw(...lines))).toBe(body);
  });
});
