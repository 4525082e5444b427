import { createHmac } from 'node:crypto';
import type { EndFrame, RequestBodyNote, RequestHead, ResponseHead } from '../core/frames.ts';
import { redactHeaders, redactPath, redactText, type Redaction } from '../core/redact.ts';
import type { RedactBodies } from '../core/redact-edits.ts';
import { redactOwn } from '../core/redact-own.ts';
import type { UpstreamCredential } from '../core/upstream-credential.ts';
import { headerValue, pairs } from './headers.ts';
import { isTokenEndpoint } from './paths.ts';
import { nothing, type ExchangeJournal, type Journal } from './journal.ts';

/** What is known of a request when its head has arrived. `rawHeaders` is the received list, secrets included. */
export interface Arrival {
  id: string;
  project: string | null;
  domain: string;
  method: string;
  /** Path and query as they go upstream. */
  path: string;
  httpVersion: string;
  rawHeaders: readonly string[];
  /** The stored credential it goes upstream with; null: its own. */
  credential: UpstreamCredential | null;
}

export interface RecordPolicy {
  tenant: string;
  /** HMAC key of credential fingerprints; null while it is not known (the database was never reached yet). */
  salt: () => string | null;
  /** The sidecar's token and path key, which must not appear on the disk. */
  ownSecrets: () => readonly string[];
  /**
   * What is masked in bodies. Here only the own keys are: the recorder's thread masks the other kinds, which would cost
   * the proxy's thread milliseconds for each megabyte, and what can only be seen in decoded, whole content.
   */
  redactBodies: RedactBodies;
}

/** The recorded side of one exchange: redacts, then writes to the journal. Nothing here can fail or wait. */
export interface Recording {
  /** The whole request body. */
  requestBody(body: Buffer): void;
  responseHead(head: {
    status: number;
    statusText: string;
    rawHeaders: readonly string[];
    ours: boolean;
  }): void;
  /** Call before the client's write. `more`: something follows at once, which is written with it. */
  chunk(bytes: Buffer, more: boolean): void;
  /** Writes what was waiting for more. */
  flush(): void;
  end(end: {
    reason: EndFrame['reason'];
    error: EndFrame['error'];
    requestNote: RequestBodyNote | null;
    responseNote: RequestBodyNote | null;
  }): void;
  /** null when the journal has everything so far, else a promise of that, which never rejects. */
  unsettled(): Promise<void> | null;
  late(): void;
}

/**
 * Begins the recording of an exchange. A body that is complete by now goes in `body`, so that what was redacted in it
 * is listed with the head; a streamed one follows with `requestBody`.
 */
export function startRecording(
  journal: Journal | null,
  arrival: Arrival,
  body: Buffer | null,
  policy: RecordPolicy,
): Recording {
  if (journal === null) return recordingOf(nothing, [], 'drop');
  const secrets = policy.ownSecrets();
  const headers = redactHeaders(pairs(arrival.rawHeaders), 'requestHeaders');
  const path = redactPath(arrival.path);
  const bodies = isTokenEndpoint(arrival.path) ? 'drop' : policy.redactBodies === 'none' ? 'keep' : 'mask';
  const redactions: Redaction[] = [...headers.redactions, ...path.redactions];
  let recorded: Buffer | null = null;
  if (bodies === 'drop') {
    redactions.push(
      { path: 'requestBody', kind: 'token-endpoint' },
      { path: 'responseBody', kind: 'token-endpoint' },
    );
  } else if (body !== null && body.length > 0) {
    const clean = bodies === 'keep' ? { bytes: body, kinds: [] } : redactOwn(body, secrets);
    recorded = clean.bytes;
    for (const kind of clean.kinds) redactions.push({ path: 'requestBody', kind });
  }
  const head: RequestHead = {
    id: arrival.id,
    tenant: policy.tenant,
    project: arrival.project === null ? null : masked(arrival.project, secrets),
    domain: arrival.domain,
    method: arrival.method,
    path: withoutOwn(path.path, secrets),
    httpVersion: arrival.httpVersion,
    headers: headers.headers.map(([name, value]) => [name, withoutOwn(value, secrets)]),
    credential: usedCredential(arrival, policy.salt()),
    redactions,
  };
  const accountId = arrival.credential?.accountId ?? null;
  if (accountId !== null) head.accountId = accountId;
  return recordingOf(journal.begin(head, recorded), secrets, bodies);
}

