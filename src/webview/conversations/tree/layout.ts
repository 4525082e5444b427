import type { InvocationRow } from '../../../protocol/rows.ts';
import { subtaskLabel, type BranchStyle } from '../branches.ts';
import { placeLanes } from './lanes.ts';
import type { Turn, TurnGraph } from './turns.ts';

/** Geometry of the tree in px at zoom 1; multiples of 4. */
export const METRICS = {
  row: 24,
  task: 44,
  joint: 24,
  gutter: 36,
  lane: 20,
  node: 4,
  boxOffset: 150,
  boxWidth: 140,
  boxHeight: 36,
  label: 16,
  padding: 4,
} as const;

interface Placed {
  key: string;
  y: number;
  height: number;
  /** Node centre of turns and joints, left edge of sub-task boxes. */
  x: number;
  /** Where the label starts. */
  labelX: number;
  level: number;
  branch: BranchStyle;
}

export interface TurnItem extends Placed {
  kind: 'turn';
  turn: Turn;
  /** More than one branch goes on from here. */
  forks: boolean;
  /** First turn of its branch (not of main). */
  opens: boolean;
}

export interface TaskItem extends Placed {
  kind: 'task';
  invocation: InvocationRow | null;
  owner: Turn;
  /** `sub-task 2 (4)`: 4 messages. */
  label: string;
  turns: Turn[];
  expanded: boolean;
}

export interface JointItem extends Placed {
  kind: 'joint';
  label: string;
}

export type TreeItem = TurnItem | TaskItem | JointItem;

export interface TreeEdge {
  path: string;
  top: number;
  bottom: number;
  kind: 'line' | 'fork' | 'compact' | 'task';
  colour: number;
  pattern: number;
}

export interface TreeLayout {
  items: TreeItem[];
  edges: TreeEdge[];
  height: number;
  /** Width of the drawing; labels of the columns' rows start before its end. */
  width: number;
}

export interface LayoutOptions {
  /** Branch ids of sub-tasks shown in place. */
  expanded: ReadonlySet<string>;
  /** Only turns for which this holds (branch filter, search); sub-tasks follow their turn. */
  keep?: (turn: Turn) => boolean;
}

/**
 * Lays a conversation out top-down in order of arrival: one row per turn, one column per branch, sub-tasks as boxes
 * to the right of their turn, opened in place below their box.
 */
export function layoutTree(
  graph: TurnGraph,
  styles: Map<string, BranchStyle>,
  options: LayoutOptions,
): TreeLayout {
  const keep = options.keep ?? (() => true);
  const columns = graph.turns.filter((turn) => styles.get(turn.branchId)?.kind !== 'subtask' && keep(turn));
  const lanes = placeLanes(columns);
  const lanesRight = METRICS.gutter + lanes.count * METRICS.lane;
  const pen: Pen = { items: [], edges: [], y: METRICS.padding, width: lanesRight, at: new Map() };
  const context: Context = { graph, styles, options, pen, lanesRight };
  for (const turn of columns) {
    const x = METRICS.gutter + (lanes.of.get(turn.branchId) ?? 0) * METRICS.lane + METRICS.lane / 2;
    placeTurn(context, turn, x, lanesRight + 4, 1);
  }
  return { items: pen.items, edges: pen.edges, height: pen.y + METRICS.padding, width: pen.width };
}

interface Pen {
  items: TreeItem[];
  edges: TreeEdge[];
  y: number;
  width: number;
  /** Node centre of every placed turn. */
  at: Map<Turn, { x: number; y: number }>;
}

interface Context {
  graph: TurnGraph;
  styles: Map<string, BranchStyle>;
  options: LayoutOptions;
  pen: Pen;
  lanesRight: number;
}

const NO_BRANCH: BranchStyle = {
  branchId: 'main',
  kind: 'main',
  label: 'main',
  colour: 0,
  pattern: 0,
  row: null,
};

function placeTurn(context: Context, turn: Turn, x: number, labelX: number, level: number): void {
  const { pen, styles } = context;
  const branch = styles.get(turn.branchId) ?? NO_BRANCH;
  const opens =
    turn.parent?.branchId !== turn.branchId && branch.kind !== 'main' && branch.kind !== 'subtask';
  if (opens && branch.kind === 'compact') {
    pen.items.push({
      kind: 'joint',
      key: `joint:${turn.key}`,
      y: pen.y,
      height: METRICS.joint,
      x,
      labelX,
      level,
      branch,
      label: branch.label,
    });
    pen.y += METRICS.joint;
  }
  const y = pen.y + METRICS.row / 2;
  const forks = new Set(columnChildren(context, turn)).size > 1;
  pen.items.push({
    kind: 'turn',
    key: turn.key,
    y: pen.y,
    height: METRICS.row,
    x,
    labelX,
    level,
    branch,
    turn,
    forks,
    opens,
  });
  pen.at.set(turn, { x, y });
  pen.y += METRICS.row;
  const from = turn.parent === null ? undefined : pen.at.get(turn.parent);
  if (from && (turn.parent?.branchId === turn.branchId || branch.kind !== 'subtask')) {
    pen.edges.push(join(from, { x, y }, branch));
  }
  placeTasks(context, turn, { x, y }, level);
}

