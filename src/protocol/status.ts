import { z } from 'zod';
import { problemCode } from './problem.ts';

/** Raised when the ready line, the lock file or the events change incompatibly. */
export const PROTOCOL_VERSION = 1;

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

/** What `serve` prints on stdout instead when it cannot start; it then exits with code 1. */
export const failedLine = z.object({
  ready: z.literal(false),
  code: problemCode,
  title: z.string(),
  detail: z.string(),
});
export type FailedLine = z.infer<typeof failedLine>;

export const recorderStatus = z.object({
  pending: z.number(),
  recorded: z.number(),
  failed: z.number(),
  dropped: z.number(),
  lastError: z.string().nullable(),
});
export type RecorderStatus = z.infer<typeof recorderStatus>;

/** `version` null: the database has not been reached since start. */
export const databaseStatus = z.object({
  engine: z.enum(['pglite', 'postgresql']),
  version: z.string().nullable(),
});
export type DatabaseStatus = z.infer<typeof databaseStatus>;

export const sidecarStatus = z.object({
  version: z.string(),
  uptimeMs: z.number(),
  database: databaseStatus,
  upstream: z.string(),
  activeRequests: z.number(),
  windows: z.number(),
  recorder: recorderStatus,
});
export type SidecarStatus = z.infer<typeof sidecarStatus>;
