import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it, test } from 'vitest';
import type { SystemCertificates } from '../../src/sidecar/proxy/certificates.ts';
import { readProxyRules, type ProxyServer } from '../../src/sidecar/proxy/network.ts';
import type { Way } from '../../src/sidecar/proxy/upstream.ts';
import { ask } from '../support/ask.ts';
import { startConnectProxy, type ConnectProxy, type ConnectProxyOptions } from '../support/connect-proxy.ts';
import {
  chunk,
  cleanups,
  errorOf,
  open,
  post,
  reply,
  streamHead,
  type Answer,
} from '../support/forwarding.ts';
import { makeAuthority, makeCertificate, type Certificate } from '../support/made-up-certificates.ts';
import { eventually, startProxyTarget, type ProxyTarget } from '../support/proxy-target.ts';
import {
  createRawClient,
  startRawUpstream,
  type ClientResponse,
  type RawUpstream,
} from '../support/raw-http.ts';
import { startSidecar, type SidecarOptions, type TestSidecar } from '../support/sidecar.ts';

/** A name that only the proxy can look up. */
const HOSTNAME = 'claude.example';
const PASSWORD = 'made-up-pass';
const AUTHORIZATION = `Basic ${Buffer.from(`me:${PASSWORD}`).toString('base64')}`;

const authority = makeAuthority('Made-up Company CA');
const known = getCACertificates('default');
/** Node's authorities are the whole process's: each test begins with those it came with. */
afterEach(() => {
  setDefaultCACertificates(known);
});
const trust = ({ cert }: Certificate): void => {
  setDefaultCACertificates([...known, cert]);
};

const proxyAt = ({ host }: ConnectProxy, scheme = 'http', user = `me:${PASSWORD}`): ProxyServer =>
  readProxyRules({ HTTPS_PROXY: `${scheme}://${user}@${host}` }).proxy!;

async function proxyWith(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  cleanups.push(() => proxy.close());
  return proxy;
}

async function upstreamWith(
  certificate = makeCertificate([HOSTNAME], authority),
  answer: Answer = () => reply('data: here\n\n'),
  hostname = HOSTNAME,
): Promise<RawUpstream> {
  const upstream = await startRawUpstream(answer, undefined, { ...certificate, hostname });
  cleanups.push(() => upstream.close());
  return upstream;
}

/** The proxy room in front of it, reached this way, and what its client is answered. */
async function reach(
  upstream: { url: string },
  way: Partial<Way>,
): Promise<{ target: ProxyTarget; send: () => Promise<ClientResponse> }> {
  const target = await startProxyTarget(upstream.url, {
    way: { proxy: null, verify: true, system: null, ...way },
  });
  cleanups.push(() => target.close());
  const client = createRawClient();
  cleanups.push(() => {
    client.close();
  });
  return { target, send: () => client.send(target.baseUrl, post('{}')) };
}

/** A refusal of ours that says all of this, and not the proxy's password. */
function checkRefused(response: ClientResponse, expected: RegExp): void {
  const { type, error } = errorOf(response.body);
  expect([response.status, type, error.type]).toEqual([502, 'error', 'api_error']);
  expect(error.message).toMatch(expected);
  expect(error.message).not.toContain(PASSWORD);
  expect(error.message).not.toContain(AUTHORIZATION);
}

