import { describe, expect, test } from 'vitest';
import type { ClientKeyRow, CredentialList, CredentialRow } from '../protocol/credentials.ts';
import {
  accountNodes,
  contextOf,
  describeAccount,
  describeKey,
  explainAccount,
  THIS_MACHINE,
  type AccountNode,
  type Translate,
} from './accounts.ts';
import type { KeptKey } from './api-keys.ts';

const UPSTREAM = 'https://api.example';
const now = new Date(2026, 10, 26, 9, 30);
const at = (day: number, hour: number): string => new Date(2026, 10, day, hour, 2).toISOString();
const t: Translate = (sentence, ...values) =>
  sentence.replaceAll(/\{(\d)\}/g, (_, index: string) => values[Number(index)] ?? '');

const row = (more: Partial<CredentialRow> = {}): CredentialRow => ({
  domain: THIS_MACHINE,
  source: 'file',
  file: `${more.domain ?? THIS_MACHINE}.credentials.json`,
  type: 'api_key',
  accountId: null,
  state: 'usable',
  expiresAt: null,
  lastRefusal: null,
  problem: null,
  notice: null,
  ...more,
});
const held = row({ source: 'vscode', file: null });
const login = (more: Partial<CredentialRow> = {}): CredentialRow =>
  row({ type: 'oauth', expiresAt: at(26, 14), ...more });
const key = (domain: string, more: Partial<ClientKeyRow> = {}): ClientKeyRow => ({
  id: '0a1b2c3d',
  name: 'laptop',
  domain,
  createdAt: at(24, 9),
  ...more,
});

function nodesOf(given: Partial<CredentialList>, kept: Record<string, Partial<KeptKey>> = {}): AccountNode[] {
  const list = {
    dir: '/made/up',
    upstream: UPSTREAM,
    credentials: [],
    clientKeys: [],
    problems: [],
    warnings: [],
    ...given,
  };
  const keys = Object.entries(kept).map(([domain, more]): [string, KeptKey] => [
    domain,
    { apiKey: 'sk-ant-made-up', upstream: UPSTREAM, ...more },
  ]);
  return accountNodes(list, new Map(keys));
}

/** The one domain of a list, as `icon's words | menu`. */
function check(
  credential: CredentialRow | null,
  expected: string,
  kept: Record<string, Partial<KeptKey>> = {},
): void {
  const nodes = nodesOf({ credentials: credential === null ? [] : [credential] }, kept);
  const domains = nodes.flatMap((node) => (node.kind === 'domain' ? [node] : []));
  expect(domains.map((node) => `${describeAccount(node, now, t)} | ${contextOf(node)}`)).toEqual([expected]);
}

describe('what stands in the view', () => {
  test('nothing at all where nothing is stored: the welcome text explains it', () => {
    expect(nodesOf({})).toEqual([]);
    expect(nodesOf({ problems: ['/made/up does not exist, so no credentials are stored.'] })).toEqual([]);
  });
  test('this machine first, then by name, then what belongs to no domain', () => {
    const nodes = nodesOf({
      credentials: [row({ domain: 'b.example' }), row()],
      clientKeys: [key('a.example')],
      problems: ['odd.txt is odd.'],
    });
    expect(nodes.map((node) => (node.kind === 'domain' ? node.domain : node.kind))).toEqual([
      THIS_MACHINE,
      'a.example',
      'b.example',
      'problem',
    ]);
  });
  test('that Claude here uses its own log-in, where something is stored for others', () => {
    expect(nodesOf({ credentials: [row({ domain: 'b.example' })] }).map(({ kind }) => kind)).toEqual([
      'passthrough',
      'domain',
    ]);
  });
  test('and not twice where a key for this machine waits to be entered again', () => {
    const kept = { [THIS_MACHINE]: { upstream: 'https://evil.example' } };
    expect(nodesOf({}, kept).map(({ kind }) => kind)).toEqual(['domain']);
  });
  test('client keys below their domain', () => {
    const [node] = nodesOf({ credentials: [row()], clientKeys: [key(THIS_MACHINE), key('a.example')] });
    expect(node).toMatchObject({ keys: [{ domain: THIS_MACHINE }] });
  });
});

test('each state in words, and what its menu offers', () => {
  check(row(), 'API key | domain file api_key usable');
  check(row({ accountId: 'team' }), 'API key · team | domain file api_key usable');
  check(held, 'API key | domain vscode api_key usable kept', { [THIS_MACHINE]: {} });
  check(login(), 'Log-in until 14:02 | domain file oauth usable');
  check(login({ expiresAt: at(28, 14) }), 'Log-in until 2026-11-28 14:02 | domain file oauth usable');
  check(login({ state: 'due' }), 'Log-in, renewed by the next request | domain file oauth due');
  check(login({ expiresAt: at(26, 9) }), 'Log-in, renewed by the next request | domain file oauth usable');
  check(login({ state: 'refused' }), 'Log-in refused | domain file oauth refused');
  check(row({ type: null, state: 'invalid' }), 'File cannot be used | domain file invalid');
  check(login(), 'Log-in until 14:02 | domain file oauth usable kept', { [THIS_MACHINE]: {} });
  check(null, 'API key for another upstream | domain kept', {
    [THIS_MACHINE]: { upstream: 'https://evil.example' },
  });
});

test('sentences for the tooltip', () => {
  const explain = (credential: CredentialRow): string => {
    const [node] = nodesOf({ credentials: [credential] });
    return node?.kind === 'domain' ? explainAccount(node, now, t) : '';
  };
  expect(explain(held)).toMatch(/kept by VS Code/);
  expect(explain(row())).toMatch(/API key in 127\.0\.0\.1\.credentials\.json/);
  expect(
    explain(login({ state: 'refused', lastRefusal: { at: at(26, 9), answer: '400 invalid_grant' } })),
  ).toMatch(/\(400 invalid_grant\)\. Log in again/);
  expect(explain(row({ type: null, state: 'invalid', problem: 'x.json: is not JSON.' }))).toMatch(
    /^x\.json: is not JSON\./,
  );
});

test('client keys: their age, or where they stand', () => {
  expect(describeKey(key('a.example'), now, t)).toBe('2 d');
  expect(describeKey(key('a.example', { id: null, createdAt: null }), now, t)).toBe('in the credential file');
  expect(contextOf({ kind: 'clientKey', key: key('a.example') })).toBe('clientKey');
  expect(contextOf({ kind: 'clientKey', key: key('a.example', { id: null }) })).toBe('clientKey file');
});