/** Branches that go on from a turn; a compaction only continues, it is no branch point. */
function columnChildren(context: Context, turn: Turn): string[] {
  return turn.children
    .map((child) => child.branchId)
    .filter((id) => id === turn.branchId || context.styles.get(id)?.kind === 'branch');
}

function placeTasks(context: Context, owner: Turn, from: { x: number; y: number }, level: number): void {
  const { pen, graph, options } = context;
  for (const { branchId, invocation } of tasksOf(context, owner)) {
    const turns = branchId === null ? [] : (graph.byBranch.get(branchId) ?? []);
    const branch = (branchId === null ? null : context.styles.get(branchId)) ?? {
      ...NO_BRANCH,
      branchId: branchId ?? '',
      kind: 'subtask',
      colour: -1,
    };
    const x = Math.max(from.x + METRICS.boxOffset, context.lanesRight + 24);
    const expanded = branchId !== null && turns.length > 0 && options.expanded.has(branchId);
    const messages =
      branch.row?.messageCount ?? Math.max(0, ...turns.map((turn) => turn.request.messageCount));
    const name = branchId === null ? 'sub-task' : subtaskLabel(branchId);
    const key = `task:${invocation?.toolUseId ?? branchId ?? owner.key}`;
    const y = pen.y + METRICS.task / 2;
    pen.items.push({
      kind: 'task',
      key,
      y: pen.y,
      height: METRICS.task,
      x,
      labelX: x + METRICS.boxWidth + 12,
      level: level + 1,
      branch,
      invocation,
      owner,
      label: `${name} (${messages})`,
      turns,
      expanded,
    });
    pen.edges.push(bracket(from, { x, y }));
    pen.y += METRICS.task;
    pen.width = Math.max(pen.width, x + METRICS.boxWidth);
    if (!expanded) continue;
    const nodeX = x + 16;
    const first = turns[0];
    for (const turn of turns) placeTurn(context, turn, nodeX, nodeX + METRICS.label, level + 2);
    const to = first === undefined ? undefined : pen.at.get(first);
    if (to) pen.edges.push(join({ x: nodeX, y: y + METRICS.boxHeight / 2 }, to, branch));
    pen.y += METRICS.padding;
  }
}

/** Sub-tasks of a turn: its calls in order, then branches that hang here without a known call. */
function tasksOf(
  context: Context,
  owner: Turn,
): { branchId: string | null; invocation: InvocationRow | null }[] {
  const tasks: { branchId: string | null; invocation: InvocationRow | null }[] = owner.invocations.map(
    (invocation) => ({ branchId: invocation.branchId, invocation }),
  );
  const known = new Set(tasks.map((task) => task.branchId));
  for (const child of owner.children) {
    if (child.branchId === owner.branchId || context.styles.get(child.branchId)?.kind !== 'subtask') continue;
    if (known.has(child.branchId)) continue;
    known.add(child.branchId);
    tasks.push({ branchId: child.branchId, invocation: null });
  }
  return tasks;
}

function join(from: { x: number; y: number }, to: { x: number; y: number }, branch: BranchStyle): TreeEdge {
  const kind =
    from.x === to.x && branch.kind !== 'compact' ? 'line' : branch.kind === 'compact' ? 'compact' : 'fork';
  return {
    path: from.x === to.x ? `M${from.x} ${from.y}V${to.y}` : elbow(from, to),
    top: from.y,
    bottom: to.y,
    kind: kind === 'compact' && from.x === to.x ? 'line' : kind,
    colour: branch.colour,
    pattern: branch.pattern,
  };
}

/** Sideways first, then down: the branch leaves its point at once and runs in its own column. */
function elbow(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const turn = Math.sign(to.x - from.x) * 8;
  return `M${from.x} ${from.y}H${to.x - turn}Q${to.x} ${from.y} ${to.x} ${from.y + 8}V${to.y}`;
}

/** Down beside the column, then horizontally into the box. */
function bracket(from: { x: number; y: number }, to: { x: number; y: number }): TreeEdge {
  const x = from.x + METRICS.lane / 2;
  const path = `M${from.x} ${from.y}Q${x} ${from.y} ${x} ${from.y + 8}V${to.y - 6}Q${x} ${to.y} ${x + 6} ${to.y}H${to.x}`;
  return { path, top: from.y, bottom: to.y, kind: 'task', colour: -1, pattern: 0 };
}

/** Items that touch the range, by binary search: items are in order and never overlap. */
export function visibleItems(items: readonly TreeItem[], top: number, bottom: number): TreeItem[] {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item && item.y + item.height < top) low = middle + 1;
    else high = middle;
  }
  const found: TreeItem[] = [];
  for (let index = low; index < items.length; index++) {
    const item = items[index];
    if (!item || item.y > bottom) break;
    found.push(item);
  }
  return found;
}
