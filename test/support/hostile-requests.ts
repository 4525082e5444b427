/** Requests nobody means well with, as bytes, and how each has to be answered. */

export interface Given {
  port: number;
  /** The sidecar's token: what these requests show must not depend on it being missing. */
  token: string;
}

export interface HostileRow {
  name: string;
  /** Latin-1. */
  bytes: (given: Given) => string;
  /** The status of each answer in order; `closed`: the connection ends without one. */
  answers: number[] | 'closed';
  /** The connection may also be cut before its answer is read: more was sent than anybody wants to read. */
  orCut?: boolean;
  /** Targets the upstream sees of it; default: none. */
  forwarded?: string[];
}

interface Shape {
  method?: string;
  target?: string;
  version?: string;
  /** `null`: none. `PORT` is the listener's. */
  host?: string | null;
  /** Lines without their end; `TOKEN` is the sidecar's. */
  lines?: string[];
  body?: string;
}

/** A request that asks for the end of its connection, so that its answers can be read to the end. */
export function http(shape: Shape): (given: Given) => string {
  const { method = 'GET', target = '/api/status', version = 'HTTP/1.1', host = '127.0.0.1:PORT' } = shape;
  const lines = [
    `${method} ${target} ${version}`,
    ...(host === null ? [] : [`Host: ${host}`]),
    'Connection: close',
    ...(shape.lines ?? []),
  ];
  return ({ port, token }) =>
    `${lines.join('\r\n')}\r\n\r\n${shape.body ?? ''}`
      .replaceAll('PORT', String(port))
      .replaceAll('TOKEN', token);
}

const AS_OURSELVES = 'Authorization: Bearer TOKEN';
const JSON_TYPE = 'Content-Type: application/json';
const CLIENT_KEY = 'x-api-key: sk-ant-made-up';
const row = (name: string, shape: Shape, ...answers: number[]): HostileRow => ({
  name,
  bytes: http(shape),
  answers,
});
/** To the control API with its token, and to the upstream with a client's key: the same answer from both. */
const both = (name: string, shape: Shape, answer: number): HostileRow[] => {
  const lines = shape.lines ?? [];
  return [
    row(`${name} on the control API`, { ...shape, lines: [...lines, AS_OURSELVES] }, answer),
    row(
      `${name} on the way upstream`,
      {
        ...shape,
        method: 'POST',
        target: '/v1/messages',
        lines: [...lines, CLIENT_KEY, JSON_TYPE, 'Content-Length: 2'],
        body: '{}',
      },
      answer,
    ),
  ];
};

const hosts = [
  'evil.example',
  'evil.example:PORT',
  '127.0.0.1:1/#@x',
  '127.0.0.1:PORT/#@evil.example',
  '127.0.0.1:PORT@evil.example',
  'evil.example#127.0.0.1:PORT',
  '127.0.0.1.nip.io:PORT',
  'localhost.evil.example:PORT',
  'localhost.:PORT',
  '0.0.0.0:PORT',
  '127.1:PORT',
  '2130706433:PORT',
  '0x7f000001:PORT',
  '[::]:PORT',
  '[::ffff:127.0.0.1]:PORT',
  '127.0.0.1:PORT, evil.example',
  '127.0.0.1:PORT\tevil',
  '127.0.0.1',
  '',
].flatMap((host) => both(`Host "${host}"`, { host }, 403));

const origins = [
  'https://evil.example',
  'null',
  'http://127.0.0.1:1',
  'http://localhost:PORT',
  'http://127.0.0.1:PORT.evil.example',
  'http://127.0.0.1:PORT/',
  'vscode-webview://abc',
  'file://',
].flatMap((origin) => both(`Origin "${origin}"`, { lines: [`Origin: ${origin}`] }, 403));

const sites = ['cross-site', 'same-site', 'none, cross-site'].flatMap((site) =>
  both(`Sec-Fetch-Site "${site}"`, { lines: [`Sec-Fetch-Site: ${site}`] }, 403),
);

/** What a form or a script of a page may send without asking first. */
const simple = [
  'Content-Type: text/plain',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Type: multipart/form-data; boundary=x',
  'Content-Type: text/plain; x=application/json',
  'Content-Type: application/jsonx',
  'X-No-Type: 1',
].map((type) =>
  row(
    `a write with "${type}"`,
    {
      method: 'POST',
      target: '/api/shutdown',
      lines: [AS_OURSELVES, type, 'Content-Length: 2'],
      body: '{}',
    },
    415,
  ),
);

