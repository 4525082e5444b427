import { codeCuts, type Cut } from './cuts.ts';
import { parseJson } from './json.ts';
import { NumberReader } from './number-coder.ts';
import { codeResponse, EventCodec, FrameList } from './stream-codec.ts';

const NOTHING = Buffer.alloc(0);

/** The bytes `packResponse` took apart, and how they arrived; null when these parts do not fit together. */
export function unpackResponse(
  { blocks, shape }: { blocks: Buffer[]; shape: Buffer },
  packed: Buffer,
): { bytes: Buffer; cuts: Cut[] } | null {
  const content = blocks.map((block) => {
    const json = block.toString();
    return { json, value: parseJson(json) };
  });
  const reader = new NumberReader(packed.subarray(1));
  const codec = new EventCodec(reader, new FrameList(shape.toString()), content);
  try {
    const response = codeResponse(reader, codec, { count: 0, framed: null, tail: NOTHING, cuts: [] });
    return reader.exhausted ? null : response;
  } catch (cause) {
    // zlib's word for a tool input that was not deflated against this block.
    if (cause instanceof Error && 'code' in cause) return null;
    throw cause;
  }
}

/** How a response arrived whose bytes are kept as they are. */
export function unpackCuts(packed: Buffer): Cut[] {
  return codeCuts(new NumberReader(packed.subarray(1)), [], []);
}
