import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import type { OauthSnapshot } from '../../protocol/oauth.ts';
import {
  conversationQuery,
  requestDetailQuery,
  requestQuery,
  searchQuery,
  statsQuery,
} from '../../protocol/queries.ts';
import { rebuildBody, type RebuildState } from '../../protocol/rebuild.ts';
import {
  requestDetail,
  type ConversationDetail,
  type ConversationPage,
  type LinkExplanation,
  type RequestDetail,
  type RequestPage,
  type StatsRow,
} from '../../protocol/rows.ts';
import type { SearchPage } from '../../protocol/search.ts';
import type { SidecarStatus } from '../../protocol/status.ts';
import {
  pruneBody,
  type DeletedConversation,
  type PinnedConversation,
  type PruneReport,
  type StorageReport,
  type VacuumReport,
} from '../../protocol/storage.ts';
import type { CredentialWorks } from '../credential-works.ts';
import { badRequest, NexusError, notFound } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CommandStore } from '../store/commands.ts';
import type { ReadStore, ReadStoreUntil } from '../store/reads.ts';
import { requireJson, requireKey, type Gate } from './auth.ts';
import { credentialRoutes } from './credentials.ts';
import type { EventBus } from './event-bus.ts';
import { eventStream } from './event-stream.ts';
import { documentRoutes } from './documents.ts';
import { existingId } from './existing-id.ts';
import { exportRoutes } from './export.ts';
import { found, foundBytes, jsonBytes, parsed } from './json-bytes.ts';
import { problemResponse, refuseBadInput } from './problem.ts';
import { uiRoutes } from './ui.ts';

/** What the composition hands in; the API knows neither the recorder nor the proxy. */
export interface ApiDependencies {
  version: string;
  gate: Gate;
  events: EventBus;
  read: ReadStore;
  /** The same for what may take long: it ends early when the signal says that nobody waits any more. */
  readUntil: ReadStoreUntil;
  command: CommandStore;
  credentials: CredentialWorks;
  status: () => SidecarStatus;
  /** What the keeper of log-ins has counted; absent where there is none. */
  oauthMetrics?: () => OauthSnapshot;
  /** The page of `GET /metrics`. */
  metrics: () => string;
  /** True while the sidecar is finishing its last exchanges. */
  draining: () => boolean;
  /** Counts a window for as long as its event stream is open; returns the leaving function. */
  enterWindow: (id: string) => () => void;
  requestStop: () => void;
  /** Built panels, for a browser. */
  webviewDir: string;
  origin: () => string;
  log: Log;
}

