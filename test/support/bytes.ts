import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { StartTarget } from './proxy-target.ts';
import {
  createRawClient,
  startRawUpstream,
  type ClientRequest,
  type ClientResponse,
  type RawReply,
  type RawRequest,
} from './raw-http.ts';

/**
 * Byte transparency: sends random exchanges through a target and straight to the upstream, and expects that upstream
 * and client saw the same. Point it at anything that stands in front of an upstream.
 */
export async function checkBytes(startTarget: StartTarget, runs: number): Promise<void> {
  let reply: RawReply | null = null;
  const upstream = await startRawUpstream(() => reply);
  const target = await startTarget(upstream.url);
  const client = createRawClient();
  const exchange = async (baseUrl: string, request: ClientRequest): Promise<Seen> => {
    upstream.requests.length = 0;
    const response = await client.send(baseUrl, request);
    expect(upstream.requests).toHaveLength(1);
    return { request: upstream.requests[0]!, response };
  };
  try {
    await fc.assert(
      fc.asyncProperty(exchanges, async ([request, scripted]) => {
        reply = scripted;
        const direct = await exchange(upstream.url, request);
        const through = await exchange(target.baseUrl, request);
        // The bodies first and by themselves: a difference in megabytes cannot be printed.
        expect(through.request.body.equals(request.body ?? Buffer.alloc(0))).toBe(true);
        expect(through.response.body.equals(scripted.body)).toBe(true);
        expect(summary(through)).toEqual(summary(direct));
      }),
      { numRuns: runs },
    );
  } finally {
    client.close();
    await target.close();
    await upstream.close();
  }
}

interface Seen {
  request: RawRequest;
  response: ClientResponse;
}

/** Hop by hop (RFC 9110 §7.6.1), with the framing, which each connection has its own way of. */
const perHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'upgrade',
  'proxy-connection',
]);

function endToEnd(rawHeaders: readonly string[], ...also: string[]): string[] {
  return rawHeaders.flatMap((name, i) => {
    const lower = name.toLowerCase();
    if (i % 2 === 1 || perHop.has(lower) || also.includes(lower)) return [];
    return [`${name}: ${rawHeaders[i + 1] ?? ''}`];
  });
}

/** Everything an end can see, without what belongs to a connection, the upstream's own Host, and our one header. */
function summary({ request, response }: Seen): unknown {
  return {
    method: request.method,
    target: request.target,
    headers: endToEnd(request.rawHeaders, 'host', 'content-length'),
    status: response.status,
    reason: response.reason,
    responseHeaders: endToEnd(response.rawHeaders, 'x-nexus-request-id'),
    trailers: response.rawTrailers,
    complete: response.complete,
  };
}

const unicode = fc.string({ unit: 'binary', maxLength: 200 });
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value));
const malformed = fc
  .tuple(json, fc.nat(200), fc.constantFrom('', '{', '"\\ud800"', '\u0000', '1e999', '\ufeff'))
  .map(([text, cut, extra]) => text.slice(0, cut) + extra);
const message = unicode.map((text) =>
  JSON.stringify({ model: 'claude-x', max_tokens: 1.0, messages: [{ role: 'user', content: text }] }),
);
const binary = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const huge = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.integer({ min: 100_000, max: 2_000_000 }))
  .map(([bytes, size]) => Buffer.alloc(size, bytes));
const text = fc.oneof(message, json, malformed, unicode).map((value) => Buffer.from(value));

const requestBody = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 2, arbitrary: binary },
  { weight: 1, arbitrary: huge },
  { weight: 1, arbitrary: text.map((bytes) => gzipSync(bytes)) },
);

const sse = fc
  .array(unicode, { maxLength: 12 })
  .map((parts) =>
    Buffer.from(
      parts
        .map((part) => `event: content_block_delta\ndata: ${JSON.stringify({ text: part })}\n\n`)
        .join('') + 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
  );

const responseBody = fc.oneof(
  { weight: 5, arbitrary: sse.map((body) => ({ body, encoding: null })) },
  { weight: 2, arbitrary: text.map((body) => ({ body, encoding: null })) },
  { weight: 2, arbitrary: sse.map((body) => ({ body: gzipSync(body), encoding: 'gzip' })) },
  { weight: 1, arbitrary: sse.map((body) => ({ body: brotliCompressSync(body), encoding: 'br' })) },
  { weight: 1, arbitrary: sse.map((body) => ({ body: zstdCompressSync(body), encoding: 'zstd' })) },
  { weight: 1, arbitrary: binary.map((body) => ({ body, encoding: 'gzip' })) },
  { weight: 1, arbitrary: huge.map((body) => ({ body, encoding: null })) },
);

/** Printable ASCII and Latin-1 without spaces at the ends, as parsers hand values over. */
const headerValue = fc
  .string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((n) => n < 0x7f || n > 0xa0)
      .map((n) => String.fromCharCode(n)),
    maxLength: 40,
  })
  .map((value) => value.trim());