/** `drop`: bodies are not recorded at all; `keep`: as they passed. */
function recordingOf(
  file: ExchangeJournal,
  secrets: readonly string[],
  bodies: 'mask' | 'keep' | 'drop',
): Recording {
  const later: Redaction[] = [];
  const noted = new Set<string>();
  const clean = (bytes: Buffer, path: string): Buffer => {
    if (bodies === 'keep') return bytes;
    const { bytes: out, kinds } = redactOwn(bytes, secrets);
    for (const kind of kinds) {
      if (noted.has(`${path} ${kind}`)) continue;
      noted.add(`${path} ${kind}`);
      later.push({ path, kind });
    }
    return out;
  };
  return {
    requestBody(body) {
      if (bodies !== 'drop' && body.length > 0) file.body(clean(body, 'requestBody'));
    },
    responseHead({ status, statusText, rawHeaders, ours }) {
      const { headers, redactions } = redactHeaders(pairs(rawHeaders), 'responseHeaders');
      later.push(...redactions);
      const head: ResponseHead = {
        status,
        statusText: masked(statusText, secrets),
        headers: headers.map(([name, value]) => [name, withoutOwn(value, secrets)]),
        ours,
      };
      file.responseHead(head);
    },
    chunk(bytes, more) {
      if (bodies !== 'drop') file.chunk(clean(bytes, 'responseBody'), more);
    },
    flush() {
      file.flush();
    },
    end({ reason, error, requestNote, responseNote }) {
      const said = error === null ? null : { code: error.code, message: masked(error.message, secrets) };
      const frame: EndFrame = { reason, error: said, requestBodyNote: requestNote };
      if (responseNote !== null) frame.responseBodyNote = responseNote;
      if (later.length > 0) frame.redactions = later;
      file.end(frame);
    },
    unsettled: () => file.unsettled(),
    late: () => {
      file.late();
    },
  };
}

const masked = (text: string, secrets: readonly string[]): string =>
  withoutOwn(redactText(text).text, secrets);

function withoutOwn(text: string, secrets: readonly string[]): string {
  if (!text.includes('cnp_live_') && !secrets.some((secret) => text.includes(secret))) return text;
  return redactOwn(Buffer.from(text), secrets).bytes.toString();
}

/** Keyed fingerprint of what went upstream: a client key says nothing of the account that pays. */
function usedCredential({ credential, rawHeaders }: Arrival, salt: string | null): RequestHead['credential'] {
  if (credential === null) return fingerprint(rawHeaders, salt);
  const { kind, text } = credential.identity;
  return salt === null ? null : { kind, fingerprint: keyed(salt, text) };
}

/**
 * A keyed fingerprint of the client's credential (SPEC 2.2). An API key in `Authorization` (the SDK sends it there) is
 * an API key all the same: the account it belongs to must not depend on the header.
 */
export function fingerprint(rawHeaders: readonly string[], salt: string | null): RequestHead['credential'] {
  if (salt === null) return null;
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headerValue(rawHeaders, 'authorization') ?? '')?.[1];
  const key = headerValue(rawHeaders, 'x-api-key');
  const hasKey = key !== null && key !== '';
  const credential = hasKey ? key : bearer;
  if (credential === undefined) return null;
  return {
    kind: hasKey || credential.startsWith('sk-ant-api') ? 'api-key' : 'bearer',
    fingerprint: keyed(salt, credential),
  };
}

/** The last one: clients send the same credential each time, and an HMAC takes 50 µs. */
let latest = { salt: '', credential: '', hex: '' };

function keyed(salt: string, credential: string): string {
  if (latest.salt !== salt || latest.credential !== credential) {
    latest = { salt, credential, hex: createHmac('sha256', salt).update(credential).digest('hex') };
  }
  return latest.hex;
}
