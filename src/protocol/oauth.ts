import { z } from 'zod';

const time = z.iso.datetime().nullable();

const domainRefresh = z.object({
  domain: z.string(),
  lastRefreshAt: time,
  /** When the access token got then ends. */
  expiresAt: time,
  lastRefusalAt: time,
  lastFailureAt: time,
});
export type DomainRefresh = z.infer<typeof domainRefresh>;

/** What `/oauth-metrics` answers: counted since the start of the sidecar. */
export const oauthSnapshot = z.object({
  /** Requests to the token endpoint, and what came of them. */
  attempts: z.number(),
  successes: z.number(),
  refusals: z.number(),
  /** Network errors, time-outs, answers that are no answer. */
  failures: z.number(),
  /** Requests that got their token from a refresh that somebody else had begun, in this process or another. */
  waitsShared: z.number(),
  domains: z.array(domainRefresh),
});
export type OauthSnapshot = z.infer<typeof oauthSnapshot>;
