import type { ClientKeyRow, CredentialList, CredentialRow } from '../protocol/credentials.ts';
import { formatAbsolute, formatAge, formatHour } from '../wording/times.ts';
import type { KeptKey } from './api-keys.ts';

/** The domain of clients on this machine: the host of the base URL that terminals get. */
export const THIS_MACHINE = '127.0.0.1';

/** What stands in the view of accounts and keys. */
export type AccountNode =
  /** Claude on this machine uses its own log-in, although something is stored for others. */
  | { readonly kind: 'passthrough' }
  | AccountDomain
  | { readonly kind: 'clientKey'; readonly key: ClientKeyRow }
  /** Something in the credentials directory that belongs to no domain. */
  | { readonly kind: 'problem'; readonly text: string };

export interface AccountDomain {
  readonly kind: 'domain';
  readonly domain: string;
  /** null: there are client keys for it and nothing they could open. */
  readonly credential: CredentialRow | null;
  readonly keys: readonly ClientKeyRow[];
  /** Whether VS Code has an API key for it: `unused`, a file comes first; `elsewhere`, it is for another upstream. */
  readonly kept: 'none' | 'used' | 'unused' | 'elsewhere';
}

/** The roots of the view; none when nothing at all is stored. `kept`: the keys that VS Code has. */
export function accountNodes(list: CredentialList, kept: ReadonlyMap<string, KeptKey>): AccountNode[] {
  const names = new Set([
    ...list.credentials.map(({ domain }) => domain),
    ...list.clientKeys.map(({ domain }) => domain),
    ...kept.keys(),
  ]);
  const domains = [...names].map((domain): AccountDomain => {
    const credential = list.credentials.find((row) => row.domain === domain) ?? null;
    const keys = list.clientKeys.filter((key) => key.domain === domain);
    return { kind: 'domain', domain, credential, keys, kept: useOf(kept.get(domain), credential, list) };
  });
  const problems = list.problems.filter((text) => !text.endsWith(NO_DIRECTORY));
  const nodes: AccountNode[] = [
    ...domains.sort(thisMachineFirst),
    ...problems.map((text): AccountNode => ({ kind: 'problem', text })),
  ];
  const isOwn = nodes.length > 0 && !names.has(THIS_MACHINE);
  return isOwn ? [{ kind: 'passthrough' }, ...nodes] : nodes;
}

/** Nobody has stored anything yet: no trouble of the user's. */
const NO_DIRECTORY = 'does not exist, so no credentials are stored.';

function useOf(
  key: KeptKey | undefined,
  credential: CredentialRow | null,
  list: CredentialList,
): AccountDomain['kept'] {
  if (key === undefined) return 'none';
  if (key.upstream !== list.upstream) return 'elsewhere';
  return credential?.source === 'file' ? 'unused' : 'used';
}

function thisMachineFirst(a: AccountDomain, b: AccountDomain): number {
  const rank = ({ domain }: AccountDomain): string => (domain === THIS_MACHINE ? '' : domain);
  return rank(a) < rank(b) ? -1 : 1;
}

/** What is the matter with a domain, as its icon and its words tell. */
export type AccountState =
  'apiKey' | 'login' | 'due' | 'refused' | 'invalid' | 'elsewhere' | 'waiting' | 'nothing';

/** `now`: a token that was good when the list came may have ended since. */
export function accountState({ credential, kept }: AccountDomain, now: Date): AccountState {
  // A key that was kept and is not there yet is handed over at this moment.
  if (credential === null) {
    return kept === 'elsewhere' ? 'elsewhere' : kept === 'none' ? 'nothing' : 'waiting';
  }
  if (credential.type === 'api_key') return 'apiKey';
  if (credential.state !== 'usable') return credential.state;
  return Date.parse(credential.expiresAt ?? '') <= now.getTime() ? 'due' : 'login';
}

/** Puts arguments into a sentence and takes the user's language, as `vscode.l10n.t` does. */
export type Translate = (sentence: string, ...values: string[]) => string;

/** The dim text beside a domain: `Log-in until 14:02`. Times are the user's; With a date where 24 hours from `now` are not enough. */
export function describeAccount(node: AccountDomain, now: Date, t: Translate): string {
  const account = node.credential?.accountId ?? null;
  const words = WORDS[accountState(node, now)];
  const text = t(words, until(node.credential?.expiresAt ?? null, now));
  return account === null ? text : `${text} · ${account}`;
}

const WORDS: Readonly<Record<AccountState, string>> = {
  apiKey: 'API key',
  login: 'Log-in until {0}',
  due: 'Log-in, renewed by the next request',
  refused: 'Log-in refused',
  invalid: 'File cannot be used',
  elsewhere: 'API key for another upstream',
  waiting: 'API key',
  nothing: 'No credential',
};

/** The dim text beside a client key: how long it has been there. */
export function describeKey({ id, createdAt }: ClientKeyRow, now: Date, t: Translate): string {
  if (id === null || createdAt === null) return t('in the credential file');
  return formatAge(Date.parse(createdAt), now.getTime());
}

/** A sentence for the tooltip: what a domain's credential means for whoever uses it. */
export function explainAccount(node: AccountDomain, now: Date, t: Translate): string {
  const { credential } = node;
  switch (accountState(node, now)) {
    case 'apiKey':
      return credential?.source === 'vscode'
        ? t('The API key is kept by VS Code and used for {0}.', clients(t))
        : t('The API key in {0} is used for {1}.', fileOf(node), clients(t));
    case 'login':
    case 'due':
      return t('The log-in in {0} is used for {1}. It is renewed by itself.', fileOf(node), clients(t));
    case 'refused':
      return t('Claude’s server does not accept the log-in any more ({0}). Log in again.', answerOf(node));
    case 'invalid':
      return t('{0} Until then nobody is served with it.', credential?.problem ?? '');
    case 'elsewhere':
      return t('The API key was entered for another upstream and is not sent to this one. Enter it again.');
    case 'waiting':
      return t('The API key is kept by VS Code and is being handed over.');
    case 'nothing':
      return t('There are client keys for this domain, and nothing they could open.');
  }
}

const clients = (t: Translate): string => t('clients with the base URL of Claude Nexus or a client key');
const fileOf = ({ credential }: AccountDomain): string => credential?.file ?? '';
const answerOf = ({ credential }: AccountDomain): string => credential?.lastRefusal?.answer ?? '';

/** What a menu asks for: `domain file oauth refused kept`. */
export function contextOf(node: AccountNode): string {
  if (node.kind === 'clientKey') return node.key.id === null ? 'clientKey file' : 'clientKey';
  if (node.kind !== 'domain') return node.kind;
  const { credential, kept } = node;
  return ['domain', credential?.source, credential?.type, credential?.state, kept === 'none' ? null : 'kept']
    .filter((word) => word !== null && word !== undefined)
    .join(' ');
}

const DAY_MS = 86_400_000;

/** `14:02` within a day, with its date otherwise. */
function until(expiresAt: string | null, now: Date): string {
  if (expiresAt === null) return '';
  const at = Date.parse(expiresAt);
  const isNear = Math.abs(at - now.getTime()) < DAY_MS;
  return isNear ? formatHour(at) : formatAbsolute(at).slice(0, -3);
}
