import { expect, it } from 'vitest';
import { sidecarStatus, type SidecarStatus } from '../protocol/status.ts';
import { RecorderWatch } from './recorder-health.ts';

const NOW = 1_000_000;
const status = (recorder: Partial<SidecarStatus['recorder']>): SidecarStatus =>
  sidecarStatus.parse({
    version: '1.0.0',
    uptimeMs: 1,
    database: { engine: 'pglite', version: '18' },
    upstream: 'https://api.anthropic.com',
    activeRequests: 0,
    windows: 1,
    recorder: { pending: 0, recorded: 1, failed: 0, dropped: 0, lastError: null, ...recorder },
  });

/** What a watch makes of one status after the other, `[seconds, what the recorder says, health, line]`. */
function check(...steps: [number, Partial<SidecarStatus['recorder']>, string, string?][]): void {
  const watch = new RecorderWatch();
  for (const [seconds, recorder, health, line] of steps) {
    const said = watch.take(status(recorder), NOW + seconds * 1000);
    expect([seconds, watch.health, said?.text]).toEqual([seconds, health, line]);
  }
}

it('an old sidecar, which says less, is well', () => {
  check([0, { pending: 3 }, 'well']);
});

it('is behind when the oldest waits for seconds, and says so once', () => {
  const waits = (pending: number): Partial<SidecarStatus['recorder']> => ({ pending, oldestPendingAt: NOW });
  check(
    [1, waits(40), 'well'],
    [6, waits(90), 'behind', 'Recording is behind: 90 exchanges wait to be stored, the oldest for 6.0 s.'],
    [9, waits(120), 'behind'],
    [12, { pending: 2, oldestPendingAt: NOW + 11_900 }, 'well', 'Recording has caught up.'],
    [15, {}, 'well'],
  );
});

it('is paused while the recorder has an error, whose line is in the sidecar’s log', () => {
  check(
    [0, {}, 'well'],
    [1, { lastError: 'away', pending: 1, oldestPendingAt: NOW }, 'paused'],
    [60, { lastError: 'away', pending: 50, oldestPendingAt: NOW }, 'paused'],
    [61, { pending: 30, oldestPendingAt: NOW }, 'behind'],
    [62, {}, 'well'],
  );
});

it('shows a loss for a minute, and only one that this window has seen', () => {
  check(
    [0, { dropped: 5 }, 'well'],
    [1, { dropped: 6, lastError: 'full' }, 'losing'],
    [60, { dropped: 6, lastError: 'full' }, 'losing'],
    [62, { dropped: 6, lastError: 'full' }, 'paused'],
    [63, { dropped: 6 }, 'well'],
  );
});

it('counts anew with another sidecar', () => {
  const watch = new RecorderWatch();
  watch.take(status({ dropped: 1 }), NOW);
  watch.reset();
  watch.take(status({ dropped: 9 }), NOW);
  expect(watch.health).toBe('well');
});
