import { expect, test } from 'vitest';
import { countFailedAttempts } from '../failed-attempts.ts';
import { createGate, isAllowed, type Gate } from './auth.ts';

const token = 'token-0123456789';
let clock = 0;

function gateWith(dashboardKey: string | null): Gate {
  clock = 0;
  return createGate({
    token,
    dashboardKey,
    port: () => 3000,
    now: () => clock,
    attempts: countFailedAttempts(() => clock),
  });
}

function check(
  gate: Gate,
  headers: Record<string, string>,
  session: string | undefined,
  expected: boolean,
): void {
  expect(isAllowed(gate, (name) => headers[name], session)).toBe(expected);
}

test('the token and the dashboard key open, in either header; nothing else does', () => {
  const gate = gateWith('dashboard-key-0123');
  check(gate, { authorization: `Bearer ${token}` }, undefined, true);
  check(gate, { 'x-dashboard-key': token }, undefined, true);
  check(gate, { 'x-dashboard-key': 'dashboard-key-0123' }, undefined, true);
  check(gate, { authorization: 'bearer dashboard-key-0123' }, undefined, true);
  check(gate, {}, undefined, false);
  check(gate, { authorization: token }, undefined, false);
  check(gate, { authorization: `Basic ${token}` }, undefined, false);
  check(gate, { authorization: `Bearer ${token}x` }, undefined, false);
  check(gate, { 'x-api-key': token }, undefined, false);
  check(gate, { 'x-dashboard-key': '' }, undefined, false);
});

test('no dashboard key configured does not mean open', () => {
  const gate = gateWith(null);
  check(gate, { 'x-dashboard-key': '' }, undefined, false);
  check(gate, { 'x-dashboard-key': 'null' }, undefined, false);
  check(gate, { 'x-dashboard-key': 'undefined' }, undefined, false);
});

test('a code opens one session within a minute', () => {
  const gate = gateWith(null);
  const code = gate.issueCode();
  const session = gate.openSession({ code });
  expect(session).not.toBeNull();
  check(gate, {}, session ?? undefined, true);
  expect(gate.openSession({ code })).toBeNull();

  const late = gate.issueCode();
  clock += 60_000;
  expect(gate.openSession({ code: late })).toBeNull();
});

test('a session holds no key, ends, and does not outweigh a wrong key', () => {
  const gate = gateWith(null);
  expect(gate.openSession({ key: 'wrong' })).toBeNull();
  const session = gate.openSession({ key: token }) ?? '';
  expect(session).not.toContain(token);
  check(gate, { 'x-dashboard-key': 'wrong' }, session, false);
  check(gate, {}, session, true);
  clock += gate.sessionSeconds * 1000;
  check(gate, {}, session, false);
});
