/**
 * Secrets out of text, headers, paths and bytes. Pure: a table of patterns and four functions over it. Every pattern is
 * linear (no nested repetition), so hostile input costs no more than its length.
 */

export interface Redaction {
  /** Where: `requestHeaders.authorization`, `requestBody`, `path` … */
  path: string;
  kind: string;
}

/** What is masked in bodies: the product's own keys, every kind of the table, nothing (SPEC 3.3). */
export type RedactBodies = 'own' | 'all' | 'none';

interface SecretPattern {
  kind: string;
  pattern: RegExp;
  /** What stays in place of a match; `$1` is what makes the kind recognisable to a reader. */
  mask: string;
}

/** The patterns of SPEC 3.3, masked as SPEC 11.3 says (`sk-ant-****`, `Bearer ****`). */
const secretPatterns: readonly SecretPattern[] = [
  {
    kind: 'pem',
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g,
    mask: '-----PRIVATE KEY ****-----',
  },
  { kind: 'anthropic-key', pattern: /(sk-ant-)[A-Za-z0-9_-]{8,}/g, mask: '$1****' },
  { kind: 'nexus-key', pattern: /(cnp_live_)[A-Za-z0-9_-]{8,}/g, mask: '$1****' },
  { kind: 'bearer', pattern: /\b(Bearer\s{1,8})[A-Za-z0-9._~+/=-]{8,}/gi, mask: '$1****' },
  { kind: 'basic', pattern: /\b(Basic\s{1,8})[A-Za-z0-9+/=]{12,}/g, mask: '$1****' },
  { kind: 'github-token', pattern: /(gh[pousr]_)[A-Za-z0-9]{16,}/g, mask: '$1****' },
  { kind: 'github-token', pattern: /(github_pat_)[A-Za-z0-9_]{16,}/g, mask: '$1****' },
  { kind: 'google-key', pattern: /(AIza)[A-Za-z0-9_-]{30,}/g, mask: '$1****' },
  { kind: 'slack-token', pattern: /(xox[a-z]-)[A-Za-z0-9-]{8,}/g, mask: '$1****' },
  { kind: 'slack-webhook', pattern: /(hooks\.slack\.com\/services\/)[A-Za-z0-9/_-]{8,}/g, mask: '$1****' },
  { kind: 'aws-key', pattern: /\b((?:AKIA|ASIA))[A-Z0-9]{16}\b/g, mask: '$1****' },
  {
    kind: 'aws-key',
    pattern: /(aws_secret_access_key["']?\s{0,4}[=:]\s{0,4}["']?)[A-Za-z0-9/+=]{30,}/gi,
    mask: '$1****',
  },
  {
    kind: 'url-password',
    pattern: /([a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,200}:)[^\s/@*]{1,400}(?=@)/gi,
    mask: '$1****',
  },
];

/** What every secret of the table has in it: most texts have nothing of it, and one look tells. */
const hint =
  /sk-ant-|cnp_live_|bearer\s|basic\s|gh[pousr]_|github_pat_|AIza|xox|hooks\.slack|AKIA|ASIA|aws_secret|PRIVATE KEY|:\/\//i;

/** `text` without secrets, and the kinds that were found (each once). Never throws; applying it twice changes nothing more. */
export function redactText(text: string): { text: string; kinds: string[] } {
  if (!hint.test(text)) return { text, kinds: [] };
  const kinds = new Set<string>();
  let out = text;
  for (const { kind, pattern, mask } of secretPatterns) {
    const next = out.replace(pattern, mask);
    if (next !== out) kinds.add(kind);
    out = next;
  }
  return { text: out, kinds: [...kinds] };
}

/** Header names that are a credential by themselves; `…-tokens-remaining` and the like are not. */
const credentialHeader =
  /(?:^|[-_])(?:authorization|cookie2?|api[-_]?key|token|secret|password|passwd|credentials?|dashboard-key)$/i;

/**
 * Headers fit for the disk: the value of a credential header becomes `[redacted]`, secrets inside other values are
 * masked. `where` is the prefix of the noted paths (`requestHeaders`, `responseHeaders`).
 */
export function redactHeaders(
  headers: readonly (readonly [string, string])[],
  where: string,
): { headers: [string, string][]; redactions: Redaction[] } {
  const out: [string, string][] = [];
  const redactions: Redaction[] = [];
  for (const [name, value] of headers) {
    const path = `${where}.${name.toLowerCase()}`;
    if (credentialHeader.test(name)) {
      out.push([name, '[redacted]']);
      redactions.push({ path, kind: 'credential' });
      continue;
    }
    const { text, kinds } = redactText(value);
    out.push([name, text]);
    for (const kind of kinds) redactions.push({ path, kind });
  }
  return { headers: out, redactions };
}

const credentialParameter =
  /^(?:.*[-_.])?(?:token|key|apikey|secret|password|passwd|pwd|code|code_verifier|signature|sig|credential|auth|authorization|session|jwt)$/i;

/** Path and query fit for the disk: values of parameters that name a credential become `[redacted]`. */
export function redactPath(path: string): { path: string; redactions: Redaction[] } {
  const redactions: Redaction[] = [];
  const mark = path.indexOf('?');
  let out = path;
  if (mark !== -1) {
    const parts = path.slice(mark + 1).split('&');
    const masked = parts.map((part) => {
      const equals = part.indexOf('=');
      if (equals === -1 || equals === part.length - 1) return part;
      const name = part.slice(0, equals);
      if (!credentialParameter.test(decoded(name))) return part;
      redactions.push({ path: `path.${name}`, kind: 'credential' });
      return `${name}=[redacted]`;
    });
    out = `${path.slice(0, mark)}?${masked.join('&')}`;
  }
  const { text, kinds } = redactText(out);
  for (const kind of kinds) redactions.push({ path: 'path', kind });
  return { path: text, redactions };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // Not percent-encoded UTF-8: the name as it stands is the best there is to judge by.
    return name;
  }
}

/** Shorter strings are no secret, and masking them would spoil every body they happen to occur in. */
const SHORTEST_OWN_SECRET = 8;
const clientKeyPrefix = Buffer.from('cnp_live_');
/** Searched for instead: `_` is rare in text where `c` is not, which makes the search 30 × faster (0.01 ms for 1 MB). */
const clientKeyProbe = Buffer.from('_live_');
const PROBE_AT = clientKeyPrefix.length - clientKeyProbe.length;
const STAR = 0x2a;

/**
 * `bytes` without the product's own keys: `cnp_live_…` and each of `secrets` (the sidecar's token, the path key).
 * Masked with `*` of the same length, so that content-length, offsets and JSON stay right. The input is not changed:
 * without a match it is returned itself, else a copy is.
 */
export function redactOwn(bytes: Buffer, secrets: readonly string[]): { bytes: Buffer; kinds: string[] } {
  let out = bytes;
  const kinds = new Set<string>();
  const mask = (from: number, to: number, kind: string): void => {
    if (out === bytes) out = Buffer.from(bytes);
    out.fill(STAR, from, to);
    kinds.add(kind);
  };
  for (let at = out.indexOf(clientKeyProbe); at !== -1; at = out.indexOf(clientKeyProbe, at + 1)) {
    const from = at + clientKeyProbe.length;
    if (at < PROBE_AT || out.compare(clientKeyPrefix, 0, PROBE_AT, at - PROBE_AT, at) !== 0) continue;
    let to = from;
    while (to < out.length && isBase64Url(out[to])) to++;
    if (to - from >= SHORTEST_OWN_SECRET) mask(from, to, 'nexus-key');
  }
  for (const secret of secrets) {
    if (secret.length < SHORTEST_OWN_SECRET) continue;
    const needle = Buffer.from(secret);
    for (let at = out.indexOf(needle); at !== -1; at = out.indexOf(needle, at + needle.length)) {
      mask(at, at + needle.length, 'nexus-token');
    }
  }
  return { bytes: out, kinds: [...kinds] };
}

function isBase64Url(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x5f
  );
}