const strangers = [
  row('no key', {}, 401),
  row('a wrong key', { lines: ['Authorization: Bearer made-up-made-up'] }, 401),
  row('the key of another scheme', { lines: ['Authorization: Basic TOKEN'] }, 401),
  row('the key in the URL', { target: '/api/status?token=TOKEN' }, 401),
  row('a made-up session', { lines: ['Cookie: nexus_session_PORT=made-up'] }, 401),
  row('metrics without a key', { target: '/metrics' }, 401),
  row(
    'a write without a key',
    { method: 'POST', target: '/api/shutdown', lines: [JSON_TYPE, 'Content-Length: 2'], body: '{}' },
    401,
  ),
  row('our key as a client’s', { target: '/v1/models', lines: ['x-api-key: TOKEN'] }, 404),
];

/** Not our paths as they are written: with our key they go nowhere. */
const paths = [
  '//api/status',
  '/api//status',
  '/api/status/',
  '/./api/status',
  '/x/../api/status',
  '/%61pi/status',
  '/api/%2e/status',
  '/api/status%00',
  '/api/status%2f',
  '/API/STATUS',
  '/api/status;x=1',
  '/api\\status',
].map((target) => row(`"${target}" with our key`, { target, lines: [AS_OURSELVES] }, 404));

const escapes = [
  row('out of the panels', { target: '/ui/../api/status' }, 401),
  row('out of the panels, encoded', { target: '/ui/%2e%2e/api/status' }, 401),
  row('out of the panels’ files', { target: '/ui/..%2f..%2fstate.json' }, 401),
  row('an id that is a path', { target: '/api/conversations/..%2f..%2fhealth', lines: [AS_OURSELVES] }, 404),
  row('an absolute target elsewhere', { target: 'http://evil.example/v1/messages' }, 403),
  row('an absolute target here', { target: 'http://127.0.0.1:PORT/api/status', lines: [AS_OURSELVES] }, 403),
  row('an absolute target with a password', { target: 'http://a:b@127.0.0.1:PORT/' }, 403),
  row('a target that is a question', { target: '?x', lines: [AS_OURSELVES] }, 400),
  row('OPTIONS *', { method: 'OPTIONS', target: '*' }, 400),
  row('a project that is no folder', { target: '/p/..%2f..%2fx/v1/models' }, 400),
  row('TRACE', { method: 'TRACE', lines: [AS_OURSELVES] }, 404),
];

const injected = [
  row('a bare CR in a header', { lines: ['X-Odd: a\rX-Evil: b'] }, 400),
  row('a bare LF in a header', { lines: ['X-Odd: a\nX-Evil: b'] }, 400),
  row('a NUL in a header', { lines: ['X-Odd: a\0b'] }, 400),
  row('a space before the colon', { lines: ['X-Odd : a'] }, 400),
  row('a header without a name', { lines: [': a'] }, 400),
  row('a header without a colon', { lines: ['X-Odd'] }, 400),
  row('a name that is none', { lines: ['X(Odd): a'] }, 400),
  row('a folded header', { lines: ['X-Odd: a\r\n b'] }, 400),
  row('a folded Host', { host: '127.0.0.1:PORT\r\n .evil.example' }, 400),
  row('no Host', { host: null }, 400),
  row('no Host, HTTP/1.0', { host: null, version: 'HTTP/1.0' }, 403),
  row('two Hosts', { lines: ['Host: evil.example', AS_OURSELVES] }, 403),
  row('two Hosts that are ours', { lines: ['Host: 127.0.0.1:PORT', AS_OURSELVES] }, 403),
];

const upload = (name: string, lines: string[], body: string, ...answers: number[]): HostileRow =>
  row(name, { method: 'POST', target: '/v1/messages', lines: [CLIENT_KEY, ...lines], body }, ...answers);