const headerName = fc.oneof(
  fc.constantFrom(
    'anthropic-beta',
    'Anthropic-Version',
    'X-Stainless-OS',
    'x-stainless-retry-count',
    'User-Agent',
  ),
  fc.constantFrom(
    'authorization',
    'X-Api-Key',
    'Cookie',
    'accept-encoding',
    'X-Claude-Code-Session-Id',
    'accept',
  ),
  fc.stringMatching(/^[Xx]-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/),
);
const headers = fc.array(fc.tuple(headerName, headerValue), { maxLength: 12 }).map((list) => list.flat());
const replyHeaders = fc
  .array(
    fc.tuple(
      fc.oneof(
        headerName.filter((name) => !/^(authorization|cookie)$/i.test(name)),
        fc.constantFrom(
          'request-id',
          'Set-Cookie',
          'anthropic-ratelimit-tokens-remaining',
          'retry-after',
          'Date',
          'Server',
        ),
      ),
      headerValue,
    ),
    { maxLength: 12 },
  )
  .map((list) => list.flat());

const target = fc.oneof(
  fc.constantFrom(
    '/v1/messages?beta=true',
    '/v1/messages',
    '/v1/messages/count_tokens',
    '/v1/files',
    '/v1/messages/batches',
  ),
  fc.constantFrom(
    '//v1//x',
    '/v1/../a/./b',
    '/api/event_logging/batch',
    '/a?b=%2F&c=%zz&d=[1]',
    '/%e2%82%ac%00?x=%ff',
  ),
  fc
    .stringMatching(/^\/[a-z0-9/%_.~-]{0,30}(\?[a-z0-9=&%]{0,20})?$/)
    .filter((path) => !/^\/[kp]\/|^\/(health|metrics|ui|mcp)/.test(path)),
);

const withBody: fc.Arbitrary<ClientRequest> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'PUT', 'PATCH'),
  target,
  rawHeaders: headers,
  body: requestBody,
  framing: fc.constantFrom('length', 'chunked'),
});
const withoutBody: fc.Arbitrary<ClientRequest> = fc.record({
  method: fc.constantFrom('GET', 'DELETE', 'HEAD', 'OPTIONS'),
  // Those of a bare path would be ours.
  target: target.filter((path) => !/^\/(?:[?#]|$)/.test(path)),
  rawHeaders: headers,
  body: fc.constant(null),
  framing: fc.constant('length'),
});

const headOnly = (reply: RawReply): RawReply => ({
  ...reply,
  rawHeaders: [...reply.rawHeaders, 'Content-Length', String(reply.body.length)],
  framing: 'none',
  body: Buffer.alloc(0),
  cuts: [],
});

const exchanges: fc.Arbitrary<[ClientRequest, RawReply]> = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: withBody }, { weight: 1, arbitrary: withoutBody }),
    fc.constantFrom(200, 200, 200, 201, 299, 307, 400, 401, 404, 413, 429, 500, 503, 529),
    fc.constantFrom('OK', '', 'Too Many Requests', 'Odd  Reason \u00e9'),
    replyHeaders,
    responseBody,
    fc.constantFrom('length', 'chunked', 'chunked', 'close'),
    fc.array(fc.nat(2000), { maxLength: 20 }),
  )
  .map(([request, status, reason, rawHeaders, { body, encoding }, framing, cuts]) => {
    const encoded = encoding === null ? rawHeaders : [...rawHeaders, 'Content-Encoding', encoding];
    const reply = {
      status,
      reason: Buffer.from(reason).toString('latin1'),
      rawHeaders: encoded,
      framing,
      body,
      cuts,
    };
    // Only the head, with the length that the body would have.
    if (request.method === 'HEAD') return [request, headOnly(reply)];
    return [request, { ...reply, cuts: cuts.filter((cut) => cut < body.length) }];
  });
