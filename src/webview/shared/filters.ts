import type { TemplateResult } from 'lit';
import { searchField } from './controls.ts';

/** States of an exchange, or of a conversation by its newest one, for a dropdown. */
export const STATES = [
  { value: '', label: 'Any state' },
  { value: 'running', label: 'Running' },
  { value: 'completed', label: 'Done' },
  { value: 'failed', label: 'Failed' },
  { value: 'aborted', label: 'Aborted' },
  { value: 'interrupted', label: 'Interrupted' },
];

/** A field for a value that has to be exactly this. */
export function exactField(value: string, label: string, onInput: (value: string) => void): TemplateResult {
  return searchField({
    value,
    placeholder: label,
    label: `${label} is exactly`,
    onInput: (typed) => {
      onInput(typed.trim());
    },
  });
}
