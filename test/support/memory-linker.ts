import { answerKey, answerOf } from '../../src/sidecar/core/answers.ts';
import { createAssembler } from '../../src/sidecar/core/assemble.ts';
import type {
  InvocationCandidate,
  LinkCandidate,
  LinkCandidates,
  LinkDecision,
  LinkQuery,
  LinkScope,
  RequestFacts,
  ResponseFacts,
} from '../../src/sidecar/core/facts.ts';
import { decideLink, linkQuery } from '../../src/sidecar/core/linker.ts';
import { extendChain, linkChain, NO_LINK } from '../../src/sidecar/core/normalise.ts';
import { readRequest, toolIdsOf } from '../../src/sidecar/core/read-request.ts';

/** What one exchange left in the memory store. */
export interface MemoryExchange {
  requestId: string;
  at: number;
  endedAt: number | null;
  scope: LinkScope;
  facts: RequestFacts;
  decision: LinkDecision;
  conversationId: string | null;
  branchId: string | null;
  requestLink: Buffer;
  responseLink: Buffer | null;
  responseId: string | null;
  upstreamId: string | null;
  toolIds: Set<string>;
  answerKey: Buffer | null;
  complete: boolean;
  response: ResponseFacts | null;
}

interface MemoryInvocation {
  call: ResponseFacts['spawns'][number];
  parent: MemoryExchange;
  ordinal: number;
  calledAt: number;
  claimed: boolean;
}

export interface MemoryRequest {
  requestId: string;
  at: number;
  method: string;
  path: string;
  headers: [string, string][];
  body: unknown;
  project?: string | null;
}

/**
 * The recorder and its store in memory, in as few lines as can be: what it answers to a LinkQuery is the reference for
 * the SQL one. `request` links an exchange, `response` stores what came back (whole or cut).
 */
export class MemoryLinker {
  readonly exchanges: MemoryExchange[] = [];
  readonly #invocations: MemoryInvocation[] = [];

  request(input: MemoryRequest): MemoryExchange {
    let facts = readRequest(input);
    const scope: LinkScope = {
      tenant: 'test',
      project: input.project ?? null,
      sessionId: facts.sessionId,
      agentId: facts.agentId,
      parentAgentId: facts.parentAgentId,
    };
    let query = linkQuery(facts, input.requestId, input.at, scope);
    const messages = (input.body as { messages?: unknown } | undefined)?.messages;
    const named = this.#named(query)[0];
    if (facts.thread?.type === 'continue' && named !== undefined) {
      // A thread's `continue` holds only its new messages: they go on where the named response ended.
      const { links } = linkChain(messages, { tip: named.responseLink, seenTools: new Set() });
      facts = { ...facts, links, ownLinks: 0 };
      query = linkQuery(facts, input.requestId, input.at, scope);
    }
    const decision = decideLink(facts, query, this.find(query));
    const linked = decision.signal !== 'none';
    const conversationId = linked ? (decision.conversationId ?? input.requestId) : null;
    const exchange: MemoryExchange = {
      requestId: input.requestId,
      at: input.at,
      endedAt: null,
      scope,
      facts,
      decision,
      conversationId,
      branchId: conversationId === null ? null : this.#branchOf(conversationId, decision),
      requestLink: facts.links.at(-1) ?? NO_LINK,
      responseLink: null,
      responseId: null,
      upstreamId: null,
      toolIds: new Set(facts.lastToolIds),
      answerKey: null,
      complete: false,
      response: null,
    };
    const claimed = this.#invocations.find(({ call }) => call.toolUseId === decision.toolUseId);
    if (claimed !== undefined) claimed.claimed = true;
    this.exchanges.push(exchange);
    return exchange;
  }

