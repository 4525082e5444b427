import { expect, it } from 'vitest';
import { conversationFile } from './file-names.ts';

it.each([
  ['Fix the flaky test!', 'fix-the-flaky-test-0192f0c1'],
  ['Über „uns“', 'uber-uns-0192f0c1'],
  ['../../etc/passwd\r\nx: y', 'etc-passwd-x-y-0192f0c1'],
  ['日本語', 'conversation-0192f0c1'],
  ['CON', 'con-0192f0c1'],
])('%s → %s', (title, expected) => {
  expect(conversationFile(title, '0192f0c1-2b3c-7d4e-8f50-0123456789ab')).toBe(expected);
});