describe('through a company proxy', () => {
  it('asks for a tunnel once, with the URL’s user and password, and keeps it', async () => {
    trust(authority);
    const proxy = await proxyWith({ authorization: AUTHORIZATION });
    const upstream = await upstreamWith();
    const { send } = await reach(upstream, { proxy: proxyAt(proxy) });
    for (const _ of [1, 2]) {
      const response = await send();
      expect([response.status, response.body.toString()]).toEqual([200, 'data: here\n\n']);
    }
    expect(proxy.asked).toEqual([{ target: new URL(upstream.url).host, authorization: AUTHORIZATION }]);
    expect(proxy.others).toEqual([]);
    const names = upstream.requests.flatMap(({ rawHeaders }) => rawHeaders.map((text) => text.toLowerCase()));
    expect(names).not.toContain('proxy-authorization');
  });

  it('reaches a proxy that speaks TLS itself', async () => {
    trust(authority);
    const proxy = await proxyWith({ tls: makeCertificate(['127.0.0.1'], authority) });
    const { send } = await reach(await upstreamWith(), { proxy: proxyAt(proxy, 'https') });
    expect((await send()).status).toBe(200);
    expect(proxy.asked).toHaveLength(1);
  });

  it('repeats once a request whose kept tunnel was closed under it', async () => {
    trust(authority);
    const served = new WeakSet<Socket>();
    const upstream = await upstreamWith(undefined, (_request, socket) => {
      if (served.has(socket)) {
        socket.destroy();
        return null;
      }
      served.add(socket);
      return reply('data: here\n\n');
    });
    const { send } = await reach(upstream, { proxy: proxyAt(await proxyWith()) });
    for (const _ of [1, 2]) expect((await send()).body.toString()).toBe('data: here\n\n');
    expect(upstream.requests).toHaveLength(3);
  });

  it('ends the tunnel at once when the client goes', async () => {
    trust(authority);
    const closed: Promise<unknown>[] = [];
    const upstream = await upstreamWith(undefined, (_request, socket) => {
      closed.push(once(socket, 'close'));
      socket.write(streamHead + chunk('data: one\n\n'));
      return null;
    });
    const { target } = await reach(upstream, { proxy: proxyAt(await proxyWith()) });
    const response = await open(target.baseUrl);
    await once(response, 'data');
    response.destroy();
    await closed[0];
    await eventually(() => target.proxy.active() === 0);
  });

  const refusals: [string, ConnectProxyOptions, RegExp, number][] = [
    [
      'a wrong password',
      { authorization: 'Basic other' },
      /through the proxy 127\.0\.0\.1:\d+, which HTTPS_PROXY names \(it answered 407\).*http:\/\/user:password@/s,
      1,
    ],
    [
      'a forbidden host',
      { refuseWith: '403 Forbidden' },
      /answered 403\).*NO_PROXY \(in VS Code: http\.noProxy\)/s,
      1,
    ],
    [
      'a host it cannot reach',
      { refuseWith: '503 No Way' },
      /answered 503\).*could not reach the upstream/s,
      3,
    ],
  ];
  it.each(refusals)('tells of %s', async (_name, options, expected, tries) => {
    const proxy = await proxyWith(options);
    const upstream = await upstreamWith();
    const { send } = await reach(upstream, { proxy: proxyAt(proxy) });
    checkRefused(await send(), expected);
    expect(proxy.asked).toHaveLength(tries);
    expect(upstream.requests).toHaveLength(0);
  });

  it('tells of a proxy that is not there', async () => {
    const proxy = await startConnectProxy();
    await proxy.close();
    const { send } = await reach(await upstreamWith(), { proxy: proxyAt(proxy) });
    checkRefused(await send(), /ECONNREFUSED.*Check HTTPS_PROXY \(in VS Code: http\.proxy\)/s);
  });

  it('accepts any certificate only where that is said, and only through the proxy', async () => {
    const stranger = makeAuthority('Stranger');
    const upstream = await upstreamWith(makeCertificate([HOSTNAME], stranger));
    const { send } = await reach(upstream, { proxy: proxyAt(await proxyWith()), verify: false });
    expect((await send()).status).toBe(200);
    const local = await upstreamWith(makeCertificate(['127.0.0.1'], stranger), undefined, '127.0.0.1');
    const direct = await reach(local, { verify: false });
    checkRefused(await direct.send(), /not trusted/);
    expect(local.requests).toHaveLength(0);
  });
});