/** The control API: the only contract of the sidecar. Its type is what `src/client` is compiled against. */
export function createApi(deps: ApiDependencies) {
  const app = new Hono()
    .use((c, next) => (hasBody(c.req) ? limitBody(c, next) : next()))
    .get('/', (c) => c.json({ name: 'claude-nexus', version: deps.version }))
    .get('/health', (c) => {
      const { database, recorder, uptimeMs } = deps.status();
      const up = database.version !== null && recorder.lastError === null;
      const state = deps.draining() ? 'draining' : up ? 'ok' : 'degraded';
      return c.json({ status: state, version: deps.version, uptimeMs, database: up ? 'up' : 'away' });
    })
    .get('/health/live', (c) => c.json({ status: 'ok' }))
    // Forwarding works without the database, so an absent one does not take the sidecar out of service.
    .get('/health/ready', (c) =>
      deps.draining() ? c.json({ status: 'draining' }, 503) : c.json({ status: 'ready' }),
    )
    .route('/ui', uiRoutes(deps))
    // Not all of them are built yet, and they are ours already: without a key they do not even say that.
    .on(
      'ALL',
      ['/api/*', '/token-stats', '/metrics', '/oauth-metrics', '/mcp'],
      requireKey(deps.gate),
      requireJson,
    )
    .get('/oauth-metrics', (c) => {
      if (deps.oauthMetrics === undefined) throw notFound(c.req.path);
      return c.json(deps.oauthMetrics());
    })
    .get('/metrics', (c) =>
      c.body(deps.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
    )
    .route('/api', apiRoutes(deps))
    .notFound((c) => problemResponse(notFound(c.req.path), c, deps.log))
    .onError((error, c) => problemResponse(error, c, deps.log));
  return app;
}

export type SidecarApi = ReturnType<typeof createApi>;

function apiRoutes(deps: ApiDependencies) {
  const { read, command } = deps;
  return (
    new Hono()
      .route('/', exportRoutes(deps))
      .route('/', documentRoutes(deps))
      .get('/status', (c) => c.json(deps.status()))
      .get('/conversations', zValidator('query', conversationQuery, refuseBadInput), async (c) =>
        jsonBytes<ConversationPage>(await read('listConversations', c.req.valid('query'))),
      )
      .get('/conversations/:id', async (c) => {
        const id = existingId(c.req.param('id'), 'conversation');
        return foundBytes<ConversationDetail>(await read('getConversation', id), `Conversation ${id}`);
      })
      .delete('/conversations/:id', async (c) => {
        const id = existingId(c.req.param('id'), 'conversation');
        const answer = found(
          await command('deleteConversation', id),
          `Conversation ${id}`,
        ) as DeletedConversation;
        return c.json(answer, answer.done ? 200 : 202);
      })
      .put('/conversations/:id/pin', async (c) => {
        const id = existingId(c.req.param('id'), 'conversation');
        return foundBytes<PinnedConversation>(await command('setPinned', id, true), `Conversation ${id}`);
      })
      .delete('/conversations/:id/pin', async (c) => {
        const id = existingId(c.req.param('id'), 'conversation');
        return foundBytes<PinnedConversation>(await command('setPinned', id, false), `Conversation ${id}`);
      })
      .get('/requests', zValidator('query', requestQuery, refuseBadInput), async (c) =>
        jsonBytes<RequestPage>(await read('listRequests', c.req.valid('query'))),
      )
      .get('/requests/:id', zValidator('query', requestDetailQuery, refuseBadInput), async (c) => {
        const id = existingId(c.req.param('id'), 'request');
        const fields = knownFields(c.req.valid('query').fields);
        const bytes = await (fields === undefined ? read('getRequest', id) : read('getRequest', id, fields));
        return foundBytes<Partial<RequestDetail>>(bytes, `Request ${id}`);
      })
      .get('/requests/:id/link', async (c) => {
        const id = existingId(c.req.param('id'), 'request');
        return foundBytes<LinkExplanation>(await read('getLink', id), `Request ${id}`);
      })
      .get('/search', zValidator('query', searchQuery, refuseBadInput), async (c) =>
        jsonBytes<SearchPage>(await deps.readUntil(c.req.raw.signal, 'search', c.req.valid('query'))),
      )
      .get('/stats', zValidator('query', statsQuery, refuseBadInput), async (c) =>
        jsonBytes<StatsRow>(await read('getStats', c.req.valid('query'))),
      )
      .route('/credentials', credentialRoutes(deps.credentials))
      .get('/storage', async () => jsonBytes<StorageReport>(await read('getStorage')))
      .post('/storage/prune', zValidator('json', pruneBody, refuseBadInput), async (c) => {
        const answer = parsed(await command('prune', c.req.valid('json'))) as PruneReport;
        return c.json(answer, answer.done ? 200 : 202);
      })
      .post('/storage/vacuum', zValidator('json', z.object({}), refuseBadInput), async (c) => {
        const answer = parsed(await command('vacuum')) as VacuumReport;
        return c.json(answer, answer.done ? 200 : 202);
      })
      // A job: begun here, looked at and cancelled with the other two.
      .post('/rebuild', zValidator('json', rebuildBody, refuseBadInput), async (c) =>
        c.json(parsed(await command('rebuild', c.req.valid('json'))) as RebuildState, 202),
      )
      .get('/rebuild', async () => jsonBytes<RebuildState>(await command('rebuildState')))
      .delete('/rebuild', async () => jsonBytes<RebuildState>(await command('cancelRebuild')))
      .get('/events', (c) => {
        const windowId = c.req.header('x-nexus-window');
        return eventStream(deps.events, c.req.header('last-event-id') ?? null, () =>
          windowId === undefined ? () => undefined : deps.enterWindow(windowId.slice(0, 100)),
        );
      })
      // How a window stops a sidecar it may not have started itself; signals do not do that on Windows.
      .post('/shutdown', zValidator('json', z.object({}), refuseBadInput), (c) => {
        deps.requestStop();
        return c.json({ stopping: true }, 202);
      })
  );
}

function knownFields(fields: string[] | undefined): string[] | undefined {
  const unknown = fields?.find((name) => !(name in requestDetail.shape));
  if (unknown === undefined) return fields;
  const message = `there is no field "${unknown.slice(0, 100)}"`;
  throw badRequest(`The query is not as it should be: \`fields\`: ${message}.`, [
    { path: 'fields', message },
  ]);
}

const limitBody = bodyLimit({ maxSize: 1024 * 1024, onError: refuseLargeBody });

/** A DELETE has none as a rule, and hono's limit would wrap one around it, which its Node server's request cannot take. */
function hasBody(request: { header(name: string): string | undefined }): boolean {
  return request.header('content-length') !== undefined || request.header('transfer-encoding') !== undefined;
}

function refuseLargeBody(): never {
  throw new NexusError('too_large', 413, 'Body too large', 'The control API takes bodies up to 1 MB.');
}
