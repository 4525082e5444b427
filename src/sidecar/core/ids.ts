import { randomUUID } from 'node:crypto';

/** A UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then random; sorts by time as text. */
export function uuidV7(now: number): string {
  const time = now.toString(16).padStart(12, '0');
  // A version 4 has its random bits and its variant in the same places; Node keeps a stock of them (`randomBytes` is 40 µs
  // in a process that is not warm).
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
