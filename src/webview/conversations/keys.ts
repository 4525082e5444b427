import type { TemplateResult } from 'lit';
import { keySheet, type KeyList } from '../shared/key-sheet.ts';

const LIST_KEYS: KeyList = [
  [['↑', '↓'], 'Move (also j, k)'],
  [['Enter'], 'Open conversation or turn'],
  [['/'], 'Search titles and messages'],
  [['f'], 'Show filters'],
  [['r'], 'Refresh'],
  [['Esc'], 'Clear search, close'],
  [['?'], 'This list'],
];

const CONVERSATION_KEYS: KeyList = [
  [['↑', '↓'], 'Move between turns (also j, k)'],
  [['Home', 'End'], 'First or last turn'],
  [['←', '→'], 'Close or open a sub-task'],
  [['Enter'], 'Go to the turn’s details'],
  [['+', '−', '0'], 'Zoom in, out, reset'],
  [['/'], 'Search in conversation'],
  [['f'], 'Next branch'],
  [['r'], 'Refresh'],
  [['Esc'], 'Clear search, back to the list'],
  [['?'], 'This list'],
];

/** The overlay that lists the keys of the view. */
export function keyHelp(inConversation: boolean, close: () => void): TemplateResult {
  return keySheet(inConversation ? CONVERSATION_KEYS : LIST_KEYS, close);
}
