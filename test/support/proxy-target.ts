import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeFrames,
  FrameKind,
  type EndFrame,
  type JournalNote,
  type RequestHead,
  type ResponseHead,
} from '../../src/sidecar/core/frames.ts';
import type { UpstreamCredential } from '../../src/sidecar/core/upstream-credential.ts';
import type { Log } from '../../src/sidecar/log.ts';
import { openJournal, type Journal, type JournalOptions } from '../../src/sidecar/proxy/journal.ts';
import { createProxy, type Proxy, type ProxyOptions } from '../../src/sidecar/proxy/proxy.ts';
import { createRouter } from '../../src/sidecar/proxy/route.ts';
import { parseUpstream } from '../../src/sidecar/proxy/upstream.ts';

/** Something a client can use as its base URL, in front of an upstream. */
export interface Target {
  baseUrl: string;
  close(): Promise<void>;
}
export type StartTarget = (upstreamUrl: string) => Promise<Target>;

/** One exchange as its journal file has it. */
export interface Journaled {
  head: RequestHead;
  requestBody: Buffer;
  responseHead: ResponseHead | null;
  responseBody: Buffer;
  chunks: Buffer[];
  end: EndFrame | null;
  damaged: boolean;
}

export interface ProxyTarget extends Target {
  proxy: Proxy;
  journal: Journal;
  journalDir: string;
  server: Server;
  notes: JournalNote[];
  /** All journal files, oldest first. */
  journaled(): Journaled[];
}

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Waits until the condition holds, looking once per turn of the event loop; the limit is for a hang only. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (const limit = Date.now() + 20_000; !condition();) {
    if (Date.now() > limit) throw new Error(`This did not become true: ${condition.toString()}`);
    await new Promise(setImmediate);
  }
}

export interface ProxyTargetOptions extends Partial<Omit<ProxyOptions, 'upstream' | 'journal'>> {
  pathKey?: string;
  /** Appended to the base URL, for example `/k/<key>/p/<project>`. */
  prefix?: string;
  journalOptions?: Partial<Omit<JournalOptions, 'dir' | 'onNotes'>>;
  /** Goes upstream with every request instead of the client's own. */
  credential?: UpstreamCredential;
}

/** The proxy room by itself: an HTTP server, the router, the proxy and a journal in a directory of its own. */
export async function startProxyTarget(
  upstreamUrl: string,
  { pathKey, prefix, journalOptions, credential, ...options }: ProxyTargetOptions = {},
): Promise<ProxyTarget> {
  const journalDir = mkdtempSync(join(tmpdir(), 'nexus-journal-'));
  const notes: JournalNote[] = [];
  const journal = openJournal({
    dir: journalDir,
    log: silentLog,
    ...journalOptions,
    onNotes: (more) => {
      notes.push(...more);
    },
  });
  const proxy = createProxy({
    upstream: parseUpstream(upstreamUrl),
    journal,
    policy: {
      tenant: 'local',
      salt: () => 'salt',
      ownSecrets: () => (pathKey === undefined ? [] : [pathKey]),
      redactBodies: 'own',
    },
    log: silentLog,
    timeoutMs: 60_000,
    connectRetry: { tries: 3, firstMs: 1, capMs: 5 },
    ...options,
  });
  const route = createRouter({ pathKey: pathKey ?? null });
  const server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    const target = route(request.method ?? '', request.url ?? '');
    if (target.kind === 'own') response.end('own');
    else proxy.handle(request, response, target, credential);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    baseUrl: origin + (prefix ?? ''),
    proxy,
    journal,
    journalDir,
    server,
    notes,
    journaled: () => readJournal(journalDir),
    async close() {
      const closed = new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
      await proxy.close(0);
      server.closeAllConnections();
      await closed;
      journal.flush();
      rmSync(journalDir, { recursive: true, force: true });
    },
  };
}

/** All exchanges in a journal directory, oldest first (ids sort by time). */
function readJournal(dir: string): Journaled[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.nxj'))
    .toSorted()
    .map((name) => readJournalFile(join(dir, name)));
}

function readJournalFile(file: string): Journaled {
  const bytes = readFileSync(file);
  const { frames, used, damaged } = decodeFrames(bytes);
  const of = (kind: FrameKind): Buffer[] =>
    frames.filter((frame) => frame.kind === kind).map((frame) => frame.payload);
  const json = (kind: FrameKind): unknown => {
    const [payload] = of(kind);
    return payload === undefined ? null : JSON.parse(payload.toString());
  };
  const chunks = of(FrameKind.chunk);
  return {
    head: json(FrameKind.requestHead) as RequestHead,
    requestBody: Buffer.concat(of(FrameKind.requestBody)),
    responseHead: json(FrameKind.responseHead) as ResponseHead | null,
    responseBody: Buffer.concat(chunks),
    chunks,
    end: json(FrameKind.end) as EndFrame | null,
    damaged: damaged || used !== bytes.length,
  };
}
