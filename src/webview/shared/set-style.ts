import { noChange } from 'lit';
import { directive, Directive, type ElementPart } from 'lit/directive.js';

/**
 * Sets style properties through the object model. Lit's own styleMap writes a style attribute first, which a page
 * without `unsafe-inline` refuses. Used as an element expression: `<div ${setStyle({ top: '4px' })}>`.
 */
class SetStyle extends Directive {
  #set = new Set<string>();

  override render(_properties: Record<string, string>): symbol {
    return noChange;
  }

  override update(part: ElementPart, [properties]: [Record<string, string>]): symbol {
    const { style } = part.element as HTMLElement;
    for (const name of this.#set) {
      if (name in properties) continue;
      style.removeProperty(name);
      this.#set.delete(name);
    }
    for (const [name, value] of Object.entries(properties)) {
      if (style.getPropertyValue(name) !== value) style.setProperty(name, value);
      this.#set.add(name);
    }
    return noChange;
  }
}

/** Style properties by their CSS names. */
export const setStyle = directive(SetStyle);
