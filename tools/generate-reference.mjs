// @ts-check
// Writes the parts of docs that repeat what the code says: the configuration tables and the table of error codes.
// Run `npm run reference` after a change (it wants a build); specs beside the tables fail while docs are behind.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const load = (/** @type {string} */ path) => import(new URL(`../${path}`, import.meta.url).href);

const { settingsReference, TIER_SETTINGS } = await load('libs/settings/dist/index.js');
const { errorCodeReference } = await load('libs/task-contract/dist/index.js');
const { API_SETTINGS } = await load('apps/api/dist/config/api-settings.js');
const { WORKER_SETTINGS } = await load('apps/worker/dist/config/worker-settings.js');

const SETTINGS_HEAD = ['| variable | default | meaning |', '|---|---|---|'];

await replaceBlocks('docs/configuration.md', {
  api: [...SETTINGS_HEAD, ...settingsReference(API_SETTINGS)],
  worker: [...SETTINGS_HEAD, ...settingsReference(WORKER_SETTINGS)],
  tiers: [...SETTINGS_HEAD, ...settingsReference(TIER_SETTINGS)],
});
await replaceBlocks('docs/protocol.md', { codes: errorCodeReference() });

/**
 * Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`.
 * @param {string} file
 * @param {Record<string, string[]>} blocks
 */
async function replaceBlocks(file, blocks) {
  let text = await readFile(at(file), 'utf8');
  for (const [name, lines] of Object.entries(blocks)) {
    const pattern = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!pattern.test(text)) throw new Error(`${file} has no block "${name}"`);
    text = text.replace(pattern, (_match, open, close) => `${open}${lines.join('\n')}\n${close}`);
  }
  await writeFile(at(file), text);
}
