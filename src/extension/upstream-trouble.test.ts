import { expect, it } from 'vitest';
import { upstreamTrouble } from './upstream-trouble.ts';

it.each([
  [502, 'Claude Nexus could not reach https://api.example (ECONNREFUSED).', 'upstream_unreachable'],
  [504, 'Claude Nexus: https://api.example did not answer for 5 ms.', 'upstream_timeout'],
  [502, 'Bad gateway', undefined],
  [529, 'Overloaded', undefined],
  [401, 'Claude Nexus: not proved', undefined],
  [502, null, undefined],
])('%s %s → %s', (responseStatus, error, code) => {
  expect(upstreamTrouble({ responseStatus, error })?.code).toBe(code);
});

it('tells it without the error type', () => {
  const error = 'api_error: Claude Nexus could not reach https://api.example (ECONNREFUSED).';
  expect(upstreamTrouble({ responseStatus: 502, error })?.detail).toBe(error.slice('api_error: '.length));
});
