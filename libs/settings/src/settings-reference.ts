import type { SettingTable } from './read-settings.js';

/** A table of settings as rows of a Markdown table: variable, default, meaning. The configuration reference is made of these. */
export function settingsReference(table: SettingTable): string[] {
  return Object.values(table).map(({ name, fallback, meaning }) => {
    const shown = fallback === undefined ? 'required' : fallback === '' ? '' : `\`${fallback}\``;
    return `| \`${name}\` | ${shown} | ${meaning.replaceAll('|', '\\|')} |`;
  });
}
