import { expect, test } from 'vitest';
import { countFailedAttempts } from './failed-attempts.ts';

const LIMIT = 20;
let clock = 0;

/** Whether `asked` has to wait after `failures` of `address`. */
function check(address: string, failures: number, asked: string, expected: number | null): void {
  clock = 0;
  const attempts = countFailedAttempts(() => clock);
  for (let count = 0; count < failures; count++) attempts.failed(address);
  expect(attempts.waitOf(asked)).toBe(expected);
}

test('the twentieth failure within a minute is one too many', () => {
  check('192.0.2.1', 0, '192.0.2.1', null);
  check('192.0.2.1', LIMIT - 1, '192.0.2.1', null);
  check('192.0.2.1', LIMIT, '192.0.2.1', 60);
});

test('an address waits for itself alone', () => {
  check('192.0.2.1', LIMIT, '192.0.2.2', null);
  check('192.0.2.1', LIMIT, '::ffff:192.0.2.1', 60);
  check('2001:db8:1:2::1', LIMIT, '2001:db8:1:2:ffff:ffff:ffff:ffff', 60);
  check('2001:db8:1:2::1', LIMIT, '2001:db8:1:3::1', null);
  check('fe80::1%eth0', LIMIT, 'fe80::2%eth0', 60);
  check('::1', LIMIT, '::1', 60);
  check('', LIMIT, '192.0.2.1', null);
});

test('a minute after the first failure all is forgotten', () => {
  clock = 0;
  const attempts = countFailedAttempts(() => clock);
  for (let count = 0; count < LIMIT; count++) attempts.failed('192.0.2.1');
  clock = 59_001;
  expect(attempts.waitOf('192.0.2.1')).toBe(1);
  clock = 60_000;
  expect(attempts.waitOf('192.0.2.1')).toBeNull();
  attempts.failed('192.0.2.1');
  expect(attempts.waitOf('192.0.2.1')).toBeNull();
});

test('it remembers a thousand addresses, and forgets the first of more', () => {
  clock = 0;
  const attempts = countFailedAttempts(() => clock);
  const fail = (address: string, times: number): void => {
    for (let count = 0; count < times; count++) attempts.failed(address);
  };
  fail('first', LIMIT);
  fail('second', LIMIT);
  for (let count = 0; count < 998; count++) attempts.failed(`other ${String(count)}`);
  expect(attempts.waitOf('first')).toBe(60);
  attempts.failed('one more');
  expect(attempts.waitOf('first')).toBeNull();
  expect(attempts.waitOf('second')).toBe(60);
});
