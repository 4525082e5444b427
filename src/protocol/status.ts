import { z } from 'zod';
import { problemCode } from './problem.ts';

/** Raised when the ready line, the lock file or the events change incompatibly. */
export const PROTOCOL_VERSION = 2;

/** The one line `serve` prints on stdout. `url` is the origin, `baseUrl` what a client gets as ANTHROPIC_BASE_URL. */
export const readyLine = z.object({
  ready: z.literal(true),
  url: z.string(),
  baseUrl: z.string(),
  token: z.string(),
  pid: z.number(),
  version: z.string(),
  protocolVersion: z.number(),
  attached: z.boolean(),
  /** The file the owner logs to (JSON lines), for whoever follows it. */
  logFile: z.string().optional(),
});
export type ReadyLine = z.infer<typeof readyLine>;

/** Who owns a data directory and speaks another protocol version: what is known of it, for whoever may end it. */
export const otherOwner = z.object({
  pid: z.number(),
  protocolVersion: z.number(),
  /** null: it has not become ready, or says it in a way that this version does not know. */
  version: z.string().nullable(),
  url: z.string().nullable(),
  token: z.string().nullable(),
});
export type OtherOwner = z.infer<typeof otherOwner>;

/** What `serve` prints on stdout instead when it cannot start; it then exits with code 1. */
export const failedLine = z.object({
  ready: z.literal(false),
  code: problemCode,
  title: z.string(),
  detail: z.string(),
  /** With `other_version`. */
  owner: otherOwner.optional(),
});
export type FailedLine = z.infer<typeof failedLine>;

export const recorderStatus = z.object({
  pending: z.number(),
  recorded: z.number(),
  failed: z.number(),
  dropped: z.number(),
  /** What keeps recording from working now; null while it works. */
  lastError: z.string().nullable(),
  /** When `lastError` was last seen, in ms since the epoch. */
  lastErrorAt: z.number().nullable().optional(),
  /** When the oldest exchange that waits began, in ms since the epoch; null when none waits. */
  oldestPendingAt: z.number().nullable().optional(),
  /** Bytes in the journal that wait to be recorded. */
  journalBytes: z.number().optional(),
  /** Why the last of the `failed` ones could not be recorded, and where its file is. */
  lastFailure: z.string().nullable().optional(),
  /** Why the last of the `dropped` ones was dropped. */
  lastDrop: z.string().nullable().optional(),
  /** Exchanges whose client had its last byte before the journal had it (a slow disk). */
  late: z.number().optional(),
});
export type RecorderStatus = z.infer<typeof recorderStatus>;

/** `version` null: the database has not been reached since start. */
export const databaseStatus = z.object({
  engine: z.enum(['pglite', 'postgresql']),
  version: z.string().nullable(),
});
export type DatabaseStatus = z.infer<typeof databaseStatus>;

/** What the credentials directory holds; never a secret. */
export const credentialsStatus = z.object({
  dir: z.string(),
  domains: z.array(
    z.object({
      domain: z.string(),
      /** null: the file cannot be used, and `problem` says why. */
      type: z.enum(['api_key', 'oauth']).nullable(),
      accountId: z.string().nullable(),
      /** How many client API keys open it, the file's own included. */
      clientKeys: z.number(),
      problem: z.string().nullable(),
    }),
  ),
  /** Files that belong to no domain or cannot be used, each in a sentence. */
  problems: z.array(z.string()),
  /** What other users of the machine may read or change. */
  warnings: z.array(z.string()),
});
export type CredentialsStatus = z.infer<typeof credentialsStatus>;

export const sidecarStatus = z.object({
  version: z.string(),
  uptimeMs: z.number(),
  /** `live`: nothing is written to disk, only the newest exchanges are shown (STORAGE_ENABLED=false). */
  storage: z.enum(['kept', 'live']).default('kept'),
  database: databaseStatus,
  upstream: z.string(),
  activeRequests: z.number(),
  windows: z.number(),
  recorder: recorderStatus,
  /** Absent in answers of an older sidecar. */
  credentials: credentialsStatus.optional(),
});
export type SidecarStatus = z.infer<typeof sidecarStatus>;
