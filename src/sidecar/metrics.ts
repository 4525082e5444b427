import type { SidecarStatus } from '../protocol/status.ts';
import { Counter, Histogram, prometheusText, type Labels, type Metric, type Sample } from './prometheus.ts';
import type { FinishedExchange } from './proxy/finished.ts';
import type { TallySnapshot } from './recorder/tally.ts';

/** Bounds in seconds, from what a cached answer takes to the longest streams. */
const FIRST_BYTE_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600];
const WHOLE_BOUNDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600, 1200];

export interface Metrics {
  /** An exchange that has ended, for its client. */
  finished(exchange: FinishedExchange): void;
  /** The upstream is tried again. */
  retried(): void;
  /** The page of `GET /metrics`. */
  text(status: SidecarStatus, tally: TallySnapshot): string;
}

/**
 * What Prometheus is told (SPEC 11.4): since the start, of all traffic; only statuses, kinds of paths and types are
 * labels, never a model, a host or anything else a client may choose. What the recorder's thread counts begins anew
 * with that thread, as counters may.
 */
export function createMetrics(): Metrics {
  const requests = new Counter();
  const errors = new Counter();
  const retries = new Counter();
  const firstByte = new Histogram(FIRST_BYTE_BOUNDS);
  const whole = new Histogram(WHOLE_BOUNDS);
  retries.add({}, 0);
  return {
    finished({ path, status, error, firstByteMs, durationMs }) {
      requests.add({ path, status: status === null ? 'none' : `${String(Math.floor(status / 100))}xx` });
      if (error !== null) errors.add({ code: error });
      if (firstByteMs !== null) firstByte.observe({ path }, firstByteMs / 1000);
      whole.observe({ path }, durationMs / 1000);
    },
    retried: () => {
      retries.add({});
    },
    text: (status, tally) =>
      prometheusText([
        metric('requests_total', 'counter', 'Exchanges, by kind of path and class of the answer', requests),
        metric(
          'errors_total',
          'counter',
          'Exchanges that did not end as the upstream meant, by reason',
          errors,
        ),
        metric('upstream_retries_total', 'counter', 'Tries of the upstream after the first one', retries),
        metric(
          'first_byte_seconds',
          'histogram',
          'From the request to the first byte of its answer',
          firstByte,
        ),
        metric('duration_seconds', 'histogram', 'From the request to the end of its answer', whole),
        gauge('active_requests', 'Exchanges under way', status.activeRequests),
        ...ofRecorder(status, tally),
        ...ofProcess(status),
      ]),
  };
}

function ofRecorder({ recorder, database }: SidecarStatus, tally: TallySnapshot): Metric[] {
  const recorded = tally.recorded.map(({ type, state, count }) => sample(count, { type, state }));
  const tokens = Object.entries(tally.tokens).map(([kind, count]) => sample(count, { kind }));
  return [
    { ...named('recorded_total', 'counter', 'Exchanges in the store, by type and state'), samples: recorded },
    { ...named('tokens_total', 'counter', 'Tokens the upstream has counted, by kind'), samples: tokens },
    gauge('recorder_pending', 'Exchanges that wait to be recorded', recorder.pending),
    gauge('recorder_failed_total', 'Exchanges that could not be recorded', recorder.failed, 'counter'),
    gauge('recorder_dropped_total', 'Exchanges whose recording was given up', recorder.dropped, 'counter'),
    gauge(
      'recorder_late_total',
      'Exchanges answered before the journal had them',
      recorder.late ?? 0,
      'counter',
    ),
    gauge('journal_bytes', 'Bytes in the journal that wait to be recorded', recorder.journalBytes ?? 0),
    gauge('database_up', 'Whether the database can be used', database.version === null ? 0 : 1),
  ];
}

function ofProcess({ uptimeMs, version }: SidecarStatus): Metric[] {
  const { rss, heapUsed, external } = process.memoryUsage();
  return [
    { ...named('info', 'gauge', 'The version that runs'), samples: [sample(1, { version })] },
    gauge('uptime_seconds', 'Since the start', uptimeMs / 1000),
    {
      ...named('memory_bytes', 'gauge', 'Memory of the process; heap and external are the main thread’s'),
      samples: [
        sample(rss, { kind: 'resident' }),
        sample(heapUsed, { kind: 'heap' }),
        sample(external, { kind: 'external' }),
      ],
    },
  ];
}

const named = (name: string, type: Metric['type'], help: string): Omit<Metric, 'samples'> => ({
  name: `claude_nexus_${name}`,
  help: `${help}.`,
  type,
});
const sample = (value: number, labels: Labels = {}): Sample => ({ labels, value });
const gauge = (name: string, help: string, value: number, type: Metric['type'] = 'gauge'): Metric => ({
  ...named(name, type, help),
  samples: [sample(value)],
});
const metric = (name: string, type: Metric['type'], help: string, from: { samples(): Sample[] }): Metric => ({
  ...named(name, type, help),
  samples: from.samples(),
});
