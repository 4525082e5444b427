import { describe, expect, it } from 'vitest';
import { redactOwn } from './redact-own.ts';

describe("the product's own keys in bytes", () => {
  it('are masked at the same length, in a copy', () => {
    const key = 'cnp_live_abcdefghijklmnop-_12';
    const token = 'the-sidecar-token';
    const text = `{"a":"${key}","b":"${key}","c":"${token}${token}","d":"é"}`;
    const given = Buffer.from(text);
    const { bytes, kinds } = redactOwn(given, [token, 'short']);
    expect(given.toString()).toBe(text);
    expect(bytes).toHaveLength(given.length);
    const stars = (n: number): string => '*'.repeat(n);
    expect(JSON.parse(bytes.toString())).toEqual({
      a: `cnp_live_${stars(key.length - 9)}`,
      b: `cnp_live_${stars(key.length - 9)}`,
      c: stars(2 * token.length),
      d: 'é',
    });
    expect(kinds).toEqual(['nexus-key', 'nexus-token']);
  });

  it('cost no copy where there are none', () => {
    const given = Buffer.from('nothing of cnp_live_ here, and short is too short');
    expect(redactOwn(given, ['short'])).toEqual({ bytes: given, kinds: [] });
    expect(redactOwn(given, ['short']).bytes).toBe(given);
  });
});