const framing = [
  upload('two lengths that differ', ['Content-Length: 2', 'Content-Length: 3'], '{}x', 400),
  upload('a list of lengths', ['Content-Length: 2, 3'], '{}x', 400),
  upload('a length with a sign', ['Content-Length: +2'], '{}', 400),
  upload('a negative length', ['Content-Length: -2'], '{}', 400),
  upload('a length in hex', ['Content-Length: 0x2'], '{}', 400),
  upload('a length beyond all numbers', ['Content-Length: 99999999999999999999999'], '{}', 400),
  upload('a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n', 400),
  upload('chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n', 400),
  upload('a coding after chunked', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n', 400),
  upload('a coding that is not chunked', ['Transfer-Encoding: xchunked'], '0\r\n\r\n', 400),
  upload('chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n', 400),
  upload('a chunk size that is none', ['Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n', 400),
  upload(
    'a chunk size beyond all numbers',
    ['Transfer-Encoding: chunked'],
    'fffffffffffffffff\r\n{}\r\n',
    400,
  ),
  upload('a chunk longer than it says', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n', 400),
  upload('a chunk size with a bare LF', ['Transfer-Encoding: chunked'], '2\n{}\r\n0\r\n\r\n', 400),
  upload('an expectation nobody meets', ['Expect: 200-maybe', 'Content-Length: 2'], '{}', 417),
];

const sizes = [
  upload('33 MB announced', [JSON_TYPE, `Content-Length: ${String(33 * 1024 * 1024)}`], '{', 413),
  {
    ...row(
      '10,000 headers',
      { lines: Array.from({ length: 10_000 }, (_, n) => `X-Header-${String(n)}: 1`) },
      431,
    ),
    orCut: true,
  },
  { ...row('a header of 70 KB', { lines: [`X-Long: ${'x'.repeat(70_000)}`] }, 431), orCut: true },
  { ...row('a target of 70 KB', { target: `/${'x'.repeat(70_000)}` }, 431), orCut: true },
  row(
    'a body of 2 MB for the control API',
    {
      method: 'POST',
      target: '/api/storage/prune',
      lines: [AS_OURSELVES, JSON_TYPE, `Content-Length: ${String(2 * 1024 * 1024)}`],
      body: `{"x":"${'x'.repeat(2 * 1024 * 1024 - 8)}"}`,
    },
    413,
  ),
];

const raw = (name: string, bytes: string, answers: HostileRow['answers']): HostileRow => ({
  name,
  bytes: ({ port }) => bytes.replaceAll('PORT', String(port)),
  answers,
});

const protocols = [
  raw('the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]),
  raw('the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]),
  raw('the beginning of SSH', 'SSH-2.0-made-up\r\n', [400]),
  raw('HTTP/0.9', 'GET /\r\n\r\n', [403]),
  raw('a version nobody knows', 'GET / HTTP/9.9\r\nHost: 127.0.0.1:PORT\r\n\r\n', [400]),
  raw('a method nobody knows', 'EVIL / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n', [400]),
  raw('a method in lower case', 'get / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n', [400]),
  raw('CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', 'closed'),
  raw('only noise', '\0\0\0\0\r\n\r\n', [400]),
  row('an upgrade to a WebSocket', { lines: ['Connection: Upgrade', 'Upgrade: websocket'] }, 401),
  row(
    'an upgrade to HTTP/2',
    { lines: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'] },
    401,
  ),
];

/** Each is judged by itself, whatever came before it on its connection. */
const pipelined: HostileRow[] = [
  {
    name: 'a request for a foreign host behind one of ours',
    bytes: (given) =>
      `GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:${String(given.port)}\r\n\r\n${http({ host: 'evil.example', target: '/v1/models' })(given)}`,
    answers: [200, 403],
  },
  {
    name: 'a request hidden in the body of another',
    bytes: (given) => {
      const hidden = http({ target: '/v1/hidden' })(given);
      const head = `POST /v1/shown HTTP/1.1\r\nHost: 127.0.0.1:${String(given.port)}\r\nConnection: close\r\n`;
      return `${head}Content-Length: ${String(hidden.length)}\r\n\r\n${hidden}`;
    },
    answers: [200],
    forwarded: ['/v1/shown'],
  },
  {
    name: 'noise behind a request',
    bytes: ({ port }) =>
      `GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:${String(port)}\r\n\r\n\x16\x03\x01 noise\r\n\r\n`,
    // Node answers noise at once, and what came before it on the connection no more.
    answers: [400],
  },
];

/** Odd, and the upstream's business: it gets the path as it is, and nothing decides where it goes but our setting. */
const passed = [
  '//evil.example/v1/models',
  '/v1/../../etc/passwd',
  '/v1/%00',
  '/v1/\\evil',
  '/v1/models#x',
].map((target): HostileRow => ({
  name: `"${target}" without our key`,
  bytes: http({ target, lines: [CLIENT_KEY] }),
  answers: [200],
  forwarded: [target],
}));

export const hostileRequests: HostileRow[] = [
  ...hosts,
  ...origins,
  ...sites,
  ...simple,
  ...strangers,
  ...paths,
  ...escapes,
  ...injected,
  ...framing,
  ...sizes,
  ...protocols,
  ...pipelined,
  ...passed,
];
