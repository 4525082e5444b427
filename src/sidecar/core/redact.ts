import { editText, MASK } from './redact-edits.ts';
import { findSecrets } from './redact-find.ts';

/**
 * Secrets out of text, headers and paths. Pure. The table of patterns is `redact-kinds.ts`, the search
 * `redact-find.ts`; bodies and streams have modules of their own.
 */

export interface Redaction {
  /** Where: `requestHeaders.authorization`, `requestBody`, `path` … */
  path: string;
  kind: string;
}

/** `text` without secrets, and the kinds that were found (each once). Never throws; applying it twice changes nothing more. */
export function redactText(text: string): { text: string; kinds: string[] } {
  const edits = findSecrets(text).map((secret) => ({ ...secret, mask: MASK }));
  return { text: editText(text, edits), kinds: [...new Set(edits.map(({ kind }) => kind))] };
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
