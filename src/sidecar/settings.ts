import { z } from 'zod';
import { CLAUDE_CLIENT_ID, CLAUDE_TOKEN_URL, whyNoTokenUrl } from './credentials/oauth-client.ts';

const flag = z
  .string()
  .toLowerCase()
  .transform((value, context) => {
    if (['true', '1', 'on', 'yes'].includes(value)) return true;
    if (['false', '0', 'off', 'no'].includes(value)) return false;
    context.addIssue({ code: 'custom', message: 'expected true or false' });
    return z.NEVER;
  });
const milliseconds = z.coerce.number('expected milliseconds').int().min(0).max(2_147_483_647);

/**
 * Every setting of `serve`: its option (if it has one), its variable, its shape and what `--help` says. An option beats
 * the environment, the environment beats `.env` in the working directory; an empty value counts as not given.
 */
export const settings = {
  host: {
    option: 'host',
    variable: 'HOST',
    shape: z.string().default('127.0.0.1'),
    help: 'address to listen on',
  },
  port: {
    option: 'port',
    variable: 'PORT',
    shape: z.coerce.number('expected a port number').int().min(0).max(65535).default(3000),
    help: 'port; 0 takes any free one and keeps it (3000)',
  },
  dataDir: {
    option: 'data-dir',
    variable: 'DATA_DIR',
    shape: z.string().optional(),
    help: 'where everything is kept',
  },
  upstream: {
    option: 'upstream',
    variable: 'CLAUDE_API_BASE_URL',
    shape: z.string().default('https://api.anthropic.com'),
    help: 'the Claude API (https; http only to this machine)',
  },
  databaseUrl: {
    option: 'database-url',
    variable: 'DATABASE_URL',
    shape: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'expected postgresql://user:password@host:port/database')
      .optional(),
    help: 'a PostgreSQL instead of the embedded database',
  },
  credentialsDir: {
    option: 'credentials-dir',
    variable: 'CREDENTIALS_DIR',
    shape: z.string().optional(),
    help: 'where <domain>.credentials.json files are (<data-dir>/credentials)',
  },
  pathKey: {
    option: 'path-key',
    variable: 'PROXY_PATH_KEY',
    shape: flag.default(false),
    help: 'only accept traffic under /k/<key>',
  },
  idleExit: {
    option: 'idle-exit',
    variable: 'NEXUS_IDLE_EXIT',
    shape: flag.default(false),
    help: 'stop when no window and no traffic has been seen for a while',
  },
  storageEnabled: { option: null, variable: 'STORAGE_ENABLED', shape: flag.default(true), help: '' },
  /** Which secrets are masked in bodies before they are stored: the product's own keys, every known kind, none. */
  redactBodies: {
    option: null,
    variable: 'REDACT_BODIES',
    shape: z.enum(['own', 'all', 'none']).default('own'),
    help: '',
  },
  /** Conversations untouched for this many days are deleted; 0: kept for ever. */
  retentionDays: {
    option: null,
    variable: 'RETENTION_DAYS',
    shape: z.coerce.number('expected days').min(0).max(36_500).default(0),
    help: '',
  },
  /** The oldest conversations are deleted while the store holds more than this many megabytes (10^6); 0: no limit. */
  retentionMegabytes: {
    option: null,
    variable: 'RETENTION_MB',
    shape: z.coerce.number('expected megabytes').min(0).max(100_000_000).default(0),
    help: '',
  },
  collectSamples: { option: null, variable: 'COLLECT_TEST_SAMPLES', shape: flag.default(false), help: '' },
  samplesDir: {
    option: null,
    variable: 'TEST_SAMPLES_DIR',
    shape: z.string().default('test-samples'),
    help: '',
  },
  allowedHosts: {
    option: null,
    variable: 'ALLOWED_HOSTS',
    shape: z
      .string()
      .default('')
      .transform((value) =>
        value
          .toLowerCase()
          .split(/[\s,]+/)
          .filter((name) => name !== ''),
      ),
    help: '',
  },
  dashboardKey: {
    option: null,
    variable: 'DASHBOARD_API_KEY',
    shape: z.string().min(16).optional(),
    help: '',
  },
  /** false: on loopback a client's own credential passes on a domain with a stored one; that one never does. */
  clientAuth: { option: null, variable: 'ENABLE_CLIENT_AUTH', shape: flag.default(true), help: '' },
  salt: { option: null, variable: 'API_KEY_SALT', shape: z.string().optional(), help: '' },
  upstreamTimeoutMs: {
    option: null,
    variable: 'CLAUDE_API_TIMEOUT',
    shape: milliseconds.default(600_000),
    help: '',
  },
  /** How often an answer of 5xx or 529 is asked for again; 0: never, as clients do that themselves. */
  upstreamRetries: {
    option: null,
    variable: 'CLAUDE_API_RETRIES',
    shape: z.coerce.number('expected a number of tries').int().min(0).max(10).default(0),
    help: '',
  },
  serverTimeoutMs: {
    option: null,
    variable: 'PROXY_SERVER_TIMEOUT',
    shape: milliseconds.default(660_000),
    help: '',
  },
  /** Where HTTPS_PROXY is set: whether certificates that come through it count. */
  proxyStrictSsl: { option: null, variable: 'NEXUS_PROXY_STRICT_SSL', shape: flag.default(true), help: '' },
  /** Whether the authorities the operating system trusts are trusted beside Node's own. */
  systemCertificates: {
    option: null,
    variable: 'NEXUS_SYSTEM_CERTIFICATES',
    shape: flag.default(true),
    help: '',
  },
  logLevel: {
    option: null,
    variable: 'LOG_LEVEL',
    shape: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    help: '',
  },
  debug: { option: null, variable: 'DEBUG', shape: flag.default(false), help: '' },
  oauthClientId: {
    option: null,
    variable: 'CLAUDE_OAUTH_CLIENT_ID',
    shape: z.string().default(CLAUDE_CLIENT_ID),
    help: '',
  },
  oauthTokenUrl: {
    option: null,
    variable: 'CLAUDE_OAUTH_TOKEN_URL',
    shape: z
      .string()
      .default(CLAUDE_TOKEN_URL)
      .superRefine((value, context) => {
        const message = whyNoTokenUrl(value);
        if (message !== null) context.addIssue({ code: 'custom', message });
      }),
    help: '',
  },
  debugSql: { option: null, variable: 'DEBUG_SQL', shape: flag.default(false), help: '' },
  /** Statements of the database that take so long are logged, ms; 0: none. */
  slowQueryMs: {
    option: null,
    variable: 'SLOW_QUERY_THRESHOLD_MS',
    shape: milliseconds.default(5000),
    help: '',
  },
  /** How long a stop waits for open exchanges. */
  graceMs: {
    option: null,
    variable: 'NEXUS_SHUTDOWN_GRACE_MS',
    shape: milliseconds.default(10_000),
    help: '',
  },
  idleWindowMs: {
    option: null,
    variable: 'NEXUS_IDLE_WINDOW_MS',
    shape: milliseconds.default(process.platform === 'win32' ? 30_000 : 60_000),
    help: '',
  },
  idleTrafficMs: {
    option: null,
    variable: 'NEXUS_IDLE_TRAFFIC_MS',
    shape: milliseconds.default(process.platform === 'win32' ? 0 : 30 * 60_000),
    help: '',
  },
} as const;
