import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Which paths are ours and which are the upstream's (API.md, "Which paths are ours"). Pure. The request target is
 * never parsed as a URL and never normalised: what goes upstream is a suffix of the received bytes, and the host is no
 * part of it, so `//elsewhere`, `..` and absolute targets cannot change where a request goes.
 */

export type Route =
  | { kind: 'own' }
  /** `pathKey`: it showed the right one. */
  | { kind: 'upstream'; project: string | null; path: string; pathKey: boolean }
  | Refusal;

/** `retryAfterSeconds`: only with 429. */
export interface Refusal {
  kind: 'refused';
  status: 400 | 401 | 429 | 503;
  message: string;
  retryAfterSeconds?: number | null;
}

export interface RouterOptions {
  /** null: no path key is asked for, and one that is sent is ignored. */
  pathKey: string | null;
  /** Our paths without a base prefix: exact, or with `:name` for one segment and `*` for any rest. */
  ownPaths?: readonly string[];
}

/** Our own paths for any method; `GET /` is added by the router, since `HEAD /` and `POST /` are the upstream's. */
export const ownPaths: readonly string[] = [
  '/health',
  '/health/live',
  '/health/ready',
  '/metrics',
  '/oauth-metrics',
  '/token-stats',
  '/mcp',
  '/ui',
  '/ui/*',
  '/api/conversations',
  '/api/conversations/:id',
  '/api/conversations/:id/pin',
  '/api/conversations/:id/export',
  '/api/requests',
  '/api/requests/:id',
  '/api/requests/:id/subtasks',
  '/api/requests/:id/link',
  '/api/requests/:id/diff',
  '/api/search',
  '/api/stats',
  '/api/dashboard/stats',
  '/api/domains',
  '/api/projects',
  '/api/accounts',
  '/api/accounts/:id',
  '/api/token-usage/current',
  '/api/token-usage/daily',
  '/api/token-usage/time-series',
  '/api/token-usage/accounts',
  '/api/usage/requests/hourly',
  '/api/usage/tokens/hourly',
  '/api/usage/latency',
  '/api/usage/errors',
  '/api/usage/shares',
  '/api/analyses',
  '/api/analyses/:conversationId/:branchId',
  '/api/analyses/:conversationId/:branchId/regenerate',
  '/api/analyses/:conversationId/:branchId/cancel',
  '/api/analyses/:conversationId/:branchId/history',
  '/api/mcp/prompts',
  '/api/mcp/prompts/:name',
  '/api/mcp/prompts/:name/render',
  '/api/mcp/sync',
  '/api/mcp/sync/status',
  '/api/spark/feedback',
  '/api/spark/feedback/batch',
  '/api/spark/sessions/:id/feedback',
  '/api/credentials',
  '/api/credentials/:domain',
  '/api/credentials/:domain/file',
  '/api/credentials/:domain/keys',
  '/api/credentials/keys/:id',
  '/api/credentials/:domain/refresh',
  '/api/credentials/:domain/login',
  '/api/credentials/:domain/login/:loginId',
  '/api/storage',
  '/api/storage/vacuum',
  '/api/storage/prune',
  '/api/rebuild',
  '/api/alerts',
  '/api/alerts/:rule',
  '/api/status',
  '/api/events',
];

const pathKeyMessage =
  'This sidecar asks for its path key. Use the base URL it gives out (in VS Code: "Claude Nexus: Copy Base URL"), ' +
  'which has the form http://127.0.0.1:PORT/k/<key>/p/<project>; a terminal opened before the key changed needs to be reopened.';

/** A function from method and raw request target to where the request belongs. */
export function createRouter(options: RouterOptions): (method: string, target: string) => Route {
  const own = matcher(options.ownPaths ?? ownPaths);
  const keyHash = options.pathKey === null ? null : digest(options.pathKey);

  return (method, target) => {
    if (!target.startsWith('/')) return badTarget('is not a path: this is no general HTTP proxy');
    if (!/^[\x21-\x7e\x80-\xff]*$/.test(target)) return badTarget('has characters that a path cannot have');

    const key = takePrefix(target, '/k/');
    const afterKey = key === null ? target : key.rest;
    const project = takePrefix(afterKey, '/p/');
    if (key === null && project === null) {
      const end = target.search(/[?#]/);
      const path = end === -1 ? target : target.slice(0, end);
      if ((method === 'GET' && path === '/') || own(path)) return { kind: 'own' };
    }
    if (keyHash !== null && (key === null || !timingSafeEqual(keyHash, digest(key.value)))) {
      return { kind: 'refused', status: 401, message: pathKeyMessage };
    }
    const pathKey = keyHash !== null;
    if (project === null) return { kind: 'upstream', project: null, path: afterKey, pathKey };
    const name = projectName(project.value);
    if (name === null) return badTarget('names a project that cannot be a folder name');
    return { kind: 'upstream', project: name, path: project.rest, pathKey };
  };
}

function badTarget(what: string): Route {
  return {
    kind: 'refused',
    status: 400,
    message: `The request target ${what}. Use the sidecar's URL as the base URL of your client (ANTHROPIC_BASE_URL).`,
  };
}

/** `/k/<value><rest>`, where the rest is a path again: `/k/x` and `/k/x?q` have the upstream's `/` as their path. */
function takePrefix(target: string, prefix: string): { value: string; rest: string } | null {
  if (!target.startsWith(prefix)) return null;
  const tail = target.slice(prefix.length);
  const end = tail.search(/[/?#]/);
  const value = end === -1 ? tail : tail.slice(0, end);
  const rest = end === -1 ? '' : tail.slice(end);
  return { value, rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The project behind its percent-encoding, or null for one that is empty, too long or no folder name. */
function projectName(encoded: string): string | null {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    return null;
  }
  const odd = name === '' || name.length > 255 || name === '.' || name === '..';
  return odd || /[\p{Cc}/\\\u2028\u2029\ufffd]/u.test(name) ? null : name;
}

function digest(text: string): Buffer {
  // In one call: a hash object costs 20 µs before a request can go on.
  return hash('sha256', text, 'buffer');
}

function matcher(patterns: readonly string[]): (path: string) => boolean {
  const exact = new Set<string>();
  const shaped: RegExp[] = [];
  for (const pattern of patterns) {
    if (!/[:*]/.test(pattern)) {
      exact.add(pattern);
      continue;
    }
    const source = pattern
      .split('/')
      .map((part) =>
        part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
      );
    shaped.push(new RegExp(`^${source.join('/')}$`));
  }
  return (path) => exact.has(path) || shaped.some((shape) => shape.test(path));
}
