import { svg, type SVGTemplateResult } from 'lit';
import { METRICS, type TreeEdge, type TreeItem } from './layout.ts';
import { trouble } from './turns.ts';

/** A connection. Colour says the branch, the dash says which round of colours, or a compaction. */
export function drawEdge(edge: TreeEdge): SVGTemplateResult {
  return svg`<path class="edge ${edge.kind} colour-${edge.colour} pattern-${Math.min(2, edge.pattern)}" d=${edge.path}></path>`;
}

/** The mark of a row. Shape tells states apart without colour: ring, cross, slash, diamond. */
export function drawNode(item: TreeItem, selected: boolean): SVGTemplateResult {
  const y = item.y + item.height / 2;
  const { x } = item;
  if (item.kind === 'task') return svg``;
  if (item.kind === 'joint') {
    return svg`<path class="node joint colour-${item.branch.colour}" d="M${x} ${y - 5}L${x + 5} ${y}L${x} ${y + 5}L${x - 5} ${y}Z"></path>`;
  }
  const tone = `colour-${item.branch.colour}`;
  const halo = selected ? svg`<circle class="node-halo ${tone}" cx=${x} cy=${y} r="8"></circle>` : svg``;
  if (item.turn.request.state === 'running') {
    return svg`${halo}<circle class="node running-pulse" cx=${x} cy=${y} r="4"></circle>
      <circle class="node running" cx=${x} cy=${y} r="4"></circle>`;
  }
  const wrong = trouble(item.turn.request);
  if (item.turn.request.state === 'failed') {
    return svg`${halo}<circle class="node error" cx=${x} cy=${y} r="5.5"></circle>
      <path class="node-cross" d="M${x - 2} ${y - 2}L${x + 2} ${y + 2}M${x + 2} ${y - 2}L${x - 2} ${y + 2}"></path>`;
  }
  if (wrong !== null) {
    return svg`${halo}<circle class="node cut" cx=${x} cy=${y} r="4.5"></circle><path class="node-slash" d="M${x - 3} ${y + 3}L${x + 3} ${y - 3}"></path>`;
  }
  if (item.forks) {
    return svg`${halo}<circle class="node fork" cx=${x} cy=${y} r="5.5"></circle><circle class="node fork-core" cx=${x} cy=${y} r="2.5"></circle>`;
  }
  return svg`${halo}<circle class="node ${tone}" cx=${x} cy=${y} r=${METRICS.node}></circle>`;
}
