import { NumberReader, NumberWriter, type NumberCoder } from './number-coder.ts';
import { looksUnique } from './stream-frames.ts';

export type HeaderPairs = [string, string][];

/** Headers with what differs from response to response taken out of them. */
export interface FoldedHeaders {
  /** Names in order with their values, null for those that are in `values`. Equal for most responses of a server. */
  shape: [string, string | null][];
  values: Buffer | null;
}

/** Headers whose value says something about one response, whatever it looks like. */
const VOLATILE = new Set([
  'age',
  'cf-ray',
  'date',
  'etag',
  'expires',
  'last-modified',
  'request-id',
  'retry-after',
  'server-timing',
  'set-cookie',
  'traceparent',
  'traceresponse',
  'x-envoy-upstream-service-time',
  'x-request-id',
]);

/** Headers that look like an id and stay the same. */
const STABLE = new Set(['anthropic-organization-id']);
const NUMBER = /^\d{1,15}(?:\.\d{1,15})?$/;

/**
 * Takes ids, numbers and times out of headers, so that what is left is stored once. `known`: values that the reader has
 * elsewhere.
 */
export function foldResponseHeaders(headers: HeaderPairs, known: readonly string[] = []): FoldedHeaders {
  const values: string[] = [];
  const shape = headers.map(([name, value]): [string, string | null] => {
    if (!isVolatile(name.toLowerCase(), value)) return [name, value];
    values.push(value);
    return [name, null];
  });
  if (values.length === 0) return { shape, values: null };
  const writer = new NumberWriter();
  codeValues(writer, values.length, values, known);
  return { shape, values: writer.finish() };
}

/** The headers that were folded, in their order; `known` as it was then (or nothing, where it was nothing). */
export function unfoldResponseHeaders(
  { shape, values }: FoldedHeaders,
  known: readonly string[] = [],
): HeaderPairs {
  const count = shape.filter(([, value]) => value === null).length;
  const given = codeValues(new NumberReader(values ?? Buffer.alloc(0)), count, [], known);
  let next = 0;
  return shape.map(([name, value]) => [name, value ?? given[next++] ?? '']);
}

const isVolatile = (name: string, value: string): boolean =>
  !STABLE.has(name) && (VOLATILE.has(name) || NUMBER.test(value) || looksUnique(value));

/** Ways to write a value; each gives its text back only for values it fits. */
const Way = { text: 0, again: 1, number: 2, seconds: 3, httpDate: 4, isoDate: 5 } as const;
const Context = { way: 0, again: 1, number: 2, clock: 3, milliseconds: 4 } as const;

/** Writes or reads values. Times are said as the distance from the time before: most lie close together. */
function codeValues(coder: NumberCoder, count: number, values: string[], known: readonly string[]): string[] {
  // Said as the distance back, so that values of before `known` read as they did.
  const out = [...known];
  let clock = 0;
  const codeClock = (seconds: number): number => {
    const apart = seconds - clock;
    const said = coder.number(Context.clock, apart < 0 ? -2 * apart - 1 : 2 * apart);
    return (clock += said % 2 === 1 ? -(said + 1) / 2 : said / 2);
  };
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? '';
    const last = out.length - 1;
    const before = out.lastIndexOf(value);
    switch (coder.number(Context.way, before < 0 ? wayOf(value) : Way.again)) {
      case Way.again:
        out.push(out[last - coder.number(Context.again, Math.max(0, last - before))] ?? '');
        break;
      case Way.number:
        out.push(String(coder.number(Context.number, Number(value))));
        break;
      case Way.seconds:
        out.push(String(codeClock(Number(value))));
        break;
      case Way.httpDate:
        out.push(httpDate(codeClock(Date.parse(value) / 1000)));
        break;
      case Way.isoDate: {
        const time = Date.parse(value);
        const seconds = codeClock(Math.floor(time / 1000));
        out.push(isoDate(seconds * 1000 + coder.number(Context.milliseconds, Math.abs(time % 1000))));
        break;
      }
      default:
        out.push(coder.bytes(Buffer.from(value)).toString());
    }
  }
  return out.slice(known.length);
}

function wayOf(value: string): number {
  if (/^\d{1,15}$/.test(value) && String(Number(value)) === value) {
    return value.length === 10 ? Way.seconds : Way.number;
  }
  const time = Date.parse(value);
  if (!(time >= 0)) return Way.text;
  if (httpDate(time / 1000) === value) return Way.httpDate;
  return isoDate(time) === value ? Way.isoDate : Way.text;
}

/** Any number of seconds gives some text: one out of a date's range, none. */
const httpDate = (seconds: number): string => inRange(seconds * 1000, (date) => date.toUTCString());
const isoDate = (time: number): string => inRange(time, (date) => date.toISOString());

function inRange(time: number, write: (date: Date) => string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : write(date);
}
