import type { Dispatcher } from 'undici';
import type { Log } from '../log.ts';
import type { FinishedExchange } from './finished.ts';
import type { Journal } from './journal.ts';
import type { Arrival, RecordPolicy } from './record.ts';
import type { SendOptions } from './attempt.ts';
import type { TrafficLog } from './traffic-log.ts';
import type { Upstream } from './upstream.ts';

/** What all exchanges of a proxy share. */
export interface ExchangeContext {
  upstream: Upstream;
  dispatcher: Dispatcher;
  journal: Journal | null;
  policy: RecordPolicy;
  send: SendOptions;
  bodyLimit: number;
  recordLimit: number;
  lastWriteMs: number;
  log: Log;
  /** Told once of every exchange that has ended for its client, and of every further try. */
  meter: Meter | null;
  trafficLog: ((arrival: Arrival) => TrafficLog) | null;
  /** While true, responses end their connection. */
  isClosing: () => boolean;
}

/** Whoever counts exchanges. */
export interface Meter {
  finished(exchange: FinishedExchange): void;
  retried(): void;
}
