import { expect, test } from 'vitest';
import { presentedKeys } from './presented-keys.ts';

function check(rawHeaders: string[], expected: string[]): void {
  expect(presentedKeys(rawHeaders)).toEqual(expected);
}

test('every key in every header that can carry one', () => {
  check([], []);
  check(['Authorization', 'Bearer made-up'], ['made-up']);
  check(['AUTHORIZATION', 'bearer   made-up '], ['made-up']);
  check(
    ['X-Api-Key', 'one', 'authorization', 'Bearer two', 'x-dashboard-key', 'three'],
    ['one', 'two', 'three'],
  );
  check(['authorization', 'Bearer one', 'Authorization', 'Bearer two'], ['one', 'two']);
  check(['x-api-key', 'one, two'], ['one', 'two']);
  check(['x-api-key', 'same', 'authorization', 'Bearer same'], ['same']);
  check(['authorization', 'made-up'], ['made-up']);
  check(['authorization', 'Bearer'], []);
  check(['x-api-key', ''], []);
  check(['x-other', 'one', 'cookie', 'two'], []);
});