describe('certificates', () => {
  const stranger = makeAuthority('Somebody Else CA');
  const cases: [string, Certificate, RegExp][] = [
    [
      'an unknown issuer',
      makeCertificate([HOSTNAME, '127.0.0.1'], stranger),
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE.*subject CN=claude\.example; issuer CN=Somebody Else CA; valid to .*; SHA-256 [0-9A-F:]{95}\..*NODE_EXTRA_CA_CERTS.*http\.systemCertificates/s,
    ],
    [
      'a certificate that signs itself',
      stranger,
      /SELF_SIGNED.*subject CN=Somebody Else CA; issuer CN=Somebody Else CA/s,
    ],
    [
      'one that is over',
      makeCertificate([HOSTNAME, '127.0.0.1'], authority, { validMs: -60_000 }),
      /CERT_HAS_EXPIRED.*valid to .*clock/s,
    ],
    [
      'one for another name',
      makeCertificate(['other.example'], authority),
      /CERT_ALTNAME_INVALID.*subject CN=other\.example.*another name/s,
    ],
    [
      'a name that is long and odd',
      makeCertificate([HOSTNAME, '127.0.0.1'], stranger, { name: `line\r\nbreak ${'x'.repeat(60)}` }),
      /subject CN=line break x+;/,
    ],
  ];
  test.each(cases)('%s is refused, and named', async (_name, certificate, expected) => {
    trust(authority);
    const far = await upstreamWith(certificate);
    const proxied = await reach(far, { proxy: proxyAt(await proxyWith()) });
    checkRefused(await proxied.send(), expected);
    const near = await upstreamWith(certificate, undefined, '127.0.0.1');
    checkRefused(await (await reach(near, {})).send(), expected);
    expect([...far.requests, ...near.requests]).toEqual([]);
  });

  it('of a proxy’s own TLS are refused and named too', async () => {
    const proxy = await proxyWith({ tls: makeCertificate(['127.0.0.1'], stranger) });
    const { send } = await reach(await upstreamWith(), { proxy: proxyAt(proxy, 'https') });
    checkRefused(
      await send(),
      /the certificate of 127\.0\.0\.1:\d+ is not trusted.*issuer CN=Somebody Else CA/s,
    );
    expect(proxy.asked).toEqual([]);
  });

  it('tells of an upstream that does not speak TLS', async () => {
    const plain = await startRawUpstream(
      () => null,
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    cleanups.push(() => plain.close());
    const { send } = await reach({ url: plain.url.replace('http:', 'https:') }, {});
    checkRefused(await send(), /\((?:EPROTO|ERR_SSL_\w+)\)\. What answered does not speak TLS/);
  });

  it('asks the system’s only when an issuer is unknown, and once', async () => {
    let asked = 0;
    const system: SystemCertificates = {
      load: () => {
        trust(authority);
        return ++asked === 1;
      },
    };
    const upstream = await upstreamWith();
    const { send } = await reach(upstream, { proxy: proxyAt(await proxyWith()), system });
    expect((await send()).status).toBe(200);
    expect((await send()).status).toBe(200);
    const other = await upstreamWith(makeCertificate([HOSTNAME], stranger));
    const refused = await reach(other, { proxy: proxyAt(await proxyWith()), system });
    checkRefused(await refused.send(), /Somebody Else CA/);
    expect(asked).toBe(2);
  });
});

describe('the whole sidecar', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nexus-network-'));
  const caFile = join(dir, 'ca.pem');
  writeFileSync(caFile, authority.cert);
  process.on('exit', () => {
    rmSync(dir, { recursive: true, force: true });
  });

  async function sidecarWith(options: SidecarOptions): Promise<TestSidecar> {
    const sidecar = await startSidecar(options);
    cleanups.push(() => sidecar.remove());
    return sidecar;
  }

  it('takes proxy and authority from its environment; the log has no password', async () => {
    const proxy = await proxyWith({ authorization: AUTHORIZATION });
    const upstream = await upstreamWith();
    const env = { https_proxy: `http://me:${PASSWORD}@${proxy.host}`, NODE_EXTRA_CA_CERTS: caFile };
    const sidecar = await sidecarWith({ upstream: upstream.url, env });
    const answer = await ask(sidecar.baseUrl);
    expect([answer.status, await answer.text()]).toEqual([200, 'data: here\n\n']);
    const log = readFileSync(sidecar.ready.logFile ?? '', 'utf8');
    expect(log).toContain(`"proxy":"${proxy.host}"`);
    expect(log).not.toContain(PASSWORD);
    expect(log).not.toContain(AUTHORIZATION.slice('Basic '.length));
  });

  it('leaves an upstream on this machine, and one that is excepted, alone', async () => {
    const proxy = await proxyWith();
    const upstream = await upstreamWith(makeCertificate(['127.0.0.1'], authority), undefined, '127.0.0.1');
    const env = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: caFile };
    const sidecar = await sidecarWith({ upstream: upstream.url, env });
    expect((await ask(sidecar.baseUrl)).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  // Elsewhere the store of the system is not a file that a test may name.
  test.runIf(process.platform === 'linux').each([
    ['on', 200],
    ['off', 502],
  ])('with the certificates of the system %s: %i', async (flag, status) => {
    const proxy = await proxyWith();
    const upstream = await upstreamWith();
    const env = {
      HTTPS_PROXY: `http://${proxy.host}`,
      SSL_CERT_FILE: caFile,
      NEXUS_SYSTEM_CERTIFICATES: flag,
    };
    const sidecar = await sidecarWith({ upstream: upstream.url, env });
    const answer = await ask(sidecar.baseUrl);
    const text = await answer.text();
    expect(answer.status).toBe(status);
    if (status === 502) expect(text).toContain('Made-up Company CA');
  });
});