  /** `bytes` are what arrived, content-decoded. */
  response(
    exchange: MemoryExchange,
    input: {
      status: number;
      contentType: string | null;
      upstreamId: string | null;
      bytes: Buffer;
      messages: unknown;
      at: number;
    },
  ): ResponseFacts {
    const assembler = createAssembler(input.contentType, exchange.facts.streaming);
    assembler.push(input.bytes, input.at);
    const response = assembler.end();
    exchange.response = response;
    exchange.endedAt = input.at;
    exchange.responseId = response.messageId;
    exchange.upstreamId = input.upstreamId;
    exchange.complete = response.complete && input.status === 200;
    const said = answerOf(response.message);
    exchange.answerKey = said === null ? null : answerKey(exchange.scope, said);
    const tip = exchange.facts.links.at(-1) ?? null;
    if (tip !== null && response.messageId !== null) {
      exchange.responseLink = extendChain(tip, linkChain(input.messages).seenTools, response.message);
    }
    for (const id of toolIdsOf((response.message as { content?: unknown } | null)?.content)) {
      exchange.toolIds.add(id);
    }
    this.calls(exchange, response.spawns, input.at);
    return response;
  }

  /** Calls of sub-agents that are known before the response has ended. */
  calls(exchange: MemoryExchange, calls: ResponseFacts['spawns'], at: number): void {
    if (exchange.conversationId === null) return;
    for (const call of calls) this.#record(exchange, call, at);
  }

  /** It ended without a response. */
  failed(exchange: MemoryExchange, at: number): void {
    exchange.endedAt = at;
  }

