import { advise, type Advice, type Trouble, type TroubleCode } from './problems.ts';

/** What to run to try the same once more. */
export interface Again {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * What to tell about a command on accounts and keys that came to nothing: Claude's traffic is not touched by it, so it
 * says no more than what happened, with one way out.
 */
export function adviseAccount(trouble: Trouble, domain: string | null, again: Again): Advice {
  const { code, detail } = trouble;
  const kind = (sentence: string, button: string, command: string, args: readonly string[]): Advice => ({
    sentence,
    detail: plain(detail),
    button,
    command,
    args,
  });
  if (code === 'login_refused') {
    return kind('{0}', 'Log in…', 'claudeNexus.logIn', domain === null ? [] : [domain]);
  }
  if (code === 'invalid_credential_file') {
    return kind('{0}', 'Open folder', 'claudeNexus.openCredentialsFolder', []);
  }
  return TRY_AGAIN.has(code) ? kind('{0}', 'Try again', again.command, again.args) : advise(trouble);
}

const TRY_AGAIN: ReadonlySet<TroubleCode> = new Set([
  'bad_request',
  'not_found',
  'login_unreachable',
  'data_dir_not_writable',
]);

/** A sentence of its own, without the advice for the command line. */
function plain(detail: string): string {
  const words = detail.replace(/[:,;]? ?(?:log in again: )?claude-nexus auth login \S+/gi, '').trim();
  const ended = /[.!?]$/.test(words) ? words : `${words}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
