import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { LinkExplanation, RequestRow } from '../../../protocol/rows.ts';
import { plural } from '../../../wording/numbers.ts';
import { formatAbsolute, formatClock } from '../../../wording/times.ts';
import type { Api } from '../../shared/api.ts';
import { LightElement } from '../../shared/element.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import type { Turn } from '../tree/turns.ts';

type Candidate = LinkExplanation['candidates'][number];

/** Why a turn hangs where it hangs, and what else was considered (SPEC 4.7). */
export class PlaceView extends LightElement {
  static override properties: PropertyDeclarations = {
    api: { attribute: false },
    turn: { attribute: false },
    request: { attribute: false },
    turnOf: { attribute: false },
    _link: { state: true },
    _error: { state: true },
  };

  declare api: Api;
  declare turn: Turn;
  declare request: RequestRow;
  /** The turn of a request of this conversation. */
  declare turnOf: (requestId: string) => Turn | undefined;
  declare _link: LinkExplanation | null;
  declare _error: string | null;
  #abort = new AbortController();

  constructor() {
    super();
    this._link = null;
    this._error = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    // A row that is read anew may have been linked anew.
    if (changed.has('request')) this.#load();
  }

  override render(): TemplateResult {
    const { turn, _link: link } = this;
    return html`<p class="place">
        ${turn.parent === null ? 'It has no turn before it' : html`It follows ${this.#turnLink(turn.parent)}`}${
          link === null
            ? '.'
            : html`:
              ${SIGNALS[link.signal]}${
                link.matchedMessages > 0
                  ? html` <span class="dim">(${plural(link.matchedMessages, 'block')} the same)</span>`
                  : nothing
              }.`
        }
        ${this._error === null ? nothing : html`<span class="dim">${this._error}</span>`}
      </p>
      ${link === null || link.candidates.length === 0 ? nothing : this.#losers(link.candidates)}`;
  }

  #losers(candidates: Candidate[]): TemplateResult {
    return html`<p class="dim">Also considered</p>
      <ul class="candidates">
        ${candidates.map(
          (candidate) =>
            html`<li>
              ${this.#where(candidate)}<span class="dim">: ${showInvisible(candidate.why)}</span>
            </li>`,
        )}
      </ul>`;
  }

  #where(candidate: Candidate): TemplateResult | string {
    const turn = this.turnOf(candidate.requestId);
    if (turn !== undefined) return this.#turnLink(turn);
    const { conversationId, requestId, title, timestamp } = candidate;
    if (conversationId === null || timestamp === null) return 'A turn that was deleted';
    const at = Date.parse(timestamp);
    return html`<button
        type="button"
        class="text-link"
        title="Open that conversation at this turn"
        @click=${() => {
          this.tell('navigate', { conversationId, requestId });
        }}
      >
        ${showInvisible(title ?? '') || 'Another conversation'}</button
      ><span class="dim" title=${formatAbsolute(at)}>, ${formatClock(at)}</span>`;
  }

  #turnLink(turn: Turn): TemplateResult {
    const { requestId, conversationId } = turn.request;
    const at = Date.parse(turn.request.timestamp);
    const name = turn.branchId === this.turn.branchId ? '' : ` of ${turn.branchId}`;
    return html`<button
      type="button"
      class="text-link"
      title="Go to this turn, ${formatAbsolute(at)}"
      @click=${() => {
        this.tell('navigate', { conversationId, requestId });
      }}
    >
      turn ${turn.number}${name}
    </button>`;
  }

  #load(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.api.getLink(this.request.requestId, signal).then(
      (link) => {
        if (signal.aborted) return;
        this._link = link;
        this._error = null;
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this._error = `Why is not known: ${error instanceof Error ? error.message : String(error)}`;
      },
    );
  }
}

const SIGNALS: Record<LinkExplanation['signal'], string> = {
  thread: 'the request names the answer it goes on from',
  'response-prefix': 'its history ends with that turn’s answer',
  'request-prefix': 'its history begins with that turn’s messages',
  retry: 'the same request was sent again after a try that failed',
  'spawn-prompt': 'it begins with the prompt of a sub-task that was called there',
  'spawn-agent': 'it carries the id of the agent of a sub-task that was called there',
  compaction: 'it goes on from the summary that turn wrote',
  'last-answer': 'its history was cut, and ends with that turn’s answer',
  'tool-id': 'it answers a tool call of that turn',
  root: 'nothing recorded before is the beginning of its history',
  none: 'a call beside conversations, such as one for a title',
};

customElements.define('nexus-place', PlaceView);