  /** The candidates of a query, by the rules written in facts.ts. */
  find(query: LinkQuery): LinkCandidates {
    const linked = this.exchanges.filter((one) => one.conversationId !== null && isEarlier(one, query));
    const own = linked.filter((one) => this.#inSession(one, query)).reverse();
    return {
      named: this.#named(query).map((one) => this.#candidate(one, query.at)),
      prefix: this.#prefix(query, linked),
      invocations: this.#invocations
        .filter(({ call, claimed, parent }) => {
          const byPrompt = !claimed && query.promptHashes.some((hash) => hash.equals(call.promptHash));
          const any =
            query.anyInvocation && this.#inSession(parent, query) && (!claimed || call.name === 'Workflow');
          return byPrompt || any;
        })
        .map((one) => this.#invocation(one, query.at)),
      agent:
        query.scope.agentId === null
          ? []
          : own
              .filter((one) => one.scope.agentId === query.scope.agentId)
              .slice(0, 5)
              .map((one) => this.#candidate(one, query.at)),
      compactions: query.compactions
        ? linked
            .filter((one) => one.facts.summarises && one.complete)
            .map((one) => ({ ...this.#candidate(one, query.at), summary: one.response?.text ?? '' }))
        : [],
      answers: linked
        .filter((one) => query.answers.some(({ key }) => one.answerKey?.equals(key) === true))
        .toReversed()
        .slice(0, 24)
        .map((one) => this.#candidate(one, query.at)),
      tool: own
        .filter((one) => query.lastToolIds.some((id) => one.toolIds.has(id)))
        .slice(0, 1)
        .map((one) => this.#candidate(one, query.at)),
    };
  }

  #inSession(one: MemoryExchange, query: LinkQuery): boolean {
    return one.scope.sessionId === query.scope.sessionId && one.scope.project === query.scope.project;
  }

  #named(query: LinkQuery): MemoryExchange[] {
    return this.exchanges.filter(
      (one) =>
        one.conversationId !== null &&
        ((query.previousMessageId !== null && one.responseId === query.previousMessageId) ||
          (query.previousUpstreamId !== null && one.upstreamId === query.previousUpstreamId)),
    );
  }

  #prefix(query: LinkQuery, linked: MemoryExchange[]): LinkCandidate[] {
    const depths = new Map(query.links.map((link, index) => [link.toString('hex'), index + 1]));
    const depthOf = (one: MemoryExchange): number =>
      Math.max(
        depths.get(one.requestLink.toString('hex')) ?? 0,
        depths.get(one.responseLink?.toString('hex') ?? '') ?? 0,
      );
    const near = (one: MemoryExchange): number =>
      (this.#inSession(one, query) ? 2 : 0) + (one.scope.agentId === query.scope.agentId ? 1 : 0);
    return linked
      .filter((one) => one.scope.project === query.scope.project && depthOf(one) > 0)
      .toSorted((a, b) => depthOf(b) - depthOf(a) || near(b) - near(a) || b.at - a.at)
      .slice(0, 50)
      .map((one) => this.#candidate(one, query.at));
  }

  #candidate(one: MemoryExchange, at: number): LinkCandidate {
    const ended = one.endedAt !== null && one.endedAt <= at;
    const children = this.exchanges.filter(
      (child) => child.decision.parentRequestId === one.requestId && child.decision.retryOf === null,
    );
    return {
      requestId: one.requestId,
      at: one.at,
      conversationId: one.conversationId ?? '',
      branchId: one.branchId ?? 'main',
      sessionId: one.scope.sessionId,
      agentId: one.scope.agentId,
      project: one.scope.project,
      systemHash: one.facts.systemHash,
      isSubtask: one.decision.isSubtask,
      parentTaskRequestId: one.decision.parentTaskRequestId,
      parentRequestId: one.decision.parentRequestId,
      requestLink: one.requestLink,
      responseLink: one.responseLink,
      complete: ended && one.complete,
      running: !ended,
      answerKey: one.answerKey,
      summarises: one.facts.summarises,
      children: children.map((child) => ({
        requestId: child.requestId,
        branchId: child.branchId ?? 'main',
        summarises: child.facts.summarises,
      })),
      conversationRequestCount: this.exchanges.filter((other) => other.conversationId === one.conversationId)
        .length,
    };
  }

  #invocation(
    { call, parent, ordinal, calledAt, claimed }: MemoryInvocation,
    at: number,
  ): InvocationCandidate {
    const { toolUseId, name, prompt, promptHash } = call;
    return {
      toolUseId,
      name,
      claimed,
      prompt,
      promptHash,
      branchId: `subtask_${String(ordinal)}`,
      calledAt,
      ordinal,
      parentEndedAt: parent.endedAt,
      parent: this.#candidate(parent, at),
    };
  }

  /** A call that a failed try of the same turn made, and nobody carried out, is made again: it keeps its number. */
  #record(parent: MemoryExchange, call: ResponseFacts['spawns'][number], at: number): void {
    const own = this.#invocations.filter((one) => one.parent.conversationId === parent.conversationId);
    if (own.some((one) => one.parent === parent && one.call.toolUseId === call.toolUseId)) return;
    const again =
      parent.decision.retryOf === null
        ? undefined
        : own.find(
            (one) =>
              !one.claimed &&
              one.parent !== parent &&
              !one.parent.complete &&
              one.parent.requestLink.equals(parent.requestLink) &&
              one.call.name === call.name &&
              one.call.promptHash.equals(call.promptHash),
          );
    if (again === undefined) {
      const ordinal = Math.max(0, ...own.map((one) => one.ordinal)) + 1;
      this.#invocations.push({ call, parent, ordinal, calledAt: at, claimed: false });
    } else Object.assign(again, { call, parent, calledAt: at });
  }

  #branchOf(conversationId: string, { branch }: LinkDecision): string {
    if (!branch.isNew || branch.kind === 'main') return branch.id;
    const taken = new Set(
      this.exchanges.filter((one) => one.conversationId === conversationId).map((one) => one.branchId),
    );
    let id = branch.id;
    for (let suffix = 2; taken.has(id); suffix++) id = `${branch.id}_${String(suffix)}`;
    return id;
  }
}

/** At the same time the id decides. */
const isEarlier = (one: MemoryExchange, query: LinkQuery): boolean =>
  one.at < query.at || (one.at === query.at && one.requestId < query.requestId);
