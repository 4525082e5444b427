import { codeCuts, type Cut } from './cuts.ts';
import { isObject, parseJson } from './json.ts';
import { NumberWriter } from './number-coder.ts';
import { isAt, newSpacing, OPEN_ARRAY, scanArray, scanObject, skipSpace, skipValue } from './scan.ts';
import { codeResponse, EventCodec, FrameList, type ContentBlock } from './stream-codec.ts';
import { readEvents, type StreamEvent } from './stream-events.ts';
import { frameEvent, frameJson, hasHoleBytes, Hole, type Framed } from './stream-frames.ts';
import { unpackResponse } from './stream-unpack.ts';

/** A response as it is stored. */
export interface PackedResponse {
  /**
   * The blocks of the message it makes, each as the JSON that clients send back with the next request, and its shape: the text of
   * its events without what differs from response to response. null: the bytes are kept as they are.
   */
  content: { blocks: Buffer[]; shape: Buffer } | null;
  /** What differs, and how it arrived: the chunks' lengths and times. */
  packed: Buffer;
}

/** First byte of `packed`, so that a later form can be told apart. */
export const PACKED_VERSION = 1;

/** A shape without blocks (a list of models, an error) is kept up to this size; beyond it, equal bytes are stored once. */
const LARGEST_BARE_SHAPE = 2048;
/** A shape beyond this has to be less than half of the response: each event of it may be unlike all others. */
const LARGEST_SHAPE = 32 * 1024;

/**
 * Packs the decoded bytes of a response: an event stream of the Messages API, whole or cut off anywhere, or a JSON body.
 * What `unpackResponse` does not give back byte for byte is kept raw, with its cuts packed. Never throws.
 */
export function packResponse(bytes: Buffer, cuts: Cut[]): PackedResponse {
  const taken = bytes[skipSpace(bytes, 0)] === 0x7b ? takeJson(bytes) : takeStream(bytes);
  if (taken !== null) {
    const { blocks, write } = taken;
    const content = { blocks: blocks.map((block) => Buffer.from(block.json)), shape: NONE };
    const writer = new NumberWriter();
    const frames = new FrameList();
    write(writer, frames, cuts);
    content.shape = Buffer.from(frames.shape());
    const packed = withVersion(writer);
    const { length } = content.shape;
    if (
      length <= LARGEST_BARE_SHAPE ||
      (blocks.length > 0 && length * 2 <= Math.max(bytes.length, LARGEST_SHAPE))
    ) {
      const back = unpackResponse(content, packed);
      if (back?.bytes.equals(bytes) === true) return { content, packed };
    }
  }
  const writer = new NumberWriter();
  codeCuts(writer, cuts, []);
  return { content: null, packed: withVersion(writer) };
}

const NONE = Buffer.alloc(0);

const withVersion = (writer: NumberWriter): Buffer =>
  Buffer.concat([Buffer.from([PACKED_VERSION]), writer.finish()]);

interface Taken {
  blocks: ContentBlock[];
  write: (writer: NumberWriter, frames: FrameList, cuts: Cut[]) => void;
}

function takeStream(bytes: Buffer): Taken | null {
  const end = Math.max(bytes.lastIndexOf('\n\n') + 2, bytes.lastIndexOf('\n\r\n') + 3);
  if (end < 4) return null;
  const text = bytes.toString('utf8', 0, end);
  if (hasHoleBytes(text)) return null;
  const read = readEvents(text);
  if (read === null) return null;
  const { events, inputs, rest } = read;
  const blocks = read.blocks.map((value) => ({ json: JSON.stringify(value), value }));
  const tail = Buffer.concat([Buffer.from(rest), bytes.subarray(end)]);
  return {
    blocks,
    write(writer, frames, cuts) {
      const codec = new EventCodec(writer, frames, blocks, inputs);
      codeResponse(writer, codec, {
        count: events.length,
        framed: framedOf(events, blocks, codec),
        tail,
        cuts,
      });
    },
  };
}

function* framedOf(events: StreamEvent[], blocks: ContentBlock[], codec: EventCodec): Generator<Framed> {
  for (const event of events) {
    if (event.kind === 'text') yield { frame: event.text, filling: [] };
    else if (event.kind === 'delta') {
      const { line, json, value, pad } = event;
      const piece = { json, value };
      const filling = line.numbered ? [line.index, piece, pad] : [piece, pad];
      yield { frame: line.frame, filling };
    } else {
      const { before, json, after, index } = event;
      const block = index === null ? null : blocks[index]?.value;
      const citation = index === null ? undefined : codec.nextCitation(index);
      yield frameEvent(before, json, after, event.event, isObject(block) ? block : null, citation);
    }
  }
}

/** A JSON body: its `content` array becomes blocks, the rest is a frame. */
function takeJson(bytes: Buffer): Taken | null {
  const items: [number, number][] = [];
  let from = -1;
  let to = -1;
  const end = scanObject(bytes, skipSpace(bytes, 0), (keyStart, keyEnd, value) => {
    if (!isAt(bytes, keyStart, keyEnd, '"content"') || bytes[value] !== OPEN_ARRAY) {
      return skipValue(bytes, value);
    }
    if (from >= 0) return -1;
    from = value;
    to = scanArray(bytes, value, newSpacing(), (start) => {
      const after = skipValue(bytes, start);
      items.push([start, after]);
      return after;
    });
    return to;
  });
  if (end < 0 || hasHoleBytes(bytes.toString())) return null;
  const blocks = items.map(([start, after]) => {
    const json = bytes.toString('utf8', start, after);
    return { json, value: parseJson(json) };
  });
  const head = frameJson(bytes.toString('utf8', 0, from < 0 ? bytes.length : from), null);
  const rest = frameJson(from < 0 ? '' : bytes.toString('utf8', to), null);
  const framed = {
    frame: head.frame + (from < 0 ? '' : Hole.content) + rest.frame,
    filling: [...head.filling, ...rest.filling],
  };
  return {
    blocks,
    write(writer, frames, cuts) {
      const codec = new EventCodec(writer, frames, blocks);
      codeResponse(writer, codec, { count: 1, framed: [framed], tail: NONE, cuts });
    },
  };
}
