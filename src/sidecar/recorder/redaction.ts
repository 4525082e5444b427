import { createAssembler } from '../core/assemble.ts';
import type { ResponseFacts, SpawnCall } from '../core/facts.ts';
import { promptHash } from '../core/read-request.ts';
import { redactBody, redactString } from '../core/redact-body.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import { findOwn } from '../core/redact-own.ts';
import { redactResponse, type ResponseContent } from '../core/redact-response.ts';
import type { Redaction } from '../core/redact.ts';

/**
 * Bodies as they may be stored (SPEC 3.3). It happens here and not in the proxy: the table costs about 2 ms for 1 MB, a
 * compressed response can only be read once it is decoded, and a key that was cut by a chunk's end only as a whole. Own
 * keys that stand whole in a plain body are masked before the journal already.
 */
export function redactRequest(body: Buffer, policy: BodyPolicy): { body: Buffer; redactions: Redaction[] } {
  const { body: masked, redactions } = redactBody(body, policy, 'requestBody');
  return { body: masked, redactions };
}

/** A response as it was read from the journal. */
interface ReadResponse {
  /** Decoded; null when there was none, or too much of it. */
  content: ResponseContent | null;
  /** The bytes as they came, where only a part of them (or nothing) could be decoded. */
  coded: ResponseContent | null;
  contentType: string | null;
  /** The request asked for a stream. */
  streaming: boolean;
  /** What was read from the decoded content as it came. */
  facts: ResponseFacts | null;
}

/** What may be stored of a response: its content, and facts that are read from just that. */
export function storedResponse(
  { content, coded, contentType, streaming, facts }: ReadResponse,
  policy: BodyPolicy,
): { content: ResponseContent | null; facts: ResponseFacts | null; redactions: Redaction[] } {
  if (policy.mode === 'none') return { content: coded ?? content, facts, redactions: [] };
  const looked = content !== null && mayHold(content.body, facts, policy);
  const masked = looked ? redactResponse(content, contentType, policy) : null;
  const redactions = masked?.redactions ?? [];
  if (masked === null || redactions.length === 0) {
    const said = content === null && facts !== null ? redactFacts(facts, policy) : facts;
    if (coded === null) return { content, facts: said, redactions };
    // Nobody knows what else is in it.
    if (policy.mode === 'own') return { content: coded, facts: said, redactions };
    return { content, facts: said, redactions: [{ path: 'responseBody', kind: 'undecodable' }] };
  }
  const assembler = createAssembler(contentType, streaming);
  assembler.push(masked.body, 0);
  const kept = { body: masked.body, cuts: masked.cuts };
  if (coded !== null) redactions.push({ path: 'responseBody', kind: 'undecodable' });
  return { content: kept, facts: assembler.end(), redactions };
}

/**
 * False when it is clear that nothing will be masked: an own key that was said in several deltas stands whole in the
 * message that was put together. (Looking into every delta costs 5 ms for 1 MB of stream.)
 */
function mayHold(body: Buffer, facts: ResponseFacts | null, { mode, ownSecrets }: BodyPolicy): boolean {
  if (mode === 'all' || facts === null || !facts.complete) return true;
  if (findOwn(body, ownSecrets).length > 0) return true;
  return findOwn(JSON.stringify(facts.message), ownSecrets).length > 0;
}

/** For a response too large to be kept: what a row shows of it. */
function redactFacts(facts: ResponseFacts, policy: BodyPolicy): ResponseFacts {
  const { error } = facts;
  return {
    ...facts,
    error: error === null ? null : { type: error.type, message: redactString(error.message, policy) },
    spawns: facts.spawns.map((call) => redactSpawn(call, policy)),
    text: redactString(facts.text, policy),
    preview: redactString(facts.preview, policy),
  };
}

/** A sub-agent's call that is known while its response still streams: with the prompt its own request will show. */
export function redactSpawn(call: SpawnCall, policy: BodyPolicy): SpawnCall {
  const prompt = redactString(call.prompt, policy);
  if (prompt === call.prompt) return call;
  return { ...call, prompt, promptHash: promptHash(prompt) ?? call.promptHash };
}
