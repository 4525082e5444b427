import { crc32 } from 'node:zlib';

/**
 * The journal's frames: `length u32 | kind u8 | time f64 | payload | crc32 u32`, little endian. `length` counts the
 * payload, the crc covers kind, time and payload. Times are milliseconds since the epoch.
 */

export const FrameKind = { requestHead: 1, requestBody: 2, responseHead: 3, chunk: 4, end: 5 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** How the connection ended. Whether the *message* is complete is read from the content, never from here. */
export type EndReason = 'complete' | 'client-aborted' | 'upstream-error' | 'shutdown';

/** First frame of a journal file: everything known when the request's head has arrived. Headers are redacted. */
export interface RequestHead {
  id: string;
  tenant: string;
  project: string | null;
  domain: string;
  method: string;
  /** Path and query as sent upstream. */
  path: string;
  httpVersion: string;
  headers: [string, string][];
  /** Keyed fingerprint of the client's credential (hex, HMAC-SHA-256), so that an account survives token rotation. */
  credential: { kind: 'api-key' | 'bearer'; fingerprint: string } | null;
  /** The account a stored credential is counted under; absent: it is found out from the other evidence. */
  accountId?: string;
  redactions: { path: string; kind: string }[];
}

/** Stands for a body larger than the recording limit (32 MB): its size and SHA-256 (hex). */
export interface RequestBodyNote {
  size: number;
  sha256: string;
}

export interface ResponseHead {
  status: number;
  statusText: string;
  headers: [string, string][];
  /** True when the sidecar answered itself (unreachable upstream, time-out, refused). */
  ours: boolean;
}

export interface EndFrame {
  reason: EndReason;
  error: { code: string; message: string } | null;
  /** Set when a request body was too large to record. */
  requestBodyNote: RequestBodyNote | null;
  /** Set when a response body (of another path than messages) was; what chunks there are, are then not all of it. */
  responseBodyNote?: RequestBodyNote;
  /** What was redacted after the head was written (streamed request bodies, responses); add to the head's. */
  redactions?: { path: string; kind: string }[];
}

/** What is told of a journal file: it has grown to `size` bytes of whole frames; `ended`: nothing more will come. */
export interface JournalNote {
  id: string;
  size: number;
  ended: boolean;
  /** Live mode only, where there are no files: the new bytes, and where in the journal they begin. */
  added?: { from: number; bytes: Uint8Array<ArrayBuffer> };
}

export interface Frame {
  kind: FrameKind;
  at: number;
  payload: Buffer;
}

const HEAD = 13;
const TAIL = 4;

/** One frame as bytes. */
export function encodeFrame(kind: FrameKind, at: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(HEAD + payload.length + TAIL);
  out.writeUInt32LE(payload.length, 0);
  out.writeUInt8(kind, 4);
  out.writeDoubleLE(at, 5);
  out.set(payload, HEAD);
  out.writeUInt32LE(crc32(out.subarray(4, HEAD + payload.length)), HEAD + payload.length);
  return out;
}

/** Payloads from this size on are written as they are: a copy of a megabyte costs more than two more writes. */
const COPY_LIMIT = 16 * 1024;

/** One frame as pieces to write one after the other; the payload of a large one is not copied. */
export function encodeFrameParts(kind: FrameKind, at: number, payload: Buffer): Buffer[] {
  if (payload.length < COPY_LIMIT) return [encodeFrame(kind, at, payload)];
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt8(kind, 4);
  head.writeDoubleLE(at, 5);
  const tail = Buffer.allocUnsafe(TAIL);
  tail.writeUInt32LE(crc32(payload, crc32(head.subarray(4))), 0);
  return [head, payload, tail];
}

/**
 * The whole frames at the start of `bytes`. `used` is where the next frame starts; `damaged` says that it cannot be
 * one (bad crc, unknown kind), so that the file is cut there. A frame still being written is neither.
 */
export function decodeFrames(bytes: Buffer): { frames: Frame[]; used: number; damaged: boolean } {
  const frames: Frame[] = [];
  let used = 0;
  while (bytes.length - used >= HEAD + TAIL) {
    const length = bytes.readUInt32LE(used);
    const kind = bytes.readUInt8(used + 4);
    if (kind < 1 || kind > 5) return { frames, used, damaged: true };
    const end = used + HEAD + length;
    if (bytes.length < end + TAIL) break;
    if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(used + 4, end))) {
      return { frames, used, damaged: true };
    }
    frames.push({
      kind: kind as FrameKind,
      at: bytes.readDoubleLE(used + 5),
      payload: bytes.subarray(used + HEAD, end),
    });
    used = end + TAIL;
  }
  return { frames, used, damaged: false };
}
