/**
 * The only module that knows the control library (archived in 2025): a swap is this file. Focus and high-contrast
 * rules that the library lacks are in controls.css.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { icon } from './icon.ts';
import './controls.css';

provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeDropdown(), vsCodeOption(), vsCodeTextField());

/** A text button. Primary at most once per view. */
export function button(options: {
  label: string;
  onClick: () => void;
  primary?: boolean;
  icon?: string;
  title?: string;
  disabled?: boolean;
  /** Takes the focus when the view it is in appears. */
  autofocus?: boolean;
}): TemplateResult {
  return html`<vscode-button
    class="control-button"
    appearance=${options.primary ? 'primary' : 'secondary'}
    title=${options.title ?? nothing}
    ?disabled=${options.disabled ?? false}
    ?autofocus=${options.autofocus ?? false}
    @click=${options.onClick}
    >${options.icon ? html`<span slot="start" class="codicon codicon-${options.icon}"></span>` : nothing}${options.label}</vscode-button
  >`;
}

/** A search field with a magnifier and a clear button. `onInput` gets every change. */
export function searchField(options: {
  value: string;
  placeholder: string;
  label: string;
  onInput: (value: string) => void;
  className?: string;
}): TemplateResult {
  const read = (event: Event): void => {
    options.onInput((event.target as HTMLInputElement).value);
  };
  return html`<vscode-text-field
    class="search-field ${options.className ?? ''}"
    placeholder=${options.placeholder}
    aria-label=${options.label}
    .value=${live(options.value)}
    @input=${read}
  >
    <span slot="start" class="codicon codicon-search"></span>
    ${
      options.value === ''
        ? nothing
        : html`<section slot="end" class="search-clear">
            <button
              type="button"
              class="icon-button small"
              title="Clear search"
              aria-label="Clear search"
              @click=${() => {
                options.onInput('');
              }}
            >
              ${icon('close')}
            </button>
          </section>`
    }
  </vscode-text-field>`;
}

/** A field with its label above. */
export function textField(options: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  onEnter: () => void;
  autofocus?: boolean;
}): TemplateResult {
  return html`<vscode-text-field
    class="text-field"
    ?autofocus=${options.autofocus ?? false}
    .value=${live(options.value)}
    @input=${(event: Event) => {
      options.onInput((event.target as HTMLInputElement).value);
    }}
    @keydown=${(event: KeyboardEvent) => {
      if (event.key === 'Enter') options.onEnter();
    }}
    >${options.label}</vscode-text-field
  >`;
}

/** A choice of one value. */
export function dropdown(options: {
  label: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}): TemplateResult {
  return html`<vscode-dropdown
    class="control-dropdown"
    aria-label=${options.label}
    title=${options.label}
    .value=${live(options.value)}
    @change=${(event: Event) => {
      options.onChange((event.target as HTMLSelectElement).value);
    }}
  >
    ${options.choices.map((choice) => html`<vscode-option value=${choice.value}>${choice.label}</vscode-option>`)}
  </vscode-dropdown>`;
}

/** Puts the cursor into a search field. */
export function focusField(field: Element | null): void {
  if (field instanceof HTMLElement) field.focus();
}
