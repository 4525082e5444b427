/** `claude-haiku-4-5-20251001` → `haiku-4-5`: in a list the maker and the date are noise; the full name is for the tooltip. */
export function shortModel(model: string): string {
  return model.replace(/^claude-/, '').replace(/-20\d{6}$/, '');
}
