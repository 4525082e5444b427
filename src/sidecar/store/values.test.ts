import { describe, expect, it } from 'vitest';
import { isoTime, parseTimestamp, timestamp } from './values.ts';

describe('times of the store', () => {
  const noon = Date.UTC(2026, 2, 2, 12, 0, 7);

  it.each([
    ['2026-03-02 12:00:07+00', noon],
    ['2026-03-02 12:00:07.5+00', noon + 500],
    ['2026-03-02 12:00:07.123+00', noon + 123],
    ['2026-03-02 12:00:07.000001+00', noon + 0.001],
    ['2026-03-02 12:00:07.123456+00', noon + 123.456],
    // As JSON has them.
    ['2026-03-02T12:00:07+00:00', noon],
    ['2026-03-02T12:00:07.123456+00:00', noon + 123.456],
    // A server of another zone.
    ['2026-03-02 14:00:07.25+02', noon + 250],
    ['2026-03-02 17:30:07+05:30', noon],
    ['2026-03-02T17:30:07.25+05:30', noon + 250],
    // What `Date.UTC` would take for 1999.
    ['0099-01-01 00:00:00+00', Date.parse('0099-01-01T00:00:00Z')],
  ])('reads %s', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it.each(['infinity', '-infinity', '', 'soon'])('takes %j for no time', (text) => {
    expect(parseTimestamp(text)).toBeNaN();
  });

  it('reads what it writes, to the microsecond', () => {
    for (const ms of [noon, noon + 0.001, noon + 999.999, noon + 12.34]) {
      expect(parseTimestamp(timestamp(ms).replace('T', ' ').replace('Z', '+00'))).toBe(ms);
    }
  });

  it('shows whole milliseconds', () => {
    expect(isoTime(noon + 123.999)).toBe('2026-03-02T12:00:07.123Z');
  });
});
